use bytes::Bytes;
use custody_core::port::{HashOptions, WholeImage};

use super::images::{Expected, Image, WithHoles};
use super::stream::hash;
use super::{CHUNK, HasherHarness, MIB};
use crate::conformance::clause::{Conforms, ensure};
use crate::fake::pattern;

/// `IH-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn ih_01_the_stored_file_is_digested(harness: &HasherHarness) -> Conforms {
    for Image { bytes, expected } in Image::all() {
        let taken = harness.hash(bytes, &[MIB], HashOptions::default()).await?;
        let due = expected.stored_file;
        ensure!(
            taken.digests.stored_file == Some(due),
            "{} bytes: the stored file's digest is {:?}, due is {due}",
            bytes.len(),
            taken.digests.stored_file
        );
        let told = taken.digests.length.bytes();
        ensure!(
            told == bytes.len() as u64,
            "{} bytes are told as {told}",
            bytes.len()
        );
    }
    let holes = WithHoles::image();
    let taken = hash(
        &*harness.hasher,
        holes.length(),
        holes.extents(),
        HashOptions::default(),
    )
    .await?;
    ensure!(
        taken.digests.stored_file == Some(holes.expected.stored_file),
        "zeros and unread ranges are not counted as zeros"
    );
    Ok(())
}

/// `IH-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn ih_02_each_chunk_is_digested_once_in_order(harness: &HasherHarness) -> Conforms {
    for whole in [WholeImage::Digest, WholeImage::Omit] {
        let options = || HashOptions::default().with_whole(whole);
        for Image { bytes, expected } in Image::all() {
            let taken = harness.hash(bytes, &[MIB + 1], options()).await?;
            let due = &expected.chunks;
            ensure!(
                taken.chunks == *due,
                "{} bytes, whole image {whole:?}: the chunk digests are {:?}, due are {due:?}",
                bytes.len(),
                taken.chunks
            );
            let told = taken.digests.chunks;
            ensure!(
                told == due.len() as u64,
                "{} chunks are told as {told}",
                due.len()
            );
        }
        let holes = WithHoles::image();
        let taken = hash(&*harness.hasher, holes.length(), holes.extents(), options()).await?;
        ensure!(
            taken.chunks == holes.expected.chunks,
            "chunks with zeros have other digests"
        );
    }
    Ok(())
}

/// `IH-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn ih_03_the_root_is_over_the_chunk_digests(harness: &HasherHarness) -> Conforms {
    for whole in [WholeImage::Digest, WholeImage::Omit] {
        for Image { bytes, expected } in Image::all() {
            let taken = harness
                .hash(bytes, &[MIB], HashOptions::default().with_whole(whole))
                .await?;
            let due = expected.root;
            ensure!(
                taken.digests.root == due,
                "{} bytes, whole image {whole:?}: the root is {}, due is {due}",
                bytes.len(),
                taken.digests.root
            );
        }
    }
    let holes = WithHoles::image();
    let taken = hash(
        &*harness.hasher,
        holes.length(),
        holes.extents(),
        HashOptions::default(),
    )
    .await?;
    ensure!(
        taken.digests.root == holes.expected.root,
        "the root over five chunks is another one"
    );
    Ok(())
}

/// `IH-04`.
///
/// # Errors
/// How the clause is broken.
pub async fn ih_04_the_disk_data_is_digested_apart(harness: &HasherHarness) -> Conforms {
    let bytes = Bytes::from(pattern(CHUNK + 1024, 3));
    for length in [0, 1, 512, CHUNK - 1, CHUNK, CHUNK + 512, CHUNK + 1024] {
        let options = HashOptions::default().with_data_length(Some(length as u64));
        let taken = harness.hash(&bytes, &[700_001], options).await?;
        let due = Expected::of(&bytes.slice(..length)).stored_file;
        ensure!(
            taken.digests.disk_data == Some(due),
            "the digest of {length} bytes of disk data is {:?}, due is {due}",
            taken.digests.disk_data
        );
    }
    // Ends inside of the bad sectors.
    let holes = WithHoles::image();
    let length = 4 * CHUNK + 1000;
    let options = HashOptions::default().with_data_length(Some(length as u64));
    let taken = hash(&*harness.hasher, holes.length(), holes.extents(), options).await?;
    let due = Expected::of(&holes.bytes.slice(..length)).stored_file;
    ensure!(
        taken.digests.disk_data == Some(due),
        "disk data that ends in zeros has another digest"
    );
    Ok(())
}
