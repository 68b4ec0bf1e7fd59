//! The RFC 9162 Merkle tree over a list of 32-byte digests, in memory that grows with the logarithm of the list.
//!
//! The leaf of a digest is `SHA-256(0x00 || digest)`, a node is `SHA-256(0x01 || left || right)`, and the tree of no
//! leaves has the root `SHA-256("")`. This is RFC 9162 (as RFC 6962 before it) *over the list of chunk digests*: the
//! entries are digests, not the chunks' bytes, so the tree can be checked from a chunk list without the image.
//!
//! Source: RFC 9162, section 2.1.1.
//!
//! ```
//! use custody_hash::merkle::MerkleFrontier;
//!
//! let mut tree = MerkleFrontier::new();
//! tree.push([0xaa; 32])?;
//! tree.push_run([0xbb; 32], 1 << 40)?; // a million million equal digests, in microseconds
//! assert_eq!(tree.len(), (1 << 40) + 1);
//! let _root = tree.root();
//! # Ok::<(), custody_hash::Error>(())
//! ```

mod proof;

pub use proof::{InclusionProof, ProofBuilder};

use crate::{Error, Result, sha256::Sha256};

/// The right edge of a growing Merkle tree: enough to append to it and to name its root at any moment.
///
/// Holds one 32-byte hash per set bit of the number of leaves, so never more than 64. Cloning it keeps the tree as it
/// is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MerkleFrontier {
    leaves: u64,
    /// Roots of the perfect subtrees that the leaves fall into, the largest first.
    peaks: Vec<[u8; 32]>,
}

impl MerkleFrontier {
    /// A tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one digest. Costs two compressions for the leaf and, on average, two for a node.
    ///
    /// # Errors
    /// [`Error::TreeFull`] beyond 2^64 - 1 leaves; the tree is as before.
    pub fn push(&mut self, digest: [u8; 32]) -> Result<()> {
        self.append_subtree(0, leaf_hash(&digest))
    }

    /// Appends the same digest `count` times, as [`push`](Self::push) in a loop would.
    ///
    /// Equal leaves make equal subtrees, so this takes O(log `count`) hashes: a hole of any size costs microseconds.
    ///
    /// # Errors
    /// [`Error::TreeFull`] beyond 2^64 - 1 leaves; the tree is as before.
    pub fn push_run(&mut self, digest: [u8; 32], count: u64) -> Result<()> {
        self.leaves.checked_add(count).ok_or(Error::TreeFull)?;
        let mut subtree = leaf_hash(&digest);
        let mut subtrees = Vec::new(); // the uniform subtree of each level below that of `subtree`
        let mut left = count;
        while left > 0 {
            // The largest perfect subtree that may stand at this position and that the run fills.
            let level = self.leaves.trailing_zeros().min(left.ilog2());
            while subtrees.len() <= level as usize {
                subtrees.push(subtree);
                subtree = node_hash(&subtree, &subtree);
            }
            if let Some(uniform) = subtrees.get(level as usize) {
                self.append_subtree(level, *uniform)?;
            }
            left -= 1 << level;
        }
        Ok(())
    }

    /// One of so many leaves with these perfect subtrees, the largest first.
    pub(crate) fn resumed(leaves: u64, peaks: Vec<[u8; 32]>) -> Self {
        Self { leaves, peaks }
    }

    pub(crate) fn peaks(&self) -> &[[u8; 32]] {
        &self.peaks
    }

    /// The number of leaves so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.leaves
    }

    /// Whether there is no leaf yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaves == 0
    }

    /// The root of the tree as it stands; more may be pushed afterwards.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        let folded = self
            .peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or_else(|| <Sha256>::digest(b""))
    }

    /// Appends a perfect subtree of 2^`level` leaves; the number of leaves must be a multiple of that.
    fn append_subtree(&mut self, level: u32, root: [u8; 32]) -> Result<()> {
        let leaves = self.leaves.checked_add(1 << level).ok_or(Error::TreeFull)?;
        let mut root = root;
        // Like the carry of an addition: every equal subtree on the left is completed to the next size.
        for _ in 0..(self.leaves >> level).trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                root = node_hash(&left, &root);
            }
        }
        self.peaks.push(root);
        self.leaves = leaves;
        Ok(())
    }
}

/// `SHA-256(0x00 || entry)`: the hash of a leaf.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> [u8; 32] {
    let mut sha = <Sha256>::default();
    sha.update(&[0x00]);
    sha.update(entry);
    sha.finish()
}

/// `SHA-256(0x01 || left || right)`: the hash of an inner node.
#[must_use]
pub fn node_hash(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut sha = <Sha256>::default();
    sha.update(&[0x01]);
    sha.update(left);
    sha.update(right);
    sha.finish()
}

#[cfg(test)]
mod tests;
