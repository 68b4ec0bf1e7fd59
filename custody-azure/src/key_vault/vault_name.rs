use super::address::MAX_NAME_CHARACTERS;
use super::escrow_form::RECORD_SUFFIX;
use crate::snapshotter::{hyphenated, own_name, resource_name, with_digest};

/// What core puts behind a disk snapshot's name when it names a digest, the longest first.
const DIGEST_SUFFIXES: [&str; 2] = ["-hash-SHA256-data", "-hash-SHA256"];
/// The longest name of a key or a digest: a record can lie beside it.
const MAX_BASE_CHARACTERS: usize = MAX_NAME_CHARACTERS - RECORD_SUFFIX.len();

/// The names under which a secret of ours may lie in a vault.
///
/// A vault takes letters, digits and hyphens. A disk snapshot's name becomes what its resource in Azure is called, as
/// the users of Microsoft's runbook know it: without the ending of the file, `-` for every other character. Names that
/// fall together are told apart as those of the resources are: one of them gets a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VaultNames {
    plain: String,
    own: String,
    /// The disk snapshot's resource, where its plain name is another one's.
    own_resource: String,
}

impl VaultNames {
    /// For a name that core chose: a disk snapshot's, with what it put behind it.
    pub(super) fn of(name: &str) -> Self {
        let (snapshot, suffix) = split(name);
        let fit = |text: String| {
            if text.len() > MAX_BASE_CHARACTERS {
                with_digest(&text, name, MAX_BASE_CHARACTERS)
            } else {
                text
            }
        };
        let own_resource = own_name(snapshot);
        let suffix = hyphenated(suffix);
        Self {
            plain: fit(format!("{}{suffix}", resource_name(snapshot))),
            own: fit(format!("{own_resource}{suffix}")),
            own_resource,
        }
    }

    /// The plain one.
    pub(super) fn plain(&self) -> &str {
        &self.plain
    }

    /// Each of them, in the order in which they are taken.
    pub(super) fn each(&self) -> Vec<&str> {
        if self.plain == self.own {
            return vec![&self.plain];
        }
        vec![&self.plain, &self.own]
    }

    /// The same, that of this resource first.
    pub(super) fn each_for(&self, resource: Option<&str>) -> Vec<&str> {
        let mut each = self.each();
        if resource.is_some_and(|name| name.eq_ignore_ascii_case(&self.own_resource)) {
            each.reverse();
        }
        each
    }
}

/// The disk snapshot's name, and what stands behind it.
fn split(name: &str) -> (&str, &str) {
    for (at, ending) in name.rmatch_indices(".vhd") {
        let behind = at + ending.len();
        let behind = behind + usize::from(name.get(behind..).is_some_and(|rest| rest.starts_with('x')));
        if let Some((snapshot, suffix)) = name.split_at_checked(behind)
            && (suffix.is_empty() || suffix.starts_with('-'))
        {
            return (snapshot, suffix);
        }
    }
    let digest = DIGEST_SUFFIXES.iter().find(|suffix| name.ends_with(**suffix));
    let at = name.len() - digest.map_or(0, |suffix| suffix.len());
    name.split_at_checked(at).unwrap_or((name, ""))
}

#[cfg(test)]
mod tests {
    use custody_core::ids::SnapshotName;

    use super::*;

    fn plain(name: &str) -> String {
        VaultNames::of(name).plain
    }

    #[test]
    fn a_name_is_the_snapshots_in_azure_with_the_runbooks_suffix() {
        for (name, due) in [
            (
                "20261128T070000Z-web-01_OsDisk.1.vhd",
                "20261128T070000Z-web-01-OsDisk-1",
            ),
            (
                "20261128T070000Z-web-01_OsDisk.1.vhd-hash-SHA256",
                "20261128T070000Z-web-01-OsDisk-1-hash-SHA256",
            ),
            (
                "20261128T070000Z-big.vhdx-hash-SHA256-data",
                "20261128T070000Z-big-hash-SHA256-data",
            ),
            ("20261128T070000Z-data.vhd-key-2", "20261128T070000Z-data-key-2"),
            (
                "20261128T070000Z-old.vhd-copy.vhd",
                "20261128T070000Z-old-vhd-copy",
            ),
            (
                "20261128T070000Z-web-01.vmgs-hash-SHA256",
                "20261128T070000Z-web-01-vmgs-hash-SHA256",
            ),
            ("202611280700-web-01-data-0", "202611280700-web-01-data-0"),
        ] {
            assert_eq!(plain(name), due);
        }
    }

    #[test]
    fn a_long_name_is_cut_as_the_resources_is_and_leaves_room_for_a_record() {
        let snapshot: SnapshotName = format!("20261128T070000Z-{}.vhd", "d".repeat(80))
            .parse()
            .unwrap();
        let resource = resource_name(snapshot.as_str());
        assert_eq!(resource.len(), 80);
        assert_eq!(
            plain(&format!("{snapshot}-hash-SHA256-data")),
            format!("{resource}-hash-SHA256-data")
        );
        for name in [format!("{snapshot}-{}", "x".repeat(90)), "y".repeat(200)] {
            let names = VaultNames::of(&name);
            for one in names.each() {
                assert!(one.len() + RECORD_SUFFIX.len() <= MAX_NAME_CHARACTERS, "{one}");
                assert!(super::super::address::check_name(one).is_ok(), "{one}");
            }
        }
        let (one, other) = ("x".repeat(180) + "a", "x".repeat(180) + "b");
        assert_ne!(plain(&one), plain(&other));
    }

    #[test]
    fn names_that_fall_together_have_a_second_name_each_as_their_resources_have() {
        let (one, other) = (VaultNames::of("t-a_b.vhd"), VaultNames::of("t-a.b.vhd"));
        assert_eq!(one.plain(), other.plain());
        assert_ne!(one.own, other.own);
        let resource = own_name("t-a.b.vhd");
        assert_eq!(
            other.each_for(Some(&resource)),
            [resource.as_str(), other.plain()]
        );
        assert_eq!(one.each_for(Some(&resource)), one.each());
        let digest = VaultNames::of("t-a.b.vhd-hash-SHA256");
        assert_eq!(digest.own, format!("{resource}-hash-SHA256"));
    }
}
