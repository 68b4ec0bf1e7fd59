use std::os::fd::OwnedFd;

use rustix::io::Errno;

/// Reads or writes again after a signal.
fn uninterrupted<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

/// Writes all of it, at this place.
pub(crate) fn write_all_at(file: &OwnedFd, mut bytes: &[u8], mut at: u64) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        let written = uninterrupted(|| rustix::io::pwrite(file, bytes, at))?;
        if written == 0 {
            return Err(Errno::IO);
        }
        bytes = bytes.get(written..).unwrap_or_default();
        at += written as u64;
    }
    Ok(())
}

/// Reads up to `length` bytes from this place; fewer only where the file ends.
pub(crate) fn read_up_to(file: &OwnedFd, at: u64, length: usize) -> rustix::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let next = at + bytes.len() as u64;
        let read =
            uninterrupted(|| rustix::io::pread(file, rustix::buffer::spare_capacity(&mut bytes), next))?;
        if read == 0 {
            break;
        }
    }
    // `with_capacity` may have given more room than was asked for.
    bytes.truncate(length);
    Ok(bytes)
}
