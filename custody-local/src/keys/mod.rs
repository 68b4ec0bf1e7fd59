//! Keys of encrypted images: where a custodian keeps them, how they are wrapped, where they are escrowed.

mod age_wrapper;
mod escrow_file;
mod key_escrow;
mod local_keys;

pub use age_wrapper::AgeWrapper;
pub use key_escrow::DirectoryEscrow;
pub use local_keys::LocalKeys;

use std::path::Path;

use custody_core::{Error, Result};
use zeroize::Zeroizing;

use crate::disk::failed;

/// The bytes of a small file that a person named; memory that held them is wiped. Links are followed: the path is theirs.
///
/// # Errors
/// [`Error::Malformed`] for more than `limit` bytes.
fn read_named(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>> {
    use std::os::unix::ffi::OsStrExt as _;
    let shown = custody_core::visible::escape_bytes(path.as_os_str().as_bytes());
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).map_err(failed(&*shown, "open"))?;
    read_stream(&file, shown, limit)
}

/// As [`read_named`], of what is open already: a pipe may give it in pieces.
fn read_stream(file: impl std::os::fd::AsFd, shown: String, limit: usize) -> Result<Zeroizing<Vec<u8>>> {
    // Room for all of it at once: what grows leaves copies behind.
    let mut bytes = Zeroizing::new(vec![0; limit + 1]);
    let mut length = 0;
    loop {
        let Some(room) = bytes.get_mut(length..).filter(|room| !room.is_empty()) else {
            return Err(Error::malformed(shown, format!("has more than {limit} bytes")));
        };
        match rustix::io::read(&file, room) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(failed(shown, "read")(errno)),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}
