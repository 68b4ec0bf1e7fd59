use proptest::prelude::*;
use sha2::Digest as _;

use super::*;
use crate::samples::hex;

/// RFC 9162 section 2.1.1, word for word, on another SHA-256.
fn naive_root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => sha2::Sha256::digest(b"").into(),
        [leaf] => sha2::Sha256::new()
            .chain_update([0])
            .chain_update(leaf)
            .finalize()
            .into(),
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(k);
            let node = sha2::Sha256::new().chain_update([1]);
            node.chain_update(naive_root(left))
                .chain_update(naive_root(right))
                .finalize()
                .into()
        }
    }
}

fn numbered(count: u64) -> Vec<[u8; 32]> {
    (0..count).map(|n| <Sha256>::digest(&n.to_be_bytes())).collect()
}

#[test]
fn every_size_up_to_1025_has_the_root_of_the_naive_tree() {
    let leaves = numbered(1025);
    let mut tree = MerkleFrontier::new();
    for size in 0..=leaves.len() {
        assert_eq!(tree.root(), naive_root(&leaves[..size]), "{size} leaves");
        assert_eq!(tree.len(), size as u64);
        if let Some(leaf) = leaves.get(size) {
            tree.push(*leaf).unwrap();
        }
    }
}

/// The eight entries and nine roots that implementations of RFC 6962 share.
///
/// Source: google/certificate-transparency, `cpp/merkletree/merkle_tree_test.cc`.
#[test]
fn certificate_transparency_vectors_are_met() {
    let entries: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = MerkleFrontier::new();
    assert_eq!(hex(&tree.root()), roots[0]);
    for (entry, root) in entries.into_iter().zip(&roots[1..]) {
        tree.append_subtree(0, leaf_hash(entry)).unwrap();
        assert_eq!(hex(&tree.root()), *root);
    }
}

#[test]
fn a_hole_of_a_tebibyte_takes_a_handful_of_hashes() {
    let started = std::time::Instant::now();
    let mut tree = MerkleFrontier::new();
    tree.push([1; 32]).unwrap();
    tree.push_run([0; 32], (1 << 40) / crate::CHUNK_BYTES).unwrap();
    assert_eq!(tree.len(), (1 << 18) + 1);
    assert!(started.elapsed().as_millis() < 50, "{:?}", started.elapsed());
}

#[test]
fn a_full_tree_refuses_another_leaf_and_stays_as_it_is() {
    let mut tree = MerkleFrontier::new();
    tree.push_run([7; 32], u64::MAX).unwrap();
    let before = tree.clone();
    assert!(matches!(tree.push([7; 32]), Err(Error::TreeFull)));
    assert!(matches!(tree.push_run([7; 32], 2), Err(Error::TreeFull)));
    assert_eq!(tree, before);
}

proptest! {
    #[test]
    fn runs_equal_single_pushes(runs in proptest::collection::vec((any::<u8>(), 0..70u64), 0..8)) {
        let (mut by_run, mut one_by_one) = (MerkleFrontier::new(), MerkleFrontier::new());
        for (value, count) in runs {
            by_run.push_run([value; 32], count).unwrap();
            for _ in 0..count {
                one_by_one.push([value; 32]).unwrap();
            }
        }
        prop_assert_eq!(by_run, one_by_one);
    }
}
