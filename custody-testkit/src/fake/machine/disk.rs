use custody_core::digest::DiskData;
use custody_core::extent::{ByteRange, ReadFault, ZeroWord};
use custody_core::port::{DiskDescription, DiskEncryption, GrantReach, ImageForm, SnapshotKind};

use crate::fake::image::Content;

/// A disk of a [`FakeMachine`](super::FakeMachine): bytes, holes, bad sectors, and how it is taken.
#[derive(Debug, Clone)]
pub struct FakeDisk {
    pub(crate) description: DiskDescription,
    pub(crate) content: Content,
    pub(crate) kind: SnapshotKind,
    pub(crate) reach: GrantReach,
    pub(crate) form: Option<ImageForm>,
    pub(crate) access: Option<&'static str>,
}

impl FakeDisk {
    /// A raw disk of these bytes, under this name and id, of which snapshots are made.
    ///
    /// # Panics
    /// When the name is not fit for a disk id.
    #[must_use]
    pub fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let disk = name.parse().expect("a disk's name is visible text");
        Self {
            description: DiskDescription::new(disk, name, bytes.len() as u64),
            content: Content {
                bytes,
                ..Content::default()
            },
            kind: SnapshotKind::Made,
            reach: GrantReach::Holder,
            form: None,
            access: None,
        }
    }

    /// A disk of `length` bytes that differ from place to place and from `seed` to `seed`.
    #[must_use]
    pub fn patterned(name: &str, length: usize, seed: u8) -> Self {
        Self::new(name, pattern(length, seed))
    }

    /// How the disk is taken: by a snapshot that is made, by reading in place, or from a snapshot that
    /// was there before.
    #[must_use]
    pub fn with_kind(mut self, kind: SnapshotKind) -> Self {
        self.kind = kind;
        self
    }

    /// Leaves its length to opening.
    #[must_use]
    pub fn with_length_at_opening(mut self) -> Self {
        let length = self.content.length();
        self.description = self.description.with_length_at_opening(Some(length));
        self
    }

    /// What opening tells of its form.
    #[must_use]
    pub fn with_form_at_opening(mut self, form: ImageForm) -> Self {
        self.form = Some(form);
        self
    }

    /// Who can read with grants on it.
    #[must_use]
    pub const fn with_grant_reach(mut self, reach: GrantReach) -> Self {
        self.reach = reach;
        self
    }

    /// Makes every grant on it [`Unsupported`](custody_core::Error::Unsupported), by the name of this operation.
    #[must_use]
    pub const fn without_access(mut self, operation: &'static str) -> Self {
        self.access = Some(operation);
        self
    }

    /// Makes the range a hole, known to the file system.
    #[must_use]
    pub fn with_hole(mut self, range: ByteRange) -> Self {
        self.content.add_zero(range, ZeroWord::FileSystemHole);
        self
    }

    /// Makes the range bad sectors, which readers go on after.
    #[must_use]
    pub fn with_unread(mut self, range: ByteRange, fault: ReadFault) -> Self {
        self.content.unread.push((range, fault));
        self.content.unread.sort_unstable_by_key(|(range, _)| *range);
        self
    }

    /// Makes every read that touches the range fail.
    #[must_use]
    pub fn with_failing(mut self, range: ByteRange) -> Self {
        self.content.failing.push(range);
        self
    }

    /// Sets what the provider says of its format and of which bytes are the disk's.
    #[must_use]
    pub fn with_format(mut self, format: &str, data: DiskData) -> Self {
        self.description = self.description.with_format(format, data);
        self
    }

    /// Sets what the provider says of its encryption.
    #[must_use]
    pub fn with_encryption(mut self, encryption: DiskEncryption) -> Self {
        self.description = self.description.with_encryption(encryption);
        self
    }

    /// Adds something that the provider says of it.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, value: &str) -> Self {
        self.description = self.description.with_attribute(name, value);
        self
    }
}

/// `length` bytes that differ from place to place, from sector to sector and from seed to seed.
#[must_use]
pub fn pattern(length: usize, seed: u8) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (u64::from(seed) << 32 | 1);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // xorshift64: every non-zero state is followed by another one, with a period of 2^64 - 1.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
