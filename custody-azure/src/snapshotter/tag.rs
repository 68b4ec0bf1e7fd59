use std::collections::BTreeMap;

use custody_core::digest::Sha256Digest;
use custody_core::ids::{AcquisitionId, EvidenceItemId, SnapshotName};
use custody_core::{Error, Result};
use serde_json::{Map, Value, json};

use super::part::Part;
use crate::arm::ResourceId;

const ACQUISITION: &str = "custody-acquisition";
const ITEM: &str = "custody-item";
const NAME: &str = "custody-name";
/// Before the digits that stand for a disk.
const DISK: &str = "custody-disk-";
/// Digits of the digest of a disk's id.
const DISK_DIGITS: usize = 16;

/// The most disks of a restore point that custody makes: each has a tag, a resource has at most 50, and some are left
/// for others. The 50 is commonly known; it was not read again here.
pub(super) const MAX_MEMBERS: usize = 40;
const PART: &str = "custody-part";
const GUEST_STATE: &str = "guest-state";

/// The longest value of a tag. Source: learn.microsoft.com, "Use tags to organize your Azure resources", as commonly
/// known; not read again here, so a longer value is refused on our side first.
const MAX_VALUE_CHARACTERS: usize = 256;

/// The mark that custody leaves on a disk snapshot that it makes, as tags set at its creation and never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) acquisition: AcquisitionId,
    pub(super) name: SnapshotName,
    /// What of the disk it was made for.
    pub(super) part: Part,
}

impl Mark {
    /// The mark in these tags; `None` where they are not ours. Tag names are compared without regard to case.
    pub(super) fn read(tags: &BTreeMap<String, String>) -> Option<Self> {
        let value = |name: &str| {
            let found = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        Some(Self {
            acquisition: value(ACQUISITION)?.parse().ok()?,
            name: value(NAME)?.parse().ok()?,
            part: match value(PART) {
                Some(GUEST_STATE) => Part::GuestState,
                _ => Part::Disk,
            },
        })
    }

    /// The tags.
    pub(super) fn tags(&self, item: &EvidenceItemId) -> Result<Value> {
        if self.name.as_str().chars().count() > MAX_VALUE_CHARACTERS {
            return Err(Error::misuse(format!(
                "the name of disk snapshot {} is longer than a tag can hold",
                self.name
            )));
        }
        let mut tags = json!({
            ACQUISITION: self.acquisition.as_str(),
            ITEM: item.as_str(),
            NAME: self.name.as_str(),
        });
        if let (Part::GuestState, Some(tags)) = (self.part, tags.as_object_mut()) {
            tags.insert(PART.into(), GUEST_STATE.into());
        }
        Ok(tags)
    }
}

/// The mark that custody leaves on the collection of a restore point that it makes: restore points have no tags, and
/// the names of their parts are the service's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SetMark {
    pub(super) acquisition: AcquisitionId,
    members: BTreeMap<String, SetMember>,
}

/// What the mark tells of one disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SetMember {
    /// The name that core chose for its snapshot.
    pub(super) name: SnapshotName,
    /// Its size when the restore point was asked for: a part does not tell it.
    pub(super) bytes: u64,
}

impl SetMark {
    pub(super) const fn new(acquisition: AcquisitionId) -> Self {
        Self {
            acquisition,
            members: BTreeMap::new(),
        }
    }

    pub(super) fn insert(&mut self, disk: &ResourceId, member: SetMember) {
        self.members.insert(key(disk), member);
    }

    pub(super) fn member(&self, disk: &ResourceId) -> Option<&SetMember> {
        self.members.get(&key(disk))
    }

    pub(super) fn members(&self) -> impl ExactSizeIterator<Item = &SetMember> {
        self.members.values()
    }

    /// The mark in these tags; `None` where they are not ours.
    pub(super) fn read(tags: &BTreeMap<String, String>) -> Option<Self> {
        let mut acquisition = None;
        let mut members = BTreeMap::new();
        for (name, value) in tags {
            let name = name.to_ascii_lowercase();
            if name == ACQUISITION {
                acquisition = Some(value.parse().ok()?);
            } else if let Some(disk) = name.strip_prefix(DISK) {
                let (bytes, name) = value.split_once(' ')?;
                let member = SetMember {
                    name: name.parse().ok()?,
                    bytes: bytes.parse().ok()?,
                };
                members.insert(disk.to_owned(), member);
            }
        }
        Some(Self {
            acquisition: acquisition?,
            members,
        })
    }

    /// The tags.
    pub(super) fn tags(&self) -> Result<Value> {
        let mut tags = Map::new();
        tags.insert(ACQUISITION.into(), self.acquisition.as_str().into());
        for (disk, member) in &self.members {
            let value = format!("{} {}", member.bytes, member.name);
            if value.chars().count() > MAX_VALUE_CHARACTERS {
                return Err(Error::misuse(format!(
                    "the name of disk snapshot {} is longer than a tag can hold",
                    member.name
                )));
            }
            tags.insert(format!("{DISK}{disk}"), value.into());
        }
        Ok(Value::Object(tags))
    }
}

/// What stands for a disk in the name of a tag: ids are longer than names may be, and hold what names may not.
fn key(disk: &ResourceId) -> String {
    let digest = Sha256Digest::of(disk.as_str().to_ascii_lowercase().as_bytes()).to_string();
    digest.chars().take(DISK_DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_set_is_read_as_it_was_written_however_ids_are_cased() {
        let acquisition: AcquisitionId = "20261121T203015Z-0123abcd".parse().unwrap();
        let id =
            |group: &str| ResourceId::new("s", group, "Microsoft.Compute/disks", "web-01_OsDisk_1").unwrap();
        let mut mark = SetMark::new(acquisition);
        let member = SetMember {
            name: "20261121T203015Z-web 01.vhd".parse().unwrap(),
            bytes: 137_438_953_472,
        };
        mark.insert(&id("production"), member.clone());
        let tags: BTreeMap<String, String> = serde_json::from_value(mark.tags().unwrap()).unwrap();
        // The service keeps names of tags as they come, and does not promise it.
        let shouted = tags
            .iter()
            .map(|(name, value)| (name.to_ascii_uppercase(), value.clone()));
        let read = SetMark::read(&shouted.collect()).unwrap();
        assert_eq!(read, mark);
        assert_eq!(read.member(&id("PRODUCTION")), Some(&member));
        assert_eq!(read.member(&id("other")), None);
        assert_eq!(SetMark::read(&BTreeMap::new()), None);
    }
}
