use digest::{Digest, DynDigest};

use super::*;
use crate::{
    Error,
    samples::{hex, noise, sha2_of},
};

fn generic<D: Digest>(message: &[u8]) -> Vec<u8> {
    let mut hasher = D::new();
    message.chunks(1_000).for_each(|bytes| hasher.update(bytes));
    hasher.finalize().to_vec()
}

#[test]
fn as_a_digest_it_is_plain_sha256() {
    assert_eq!(hex(&ChunkedSha256::digest(b"abc")), hex(&sha2_of(b"abc")));
    for length in [0, 1, 63, 64, 65, 511, 512, 513, 70_000] {
        let message = noise(length, 5);
        assert_eq!(
            generic::<ChunkedSha256>(&message),
            generic::<sha2::Sha256>(&message),
            "{length} bytes"
        );
    }
}

#[test]
fn it_serves_as_a_dynamic_digest_and_starts_over() {
    let mut hasher: Box<dyn DynDigest> = Box::new(ChunkedSha256::default());
    for _ in 0..2 {
        hasher.update(b"abc");
        assert_eq!(hasher.finalize_reset().as_ref(), sha2_of(b"abc"));
    }
}

#[test]
fn starting_over_keeps_the_declared_shape() {
    let mut hasher = ChunkedSha256::with_layout(ImageLayout::new(3).with_disk_data_bytes(1)).unwrap();
    Digest::update(&mut hasher, b"xyz");
    Digest::reset(&mut hasher);
    Digest::update(&mut hasher, b"abc");
    let (runs, digests) = hasher.finish().unwrap();
    assert_eq!(digests.disk_data, Some(sha2_of(b"a")));
    assert_eq!(runs, [ChunkRun::Data(vec![sha2_of(b"abc")])]);
}

#[test]
fn runs_can_be_taken_on_the_way() {
    let mut hasher = ChunkedSha256::of(
        ImageLayout::of_unknown_length(),
        NonZeroU64::new(2).unwrap(),
        [9; 32],
    );
    hasher.push(&Piece::Zero { length_bytes: 5 }).unwrap();
    assert_eq!(hasher.take_runs(), [ChunkRun::Zero { chunks: 2 }]);
    Digest::update(&mut hasher, b"ab");
    assert_eq!(hasher.take_runs(), [ChunkRun::Data(vec![sha2_of(b"\0a")])]);
    let (runs, digests) = hasher.finish().unwrap();
    assert_eq!(runs, [ChunkRun::Data(vec![sha2_of(b"b")])]);
    assert_eq!(digests.chunks, 4);
}

#[test]
fn a_stream_of_another_length_than_declared_has_no_digests() {
    let declared = || ChunkedSha256::with_layout(ImageLayout::new(3)).unwrap();
    assert!(matches!(declared().finish(), Err(Error::EndedEarly { .. })));
    let beyond = declared().chain_update(b"abcd").finish();
    assert!(matches!(
        beyond,
        Err(Error::GoesOn {
            received_bytes: 3,
            piece_bytes: 1,
            ..
        })
    ));
    assert!(matches!(
        declared().push(&Piece::Zero { length_bytes: 4 }),
        Err(Error::GoesOn { .. })
    ));
}
