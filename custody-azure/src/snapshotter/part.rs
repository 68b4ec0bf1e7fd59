use std::fmt;
use std::str::FromStr;

use custody_core::ids::DiskId;
use custody_core::{Error, Result, visible};

use crate::arm::ResourceId;

/// What marks the guest state beside a disk. No resource id has this character.
const GUEST_STATE_MARK: &str = "#guest-state";

/// What of a disk an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Part {
    /// What the machine sees as the disk.
    #[default]
    Disk,
    /// The guest state (VMGS) that lies beside an operating system's disk: the firmware's variables, the virtual TPM.
    GuestState,
}

/// A disk resource, and what of it an item is: the disk's own id, or that id with a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiskPart {
    pub(crate) resource: ResourceId,
    pub(crate) part: Part,
}

impl Part {
    /// What an item is, by its id alone.
    pub(crate) fn of(disk: &DiskId) -> Self {
        if disk.as_str().ends_with(GUEST_STATE_MARK) {
            Self::GuestState
        } else {
            Self::Disk
        }
    }

    /// The id of this part of the resource.
    pub(super) fn id_of(self, resource: &str) -> Result<DiskId> {
        let mark = match self {
            Self::Disk => "",
            Self::GuestState => GUEST_STATE_MARK,
        };
        format!("{}{mark}", visible::escape(resource)).parse()
    }
}

impl DiskPart {
    /// What an item is, by its id.
    pub(crate) fn of(disk: &DiskId) -> Result<Self> {
        disk.as_str().parse()
    }
}

impl FromStr for DiskPart {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (resource, part) = match text.strip_suffix(GUEST_STATE_MARK) {
            Some(resource) => (resource, Part::GuestState),
            None => (text, Part::Disk),
        };
        Ok(Self {
            resource: resource.parse()?,
            part,
        })
    }
}

impl fmt::Display for DiskPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Disk => self.resource.fmt(f),
            Part::GuestState => write!(f, "the guest state of {}", self.resource),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_told_by_its_id() {
        let disk = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d";
        for part in [Part::Disk, Part::GuestState] {
            let id = part.id_of(disk).unwrap();
            let read = DiskPart::of(&id).unwrap();
            assert_eq!((read.resource.as_str(), read.part), (disk, part));
            assert_eq!(Part::of(&id), part);
        }
        assert_ne!(
            Part::Disk.id_of(disk).unwrap(),
            Part::GuestState.id_of(disk).unwrap()
        );
    }
}
