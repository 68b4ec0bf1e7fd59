use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Writes an image of `bytes` bytes that does not compress and has no zero chunk.
///
/// # Panics
/// When it cannot be written.
pub fn random_image(path: &Path, bytes: u64) {
    scattered_image(path, bytes, std::slice::from_ref(&(0..bytes)));
}

/// Writes an image of `bytes` bytes with data that does not compress in the ranges, and holes elsewhere.
///
/// # Panics
/// When it cannot be written.
pub fn scattered_image(path: &Path, bytes: u64, data: &[Range<u64>]) {
    let file = File::create(path).expect("an image can be created");
    file.set_len(bytes).expect("a sparse file can be made");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut block = vec![0_u8; 1 << 20];
    for range in data {
        let mut at = range.start;
        while at < range.end {
            for word in block.chunks_exact_mut(8) {
                // xorshift64: fast, and random enough that nothing can be skipped.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                word.copy_from_slice(&state.to_le_bytes());
            }
            let now = usize::try_from(range.end - at)
                .unwrap_or(usize::MAX)
                .min(block.len());
            file.write_all_at(block.get(..now).unwrap_or_default(), at)
                .expect("an image can be written");
            at += now as u64;
        }
    }
}

/// Makes a file of `bytes` bytes without any data but a megabyte at its end.
///
/// # Panics
/// When it cannot be made.
pub fn sparse_image(path: &Path, bytes: u64) {
    let file = File::create(path).expect("an image can be created");
    file.set_len(bytes).expect("a sparse file can be made");
    file.write_all_at(&vec![0xa5; 1 << 20], bytes - (1 << 20))
        .expect("an image can be written");
}
