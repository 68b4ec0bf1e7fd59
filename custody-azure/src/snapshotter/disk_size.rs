use std::fmt;

use custody_core::{Error, Result};

use crate::arm::{DiskResource, ResourceId};

const GIB: u64 = 1 << 30;

/// How large a disk is, as far as the service tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskSize {
    /// In bytes.
    Bytes(u64),
    /// In whole GiB, as restore points tell it: a disk that was uploaded may have less. Its bytes are told when its
    /// export is opened.
    Gib(u64),
}

impl DiskSize {
    /// What the resource tells; else what was told `elsewhere`.
    pub(super) fn of(id: &ResourceId, found: &DiskResource, elsewhere: Option<Self>) -> Result<Self> {
        let told = found.properties.disk_size_bytes.map(Self::Bytes).or(elsewhere);
        let size = told.unwrap_or(Self::Bytes(0));
        match size {
            Self::Bytes(bytes) if bytes == 0 || !bytes.is_multiple_of(512) => Err(Error::malformed(
                id.to_string(),
                format!("the service tells a size of {bytes} bytes, which no disk has"),
            )),
            Self::Gib(gib) if gib == 0 || gib.checked_mul(GIB).is_none() => Err(Error::malformed(
                id.to_string(),
                format!("the service tells a size of {gib} GiB, which no disk has"),
            )),
            size => Ok(size),
        }
    }

    /// Whether a disk has so many bytes.
    pub(crate) const fn fits(self, bytes: u64) -> bool {
        match self {
            Self::Bytes(told) => told == bytes,
            Self::Gib(gib) => bytes > 0 && bytes.is_multiple_of(512) && Self::is_rounded(bytes, gib),
        }
    }

    /// The bytes, or about how many there may be.
    pub(super) const fn reckoned(self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Gib(gib) => gib.saturating_mul(GIB),
        }
    }

    /// Whether a disk of so many bytes is told as so many GiB.
    pub(super) const fn is_rounded(bytes: u64, gib: u64) -> bool {
        bytes.div_ceil(GIB) == gib
    }
}

impl fmt::Display for DiskSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{bytes} bytes"),
            Self::Gib(gib) => write!(f, "up to {gib} GiB"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_no_disk_has_is_refused() {
        let id: ResourceId = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d"
            .parse()
            .unwrap();
        let of = |size| DiskSize::of(&id, &DiskResource::default(), size);
        for wrong in [
            None,
            Some(DiskSize::Bytes(0)),
            Some(DiskSize::Bytes(513)),
            Some(DiskSize::Gib(0)),
            Some(DiskSize::Gib(1 << 40)),
        ] {
            assert!(of(wrong).is_err(), "{wrong:?} was taken");
        }
        assert_eq!(of(Some(DiskSize::Gib(2))).unwrap().reckoned(), 2 << 30);
        let mut told = DiskResource::default();
        told.properties.disk_size_bytes = Some(1024);
        let exact = DiskSize::of(&id, &told, Some(DiskSize::Gib(1))).unwrap();
        assert_eq!(
            exact,
            DiskSize::Bytes(1024),
            "what the resource itself tells counts"
        );
    }
}
