use jiff::{SignedDuration, Timestamp};

use super::refusal::Refused;
use super::state::{Container, Kind, Version};

/// A change to what is stored, as immutability sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Put Blob, Put Block List or Copy Blob to a name that has a blob.
    Overwrite,
    /// Put Page, clear, resize.
    Pages,
    /// Append Block.
    Append,
    /// Set Blob Metadata, Set Blob Properties, Snapshot Blob.
    Properties,
    /// Delete Blob.
    Delete,
}

/// Refuses what the container's policy, its hold, or the version's own forbid. New names are always free.
///
/// Source: "Container-level WORM policies" and "Version-level WORM policies", Azure Storage documentation.
pub(super) fn permit(
    container: &Container,
    version: &Version,
    change: Change,
    now: Timestamp,
) -> Result<(), Refused> {
    if container.version_level_worm {
        return permit_version(version, change, now);
    }
    let append_blob = version.kind == Kind::Append && change == Change::Append;
    let held_open = append_blob && container.hold_appends_all;
    if !(container.hold_tags.is_empty() || held_open) {
        return Err(held());
    }
    let Some(policy) = &container.policy else {
        return Ok(());
    };
    let retained = now < version.created + SignedDuration::from_hours(24 * i64::from(policy.days));
    // After the retention a blob may be deleted, and is as unchangeable as before.
    let allowed =
        append_blob && (policy.appends || policy.appends_all) || change == Change::Delete && !retained;
    if allowed {
        Ok(())
    } else {
        Err(retained_by_policy())
    }
}

fn permit_version(version: &Version, change: Change, now: Timestamp) -> Result<(), Refused> {
    if change == Change::Overwrite {
        // A new version comes to be; the protected one stays.
        return Ok(());
    }
    if version.hold {
        return Err(held());
    }
    if version.policy.is_some_and(|(until, _)| now < until) {
        return Err(retained_by_policy());
    }
    Ok(())
}

fn held() -> Refused {
    // Not in the API description's list of codes; it is on the current page of error codes.
    Refused::new(
        409,
        "BlobImmutableDueToLegalHold",
        "This operation is not permitted as the blob is immutable due to one or more legal holds.",
    )
}

fn retained_by_policy() -> Refused {
    Refused::new(
        409,
        "BlobImmutableDueToPolicy",
        "This operation is not permitted as the blob is immutable due to a policy.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure_sim::blob::state::{HoldTag, Policy};
    use crate::azure_sim::content::Content;

    fn container(policy: Option<Policy>, held: bool) -> Container {
        let mut container = Container::new("c", String::new(), Timestamp::UNIX_EPOCH);
        container.policy = policy;
        if held {
            let tag = "case1".to_string();
            container.hold_tags = vec![HoldTag {
                tag,
                at: Timestamp::UNIX_EPOCH,
                by: String::new(),
                tenant: String::new(),
            }];
        }
        container
    }

    fn policy(appends: bool) -> Policy {
        Policy {
            etag: String::new(),
            days: 10,
            locked: true,
            appends,
            appends_all: false,
            extensions: 0,
            history: Vec::new(),
        }
    }

    fn blob(kind: Kind) -> Version {
        Version::new(kind, Content::Zeros(0), String::new(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_policy_forbids_everything_but_deleting_after_its_days() {
        let container = container(Some(policy(false)), false);
        let day = |days: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * days);
        for change in [
            Change::Overwrite,
            Change::Pages,
            Change::Append,
            Change::Properties,
            Change::Delete,
        ] {
            let refused = permit(&container, &blob(Kind::Page), change, day(9)).unwrap_err();
            assert_eq!(refused.code, "BlobImmutableDueToPolicy", "{change:?}");
            assert_eq!(
                permit(&container, &blob(Kind::Page), change, day(11)).is_ok(),
                change == Change::Delete
            );
        }
    }

    #[test]
    fn protected_appends_are_of_append_blobs_only() {
        let open = container(Some(policy(true)), false);
        assert!(permit(&open, &blob(Kind::Append), Change::Append, Timestamp::UNIX_EPOCH).is_ok());
        assert!(permit(&open, &blob(Kind::Block), Change::Append, Timestamp::UNIX_EPOCH).is_err());
        assert!(
            permit(
                &open,
                &blob(Kind::Append),
                Change::Overwrite,
                Timestamp::UNIX_EPOCH
            )
            .is_err()
        );
        let held = container(Some(policy(true)), true);
        let refused = permit(&held, &blob(Kind::Append), Change::Append, Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(refused.code, "BlobImmutableDueToLegalHold");
    }
}
