use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use custody_core::Error;
use custody_core::extent::{ByteRange, Extent, ZeroWord};
use custody_core::port::HashOptions;
use futures::future::join_all;

use super::stream::{Counted, cut};
use super::{CHUNK, HasherHarness, MIB};
use crate::conformance::clause::{Conforms, ensure, refused};
use crate::fake::pattern;
use crate::turn::give_way;

/// `IH-05`.
///
/// # Errors
/// How the clause is broken.
pub async fn ih_05_how_a_stream_is_cut_changes_nothing(harness: &HasherHarness) -> Conforms {
    let small = Bytes::from(pattern(3000, 4));
    let large = Bytes::from(pattern(2 * CHUNK + 5000, 5));
    let cuts: [(&Bytes, &[usize]); 8] = [
        (&small, &[1]),
        (&small, &[63, 1, 64, 65]),
        (&small, &[511, 2]),
        (&large, &[CHUNK]),
        (&large, &[CHUNK - 1, 2]),
        (&large, &[CHUNK + 1]),
        (&large, &[65_536, 1, 4095]),
        (&large, &[3 * CHUNK]),
    ];
    for (bytes, sizes) in cuts {
        let options = || HashOptions::default().with_data_length(Some(bytes.len() as u64 - 512));
        // Whether the digests are right is another clause's matter: here they must be the same.
        let whole = harness.hash(bytes, &[bytes.len()], options()).await?;
        let pieces = harness.hash(bytes, sizes, options()).await?;
        ensure!(
            whole == pieces,
            "{} bytes in pieces of {sizes:?} give other digests",
            bytes.len()
        );
    }
    Ok(())
}

/// `IH-06`.
///
/// # Errors
/// How the clause is broken.
pub async fn ih_06_extents_must_cover_the_length_in_order(harness: &HasherHarness) -> Conforms {
    let data = |at: u64, length: usize| Extent::Data {
        at,
        bytes: Bytes::from(pattern(length, 1)),
    };
    let zero = |at: u64, length: u64| Extent::Zero {
        range: ByteRange::at(at, length),
        word: ZeroWord::FileSystemHole,
    };
    let wrong: [(&str, Vec<Extent>); 8] = [
        ("a gap", vec![data(0, 1000), data(1500, 1500)]),
        ("an overlap", vec![data(0, 1000), data(500, 2500)]),
        ("a late start", vec![data(1, 2999)]),
        ("too much", vec![data(0, 3000), data(3000, 1)]),
        ("too many zeros", vec![data(0, 1000), zero(1000, 2001)]),
        ("a gap before zeros", vec![data(0, 1000), zero(1001, 1999)]),
        ("too little", vec![data(0, 1000), data(1000, 1999)]),
        ("nothing", vec![]),
    ];
    for (what, extents) in wrong {
        let mut hash = harness.hasher.start(3000, HashOptions::default())?;
        let outcome = async {
            for extent in extents {
                hash.push(extent).await?;
            }
            hash.finish().await
        };
        refused!(outcome.await, Error::Misuse { .. }, "extents with {what}");
    }
    let options = HashOptions::default().with_data_length(Some(3001));
    refused!(
        harness.hasher.start(3000, options),
        Error::Misuse { .. },
        "more disk data than bytes"
    );
    Ok(())
}

/// `IH-07`, as far as the bytes that were pushed are counted until nobody holds them.
///
/// # Errors
/// How the clause is broken.
pub async fn ih_07_memory_stays_bounded(harness: &HasherHarness) -> Conforms {
    let piece = Bytes::from(pattern(MIB, 1));
    let pieces = harness.held / MIB as u64 + 32;
    let alive = Arc::new(AtomicU64::new(0));
    let mut hash = harness
        .hasher
        .start(pieces * MIB as u64, HashOptions::default())?;
    let mut most = 0;
    for number in 0..pieces {
        let bytes = Counted::bytes(piece.clone(), &alive);
        let at = number * MIB as u64;
        hash.push(Extent::Data { at, bytes }).await?;
        most = alive.load(Ordering::SeqCst).max(most);
    }
    hash.finish().await?;
    ensure!(
        most <= harness.held,
        "{most} bytes were held, at most {} may be",
        harness.held
    );
    Ok(())
}

/// `IH-08`.
///
/// # Errors
/// How the clause is broken.
pub async fn ih_08_many_images_at_once_are_as_each_alone(harness: &HasherHarness) -> Conforms {
    let images: Vec<Bytes> = (1..=6_u8)
        .map(|seed| Bytes::from(pattern(usize::from(seed) * 900_001, seed)))
        .collect();
    let options = || HashOptions::default().with_data_length(Some(900_000));
    let mut alone = Vec::new();
    for bytes in &images {
        alone.push(harness.hash(bytes, &[100_000], options()).await?);
    }
    let mut hashes = Vec::new();
    for bytes in &images {
        hashes.push(harness.hasher.start(bytes.len() as u64, options())?);
    }
    // Every image is under way before any of them ends.
    let together = join_all(images.iter().zip(hashes).map(|(bytes, mut hash)| async move {
        for extent in cut(bytes, &[100_000]) {
            hash.push(extent).await?;
            give_way().await;
        }
        hash.finish().await
    }))
    .await;
    for (number, (alone, together)) in alone.iter().zip(together).enumerate() {
        let (_, together) = together?;
        ensure!(
            alone.digests == together,
            "image {number} has other digests among others than alone"
        );
    }
    Ok(())
}

/// Name, and the digests of nothing and of `abc`. Sources: RFC 1321 section A.5; FIPS 180-4 examples.
const SIDE: [(&str, &str, &str); 2] = [
    (
        "md5",
        "d41d8cd98f00b204e9800998ecf8427e",
        "900150983cd24fb0d6963f7d28e17f72",
    ),
    (
        "sha1",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "a9993e364706816aba3e25717850c26c9cd0d89d",
    ),
];

/// `IH-09`.
///
/// # Errors
/// How the clause is broken.
pub async fn ih_09_an_unknown_side_digest_is_unsupported(harness: &HasherHarness) -> Conforms {
    let options = |name: &str| HashOptions::default().with_side(vec![name.to_owned()]);
    for name in ["crc-of-nobody", "", "MD5"] {
        refused!(
            harness.hasher.start(3, options(name)),
            Error::Unsupported { .. },
            "the side digest {name:?}"
        );
    }
    for (name, of_nothing, of_abc) in SIDE {
        if !harness.side.iter().any(|known| known == name) {
            refused!(
                harness.hasher.start(3, options(name)),
                Error::Unsupported { .. },
                "the side digest {name}, which the engine does not have"
            );
            continue;
        }
        for (bytes, due) in [(Bytes::new(), of_nothing), (Bytes::from_static(b"abc"), of_abc)] {
            let taken = harness.hash(&bytes, &[1], options(name)).await?;
            let told = taken.digests.side.get(name).map(String::as_str);
            ensure!(told == Some(due), "{name} of {bytes:?} is {told:?}, due is {due}");
        }
    }
    Ok(())
}
