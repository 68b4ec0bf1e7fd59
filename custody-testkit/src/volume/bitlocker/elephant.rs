//! The Elephant diffuser: changes of one bit reach every bit of a sector.
//!
//! Source: Niels Ferguson, "AES-CBC + Elephant diffuser: A Disk Encryption Algorithm for Windows Vista", which gives the
//! decryption; this is its inverse, and libbde and dissect.fve judge it.

const WORD_BYTES: usize = 4;
const A_ROUNDS: usize = 5;
const A_TURNS: [u32; 4] = [9, 0, 13, 0];
const B_ROUNDS: usize = 3;
const B_TURNS: [u32; 4] = [0, 10, 0, 25];

/// Diffuses a sector in place, for encryption: the sector key was mixed in before, CBC follows.
pub(super) fn diffuse(sector: &mut [u8]) {
    let mut words: Vec<u32> = sector
        .chunks_exact(WORD_BYTES)
        .map(|word| u32::from_le_bytes(word.try_into().expect("four bytes")))
        .collect();
    let count = words.len();
    for _ in 0..A_ROUNDS {
        for at in (0..count).rev() {
            let (near, far) = (words[(at + count - 2) % count], words[(at + count - 5) % count]);
            words[at] = words[at].wrapping_sub(near ^ far.rotate_left(A_TURNS[at % 4]));
        }
    }
    for _ in 0..B_ROUNDS {
        for at in (0..count).rev() {
            let (near, far) = (words[(at + 2) % count], words[(at + 5) % count]);
            words[at] = words[at].wrapping_sub(near ^ far.rotate_left(B_TURNS[at % 4]));
        }
    }
    for (bytes, word) in sector.chunks_exact_mut(WORD_BYTES).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
}
