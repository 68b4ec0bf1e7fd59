use sha2::{Digest as _, Sha256};

use crate::digest::Sha256Digest;

/// The leaf of a log line: SHA-256(0x00 || line). Source: RFC 6962 section 2.1, read 2026-11-21.
#[must_use]
pub fn leaf(line: &[u8]) -> Sha256Digest {
    Sha256Digest::of_parts(&[&[0], line])
}

/// The node over two subtrees: SHA-256(0x01 || left || right).
#[must_use]
pub fn node(left: &Sha256Digest, right: &Sha256Digest) -> Sha256Digest {
    Sha256Digest::of_parts(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// The Merkle tree over a growing list, kept as the roots of its perfect subtrees: O(log n) memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MerkleFrontier {
    size: u64,
    /// Roots of perfect subtrees, largest first; one for each bit set in `size`.
    peaks: Vec<Sha256Digest>,
}

impl MerkleFrontier {
    /// The tree over nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds the line as a leaf.
    pub fn push(&mut self, line: &[u8]) {
        let mut top = leaf(line);
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                top = node(&left, &top);
            }
        }
        self.peaks.push(top);
        self.size += 1;
    }

    /// The root; SHA-256 of nothing for the empty tree.
    #[must_use]
    pub fn root(&self) -> Sha256Digest {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => Sha256Digest::from_bytes(Sha256::digest([]).into()),
            Some(&last) => peaks.fold(last, |right, left| node(left, &right)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962's definition, word for word.
    fn definition(lines: &[Vec<u8>]) -> Sha256Digest {
        match lines {
            [] => Sha256Digest::of(b""),
            [line] => leaf(line),
            many => {
                let split = many.len().next_power_of_two() / 2;
                node(&definition(&many[..split]), &definition(&many[split..]))
            }
        }
    }

    #[test]
    fn the_frontier_agrees_with_the_definition_for_every_size() {
        let lines: Vec<Vec<u8>> = (0..300_u32).map(|n| n.to_be_bytes().to_vec()).collect();
        let mut tree = MerkleFrontier::new();
        for size in 0..=lines.len() {
            assert_eq!(tree.root(), definition(&lines[..size]), "{size}");
            if let Some(line) = lines.get(size) {
                tree.push(line);
            }
        }
    }
}
