//! Proof that a digest is one of a tree's, without the others.

use std::ops::Range;

use super::{MerkleFrontier, leaf_hash, node_hash};
use crate::{Error, Result};

/// The hashes that lead from one leaf to the root: RFC 9162, section 2.1.3.
///
/// With it anyone who knows the root and the number of chunks can check one chunk of an image, and nothing else of it
/// has to be disclosed. Both must come from whoever vouches for the image, and never from the proof itself: some paths
/// lead to the same root in trees of other sizes too.
///
/// # Examples
/// ```
/// use custody_hash::{digest, merkle::{InclusionProof, MerkleFrontier, ProofBuilder}};
///
/// let chunks: Vec<[u8; 32]> = (0..10_u8).map(|n| digest(&[n])).collect();
/// let (mut tree, mut builder) = (MerkleFrontier::new(), ProofBuilder::new(7, 10)?);
/// for chunk in &chunks {
///     tree.push(*chunk)?;
///     builder.push(*chunk)?;
/// }
/// let proof: InclusionProof = builder.finish()?;
/// assert!(proof.verify(7, 10, &chunks[7], &tree.root()).is_ok());
/// assert!(proof.verify(7, 10, &chunks[6], &tree.root()).is_err());
/// assert!(proof.verify(7, 11, &chunks[7], &tree.root()).is_err());
/// # Ok::<(), custody_hash::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    leaf: u64,
    leaves: u64,
    path: Vec<[u8; 32]>,
}

/// Makes a proof from the digests as they come, in memory that grows with the square of the tree's height.
#[derive(Debug, Clone)]
pub struct ProofBuilder {
    leaf: u64,
    leaves: u64,
    seen: u64,
    /// The subtrees beside the path, the nearest to the leaf first.
    siblings: Vec<(Range<u64>, MerkleFrontier)>,
}

impl InclusionProof {
    /// A proof as it was received: for leaf number `leaf`, counted from 0, of `leaves`.
    #[must_use]
    pub fn new(leaf: u64, leaves: u64, path: Vec<[u8; 32]>) -> Self {
        Self { leaf, leaves, path }
    }

    /// Which leaf it is for, counted from 0.
    #[must_use]
    pub fn leaf(&self) -> u64 {
        self.leaf
    }

    /// How many leaves the tree has.
    #[must_use]
    pub fn leaves(&self) -> u64 {
        self.leaves
    }

    /// The hashes, from the leaf to the root.
    #[must_use]
    pub fn path(&self) -> &[[u8; 32]] {
        &self.path
    }

    /// Whether a chunk with this digest is leaf number `leaf`, counted from 0, of the tree that has so many leaves and
    /// this root (RFC 9162, section 2.1.3.2). What the proof says of itself must agree.
    ///
    /// # Errors
    /// [`Error::NotIncluded`] if not.
    pub fn verify(&self, leaf: u64, leaves: u64, digest: &[u8; 32], root: &[u8; 32]) -> Result<()> {
        let not_included = || Error::NotIncluded { leaf, leaves };
        let mut last = leaves.checked_sub(1).ok_or_else(not_included)?;
        if leaf > last || (leaf, leaves) != (self.leaf, self.leaves) {
            return Err(not_included());
        }
        let (mut at, mut hash) = (leaf, leaf_hash(digest));
        for sibling in &self.path {
            if last == 0 {
                return Err(not_included());
            }
            if at % 2 == 1 || at == last {
                hash = node_hash(sibling, &hash);
                while at % 2 == 0 && at != 0 {
                    (at, last) = (at >> 1, last >> 1);
                }
            } else {
                hash = node_hash(&hash, sibling);
            }
            (at, last) = (at >> 1, last >> 1);
        }
        if last == 0 && hash == *root {
            Ok(())
        } else {
            Err(not_included())
        }
    }
}

impl ProofBuilder {
    /// For leaf number `leaf`, counted from 0, of a tree of `leaves`.
    ///
    /// # Errors
    /// [`Error::NotIncluded`] if there is no such leaf.
    pub fn new(leaf: u64, leaves: u64) -> Result<Self> {
        if leaf >= leaves {
            return Err(Error::NotIncluded { leaf, leaves });
        }
        let (mut tree, mut siblings) = (0..leaves, Vec::new());
        while tree.end - tree.start > 1 {
            // The left subtree is the largest power of two that is smaller than the tree.
            let left = 1 << (tree.end - tree.start - 1).ilog2();
            let middle = tree.start + left;
            let (mine, sibling) = if leaf < middle {
                (tree.start..middle, middle..tree.end)
            } else {
                (middle..tree.end, tree.start..middle)
            };
            siblings.push((sibling, MerkleFrontier::new()));
            tree = mine;
        }
        siblings.reverse();
        Ok(Self {
            leaf,
            leaves,
            seen: 0,
            siblings,
        })
    }

    /// Takes the digest of the next chunk.
    ///
    /// # Errors
    /// [`Error::TreeFull`] if there are more than were announced.
    pub fn push(&mut self, digest: [u8; 32]) -> Result<()> {
        if self.seen == self.leaves {
            return Err(Error::TreeFull);
        }
        let at = self.seen;
        self.seen += 1;
        match self.siblings.iter_mut().find(|(range, _)| range.contains(&at)) {
            Some((_, tree)) => tree.push(digest),
            None => Ok(()), // the leaf itself
        }
    }

    /// The proof, when all digests were taken.
    ///
    /// # Errors
    /// [`Error::EndedEarly`], in chunks, if there were fewer than announced.
    pub fn finish(self) -> Result<InclusionProof> {
        if self.seen < self.leaves {
            return Err(Error::EndedEarly {
                declared_bytes: self.leaves,
                received_bytes: self.seen,
            });
        }
        let path = self.siblings.iter().map(|(_, tree)| tree.root()).collect();
        Ok(InclusionProof::new(self.leaf, self.leaves, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(leaves: u64) -> Vec<[u8; 32]> {
        (0..leaves).map(|n| crate::digest(&n.to_le_bytes())).collect()
    }

    fn prove(digests: &[[u8; 32]], leaf: u64) -> InclusionProof {
        let mut builder = ProofBuilder::new(leaf, digests.len() as u64).unwrap();
        digests.iter().for_each(|digest| builder.push(*digest).unwrap());
        builder.finish().unwrap()
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proven_and_no_other() {
        for leaves in 1..35 {
            let digests = digests(leaves);
            let mut tree = MerkleFrontier::new();
            digests.iter().for_each(|digest| tree.push(*digest).unwrap());
            let root = tree.root();
            for (leaf, digest) in (0..).zip(&digests) {
                let proof = prove(&digests, leaf);
                proof.verify(leaf, leaves, digest, &root).unwrap();
                assert!(proof.verify(leaf, leaves, &[0; 32], &root).is_err());
                assert!(proof.verify(leaf, leaves, digest, &[0; 32]).is_err());
                let next = (leaf + 1) % leaves;
                let moved = InclusionProof::new(next, leaves, proof.path().to_vec());
                assert!(leaves == 1 || moved.verify(next, leaves, digest, &root).is_err());
                let mut longer = proof.path().to_vec();
                longer.push([0; 32]);
                let longer = InclusionProof::new(leaf, leaves, longer);
                assert!(longer.verify(leaf, leaves, digest, &root).is_err());
            }
        }
    }

    #[test]
    fn what_a_proof_says_of_itself_is_not_taken_for_the_number_of_leaves() {
        let digests = digests(5);
        let mut tree = MerkleFrontier::new();
        digests.iter().for_each(|digest| tree.push(*digest).unwrap());
        let (root, path) = (tree.root(), prove(&digests, 0).path().to_vec());
        for leaves in [6, 7, 8] {
            // The same path, the same root: only who knows the number of leaves can tell.
            let other = InclusionProof::new(0, leaves, path.clone());
            other.verify(0, leaves, &digests[0], &root).unwrap();
            assert!(other.verify(0, 5, &digests[0], &root).is_err(), "{leaves}");
            let own = InclusionProof::new(0, 5, path.clone());
            assert!(own.verify(0, leaves, &digests[0], &root).is_err(), "{leaves}");
        }
        let other_leaf = InclusionProof::new(1, 5, path);
        assert!(other_leaf.verify(0, 5, &digests[0], &root).is_err());
    }

    /// Source: the certificate-transparency test vectors' construction, by the definition of RFC 9162, section
    /// 2.1.3.1, for seven leaves: the proof for leaf 3 is [c, g, l], for leaf 6 it is [i, k].
    #[test]
    fn the_examples_of_the_standard_come_out() {
        let digests = digests(7);
        let leaf = |n: usize| leaf_hash(&digests[n]);
        let node = |left: [u8; 32], right: [u8; 32]| node_hash(&left, &right);
        let (g, h, i) = (
            node(leaf(0), leaf(1)),
            node(leaf(2), leaf(3)),
            node(leaf(4), leaf(5)),
        );
        let (k, l) = (node(g, h), node(i, leaf(6)));
        assert_eq!(prove(&digests, 3).path(), [leaf(2), g, l]);
        assert_eq!(prove(&digests, 6).path(), [i, k]);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(ProofBuilder::new(5, 5).is_err());
        assert!(ProofBuilder::new(0, 0).is_err());
        for (leaf, leaves) in [(0, 0), (1, 1), (u64::MAX, u64::MAX), (0, u64::MAX)] {
            let empty = InclusionProof::new(leaf, leaves, Vec::new());
            assert!(empty.verify(leaf, leaves, &[0; 32], &[0; 32]).is_err());
        }
        let mut builder = ProofBuilder::new(0, 1).unwrap();
        assert!(matches!(builder.clone().finish(), Err(Error::EndedEarly { .. })));
        builder.push([0; 32]).unwrap();
        assert!(matches!(builder.push([0; 32]), Err(Error::TreeFull)));
    }
}
