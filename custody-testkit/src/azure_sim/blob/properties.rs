use super::state::{Container, Version};
use crate::azure_sim::clock::{http_date, long_date};
use crate::azure_sim::http::Answer;

/// Puts what is known about a version into the headers of an answer to Get Blob or Get Blob Properties.
pub(super) fn describe(answer: &mut Answer, container: &Container, version: &Version, is_current: bool) {
    let mut set = |name: &str, value: String| answer.set_header(name, value);
    set("etag", version.etag.clone());
    set("last-modified", http_date(version.modified));
    set("x-ms-creation-time", http_date(version.created));
    set("x-ms-blob-type", version.kind.name().into());
    set("x-ms-lease-status", "unlocked".into());
    set("x-ms-lease-state", "available".into());
    set("x-ms-server-encrypted", "true".into());
    set("accept-ranges", "bytes".into());
    match version.kind {
        super::state::Kind::Page => set("x-ms-blob-sequence-number", version.sequence.to_string()),
        super::state::Kind::Append => {
            set(
                "x-ms-blob-committed-block-count",
                version.appended_blocks.to_string(),
            );
            if version.sealed {
                set("x-ms-blob-sealed", "true".into());
            }
        }
        super::state::Kind::Block => {
            set("x-ms-access-tier", "Hot".into());
            set("x-ms-access-tier-inferred", "true".into());
        }
    }
    for (name, value) in &version.metadata {
        set(&format!("x-ms-meta-{name}"), value.clone());
    }
    if let Some(id) = &version.id {
        set("x-ms-version-id", id.clone());
        if is_current {
            set("x-ms-is-current-version", "true".into());
        }
    }
    if container.version_level_worm {
        if let Some((until, locked)) = version.policy {
            set("x-ms-immutability-policy-until-date", http_date(until));
            // In lower case in answers, though requests have it capitalised.
            set(
                "x-ms-immutability-policy-mode",
                if locked { "locked" } else { "unlocked" }.into(),
            );
        }
        if version.hold {
            set("x-ms-legal-hold", "true".into());
        }
    }
    if let Some(copy) = &version.copy {
        for (name, value) in copy.headers() {
            set(name, value);
        }
    }
}

/// The same for a container.
pub(super) fn describe_container(answer: &mut Answer, container: &Container) {
    let mut set = |name: &str, value: String| answer.set_header(name, value);
    set("etag", container.etag.clone());
    set("last-modified", http_date(container.modified));
    set("x-ms-lease-status", "unlocked".into());
    set("x-ms-lease-state", "available".into());
    set("x-ms-default-encryption-scope", "$account-encryption-key".into());
    set("x-ms-deny-encryption-scope-override", "false".into());
    set(
        "x-ms-has-immutability-policy",
        container.policy.is_some().to_string(),
    );
    set(
        "x-ms-has-legal-hold",
        (!container.hold_tags.is_empty()).to_string(),
    );
    set(
        "x-ms-immutable-storage-with-versioning-enabled",
        container.version_level_worm.to_string(),
    );
    for (name, value) in &container.metadata {
        set(&format!("x-ms-meta-{name}"), value.clone());
    }
}

/// A fresh version's id: an instant with seven digits.
pub(super) fn version_id(at: jiff::Timestamp, ordinal: u64) -> String {
    let step = jiff::SignedDuration::from_nanos(i64::try_from(ordinal % 1000).unwrap_or(0) * 100);
    long_date(at + step)
}
