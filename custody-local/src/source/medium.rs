use std::fmt;

use custody_core::Result;
use rustix::io::Errno;

/// How a read goes to the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Through the page cache: fast, but a bad sector takes its whole page with it.
    Buffered,
    /// Past the page cache (`O_DIRECT`): to the sector, and never an old answer. Offset, length and
    /// memory must be aligned; `EINVAL` or `EOPNOTSUPP` where it is not offered.
    Direct,
}

/// One opened file or device, as the kernel offers it. Tests put a failing one in its place.
pub(super) trait Medium: fmt::Debug + Send + Sync {
    /// The name for records and errors, escaped.
    fn name(&self) -> &str;

    /// The length in bytes when it was opened.
    fn length(&self) -> u64;

    /// The smallest unit that can be read, in bytes; a power of two.
    fn sector_bytes(&self) -> u32;

    /// Reads once. May give fewer bytes than asked for; none at the end.
    fn pread(&self, way: Way, at: u64, into: &mut [u8]) -> Result<usize, Errno>;

    /// The next byte at or after `at` that is not in a hole; `ENXIO` where there is none.
    fn seek_data(&self, at: u64) -> Result<u64, Errno>;

    /// The next hole at or after `at`, the end counting as one.
    fn seek_hole(&self, at: u64) -> Result<u64, Errno>;

    /// Whether it still is what was opened, as far as a look at it tells.
    ///
    /// # Errors
    /// `NotFound` when it is gone, `Integrity` when it has another length or was written.
    fn check(&self) -> Result<()>;
}
