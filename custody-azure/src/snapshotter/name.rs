use std::collections::BTreeSet;

use custody_core::digest::Sha256Digest;
use custody_core::ids::SnapshotName;
use custody_core::port::PlannedSnapshot;

/// The longest name of a disk snapshot. Source: Microsoft's OpenAPI document, DiskRP 2023-10-02, read 2026-11-21.
const MAX_NAME_CHARACTERS: usize = 80;
/// Digits of the digest that makes a name its own.
const DIGEST_DIGITS: usize = 8;

const _: () = assert!(DIGEST_DIGITS + 1 < MAX_NAME_CHARACTERS);

/// The names of the resources for a plan's snapshots, each once. Names that fall together get a digest.
pub(super) fn resource_names(plan: &[PlannedSnapshot]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    plan.iter()
        .map(|planned| {
            let plain = resource_name(planned.name.as_str());
            if taken.insert(plain.to_ascii_lowercase()) {
                plain
            } else {
                distinct_name(&planned.name)
            }
        })
        .collect()
}

/// The name of the resource for a snapshot: what Azure does not take becomes `-`, the ending of the file goes. A name
/// that is too long is cut and gets a digest.
pub(crate) fn resource_name(name: &str) -> String {
    let plain = plain(name);
    if plain.len() > MAX_NAME_CHARACTERS {
        return own_name(name);
    }
    plain
}

/// The name with a digest, which no other snapshot's has.
pub(super) fn distinct_name(name: &SnapshotName) -> String {
    own_name(name.as_str())
}

/// The same of a name as text.
pub(crate) fn own_name(name: &str) -> String {
    with_digest(&plain(name), name, MAX_NAME_CHARACTERS)
}

/// What Azure takes of a text, cut so that a digest of the whole name fits behind it.
pub(crate) fn with_digest(plain: &str, name: &str, most: usize) -> String {
    let digest = Sha256Digest::of(name.as_bytes()).to_string();
    let digits: String = digest.chars().take(DIGEST_DIGITS).collect();
    let room = most.saturating_sub(DIGEST_DIGITS + 1);
    let cut: String = plain.chars().take(room).collect();
    format!("{}-{digits}", cut.trim_end_matches('-'))
}

fn plain(text: &str) -> String {
    let stem = [".vhd", ".vhdx"]
        .iter()
        .find_map(|ending| text.strip_suffix(ending))
        .unwrap_or(text);
    hyphenated(stem)
}

/// A text with `-` for whatever Azure does not take in names.
pub(crate) fn hyphenated(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}

#[cfg(test)]
mod tests {
    use custody_core::ids::EvidenceItemId;

    use super::*;

    fn planned(name: &str) -> PlannedSnapshot {
        PlannedSnapshot::new(
            EvidenceItemId::new(1),
            name.parse().unwrap(),
            name.parse().unwrap(),
        )
    }

    #[test]
    fn a_name_is_what_the_runbook_would_make_of_it() {
        let names = resource_names(&[planned("20261121T203015Z-web01_OsDisk.1.vhd")]);
        assert_eq!(names, ["20261121T203015Z-web01-OsDisk-1"]);
    }

    #[test]
    fn a_long_name_is_cut_and_stays_its_own() {
        let long = "d".repeat(90);
        let names = resource_names(&[planned(&format!("{long}a")), planned(&format!("{long}b"))]);
        for name in &names {
            assert!(name.len() <= MAX_NAME_CHARACTERS, "{name}");
        }
        assert_ne!(names.first(), names.get(1));
    }

    #[test]
    fn names_that_fall_together_are_told_apart() {
        let names = resource_names(&[planned("x-a.b"), planned("x-a_b"), planned("X-A-B")]);
        let distinct: BTreeSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        assert_eq!(distinct.len(), 3, "{names:?}");
        assert!(names.iter().all(|name| name.len() <= MAX_NAME_CHARACTERS));
    }
}
