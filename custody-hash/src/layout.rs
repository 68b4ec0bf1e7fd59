//! What is known of an image before its first byte.

use crate::{Error, MAX_IMAGE_BYTES, Result};

/// The declared shape of a stored image: how long the file is and how much of it, from the start, is disk data.
///
/// A fixed VHD, for one, is disk data followed by a footer of 512 bytes; a raw image is disk data only.
///
/// Invariants, checked when hashing starts: the stored file has at most [`MAX_IMAGE_BYTES`], and the disk data is
/// not longer than the stored file.
///
/// ```
/// use custody_hash::ImageLayout;
///
/// let vhd = ImageLayout::new((1 << 30) + 512).with_disk_data_bytes(1 << 30);
/// assert_eq!(vhd.disk_data_bytes(), Some(1 << 30));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageLayout {
    stored_file_bytes: Option<u64>,
    disk_data_bytes: Option<u64>,
}

impl ImageLayout {
    /// A stored file of exactly that many bytes; more or fewer will be an error.
    #[must_use]
    pub const fn new(stored_file_bytes: u64) -> Self {
        Self {
            stored_file_bytes: Some(stored_file_bytes),
            disk_data_bytes: None,
        }
    }

    /// A stored file of which nobody knows the length, such as a pipe. Where the stream ends is then taken for the
    /// end of the image: a stream that was cut short cannot be told from a short one.
    #[must_use]
    pub const fn of_unknown_length() -> Self {
        Self {
            stored_file_bytes: None,
            disk_data_bytes: None,
        }
    }

    /// Asks for a digest of the first `disk_data_bytes` as well. It need not be aligned to anything.
    #[must_use]
    pub const fn with_disk_data_bytes(mut self, disk_data_bytes: u64) -> Self {
        self.disk_data_bytes = Some(disk_data_bytes);
        self
    }

    /// The declared length of the stored file.
    #[must_use]
    pub const fn stored_file_bytes(&self) -> Option<u64> {
        self.stored_file_bytes
    }

    /// The declared length of the disk data.
    #[must_use]
    pub const fn disk_data_bytes(&self) -> Option<u64> {
        self.disk_data_bytes
    }

    /// Whether the declaration makes sense at all.
    pub(crate) fn check(&self) -> Result<()> {
        let limit_bytes = self.limit_bytes();
        if limit_bytes > MAX_IMAGE_BYTES {
            return Err(Error::TooLong {
                declared_bytes: limit_bytes,
            });
        }
        self.check_disk_data(limit_bytes)
    }

    /// Whether a stream that ended after `received_bytes` is what was declared.
    pub(crate) fn check_end(&self, received_bytes: u64) -> Result<()> {
        match self.stored_file_bytes {
            Some(declared_bytes) if received_bytes < declared_bytes => Err(Error::EndedEarly {
                declared_bytes,
                received_bytes,
            }),
            Some(declared_bytes) if received_bytes > declared_bytes => Err(Error::GoesOn {
                declared_bytes,
                received_bytes: declared_bytes,
                piece_bytes: received_bytes - declared_bytes,
            }),
            _ => self.check_disk_data(received_bytes),
        }
    }

    /// The position after `piece_bytes` more, if the declaration has room for them.
    pub(crate) fn advance(&self, received_bytes: u64, piece_bytes: u64) -> Result<u64> {
        let declared_bytes = self.limit_bytes();
        received_bytes
            .checked_add(piece_bytes)
            .filter(|end| *end <= declared_bytes)
            .ok_or(Error::GoesOn {
                declared_bytes,
                received_bytes,
                piece_bytes,
            })
    }

    fn limit_bytes(&self) -> u64 {
        self.stored_file_bytes.unwrap_or(MAX_IMAGE_BYTES)
    }

    fn check_disk_data(&self, stored_file_bytes: u64) -> Result<()> {
        match self.disk_data_bytes {
            Some(disk_data_bytes) if disk_data_bytes > stored_file_bytes => Err(Error::DataBeyondImage {
                disk_data_bytes,
                stored_file_bytes,
            }),
            _ => Ok(()),
        }
    }
}
