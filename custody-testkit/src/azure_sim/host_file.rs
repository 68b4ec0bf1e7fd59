//! A file of the host, read at an offset; which of its ranges are holes, where the host can say so.

use std::fs::File;
use std::io;
use std::ops::Range;

/// Fills the buffer from an offset on.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    file.read_exact_at(buffer, offset)
}

/// Fills the buffer from an offset on.
#[cfg(windows)]
pub(crate) fn read_at(file: &File, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
    use std::os::windows::fs::FileExt as _;
    while !buffer.is_empty() {
        match file.seek_read(buffer, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                offset += read as u64;
                buffer = &mut buffer[read..];
            }
        }
    }
    Ok(())
}

const SCAN_BYTES: u64 = 64 * 1024;

/// The ranges of a file that hold something other than zeros, in steps of 64 KiB. Reads the file once: portable, and a
/// scenario's files are small.
pub(crate) fn data_ranges(file: &File, length: u64) -> io::Result<Vec<Range<u64>>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    let mut buffer = vec![0; super::content::index(SCAN_BYTES)];
    let mut offset = 0;
    while offset < length {
        let end = length.min(offset + SCAN_BYTES);
        let part = &mut buffer[..super::content::index(end - offset)];
        read_at(file, offset, part)?;
        if part.iter().any(|byte| *byte != 0) {
            match ranges.last_mut() {
                Some(last) if last.end == offset => last.end = end,
                _ => ranges.push(offset..end),
            }
        }
        offset = end;
    }
    Ok(ranges)
}
