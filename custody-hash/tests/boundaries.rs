//! Lengths around blocks, sectors and chunks, at the real chunk size, against `sha2` and the tools of a shell.
#![expect(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and runs on 64 bits"
)]

use std::{
    io::Write,
    process::{Command, Stdio},
};

use bytes::Bytes;
use custody_hash::{
    CHUNK_BYTES, ChunkRun, ChunkedSha256, Engine, EngineOptions, ImageDigests, ImageLayout, ImageOptions,
    Piece, ZERO_CHUNK_DIGEST, chunk_list,
};
use sha2::{Digest, Sha256};

const CHUNK: usize = CHUNK_BYTES as usize;

fn sample(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

fn by_engine(engine: &Engine, layout: ImageLayout, pieces: Vec<Piece>) -> (Vec<ChunkRun>, ImageDigests) {
    let mut image = engine.start(layout, ImageOptions::default()).unwrap();
    let mut runs = Vec::new();
    for piece in pieces {
        runs.extend(image.push_blocking(piece).unwrap());
    }
    let (rest, digests) = image.finish_blocking().unwrap();
    runs.extend(rest);
    (runs, digests)
}

fn digests_of(runs: &[ChunkRun]) -> Vec<[u8; 32]> {
    runs.iter().flat_map(ChunkRun::digests).collect()
}

#[test]
fn every_boundary_length_agrees_between_engine_serial_front_and_sha2() {
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let sample = sample(2 * CHUNK + 1);
    for length in [
        0,
        1,
        63,
        64,
        65,
        511,
        512,
        513,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        2 * CHUNK + 1,
    ] {
        let image = &sample[..length];
        let data_length = length.saturating_sub(512);
        let layout = ImageLayout::new(length as u64).with_disk_data_bytes(data_length as u64);
        let chunks: Vec<[u8; 32]> = image
            .chunks(CHUNK)
            .map(|chunk| Sha256::digest(chunk).into())
            .collect();

        let bytes = Bytes::copy_from_slice(image);
        let pieces = (0..length)
            .step_by(700_001)
            .map(|at| bytes.slice(at..length.min(at + 700_001)));
        let (runs, digests) = by_engine(&engine, layout, pieces.map(Piece::Data).collect());
        assert_eq!(digests_of(&runs), chunks, "{length} bytes");
        assert_eq!(digests.chunks, chunks.len() as u64);
        assert_eq!(digests.stored_file, Some(Sha256::digest(image).into()));
        assert_eq!(
            digests.disk_data,
            Some(Sha256::digest(&image[..data_length]).into())
        );

        let mut serial = ChunkedSha256::with_layout(layout).unwrap();
        Digest::update(&mut serial, image);
        let (runs, serial) = serial.finish().unwrap();
        assert_eq!(digests_of(&runs), chunks);
        assert_eq!(serial, digests);
    }
}

#[test]
fn holes_and_zeros_that_were_read_have_the_same_digests() {
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let length = 3 * CHUNK_BYTES + 5;
    let layout = ImageLayout::new(length);
    let hole = Piece::Zero { length_bytes: length };
    let (hole_runs, hole_digests) = by_engine(&engine, layout, vec![hole]);
    let read = Piece::Data(Bytes::from(vec![0; 3 * CHUNK + 5]));
    let (read_runs, read_digests) = by_engine(&engine, layout, vec![read]);

    assert_eq!(hole_digests, read_digests);
    assert_eq!(digests_of(&hole_runs), digests_of(&read_runs));
    assert_eq!(hole_runs[0], ChunkRun::Zero { chunks: 3 });
    assert!(read_runs.iter().all(|run| matches!(run, ChunkRun::Data(_))));
    assert_eq!(digests_of(&hole_runs)[0], ZERO_CHUNK_DIGEST);
}

#[test]
fn an_empty_image_has_no_chunks_and_the_root_of_nothing() {
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let (runs, digests) = by_engine(&engine, ImageLayout::new(0).with_disk_data_bytes(0), Vec::new());
    let empty: [u8; 32] = Sha256::digest(b"").into();
    assert_eq!((runs, digests.chunks, digests.root), (Vec::new(), 0, empty));
    assert_eq!(
        (digests.stored_file, digests.disk_data),
        (Some(empty), Some(empty))
    );
}

#[test]
fn a_reader_gives_what_the_shell_tools_print() {
    let image = sample(2 * CHUNK + 12_345);
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let mut list = Vec::new();
    let layout = ImageLayout::of_unknown_length();
    let deposit = |run| chunk_list::write_run(&run, &mut list);
    let digests = engine
        .hash_reader(image.as_slice(), layout, ImageOptions::default(), deposit)
        .unwrap();

    assert_eq!(list, piped("split -b 4M --filter=sha256sum", &image));
    let whole = chunk_list::ChunkListLine::new(digests.stored_file.unwrap());
    assert_eq!(whole.to_bytes().as_slice(), piped("sha256sum", &image));
}

#[test]
fn a_reader_that_fails_says_where() {
    struct Broken(u64);
    impl std::io::Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let left = usize::try_from(self.0).unwrap().min(buffer.len()).min(999);
            self.0 -= left as u64;
            if left == 0 {
                Err(std::io::Error::other("bad sector"))
            } else {
                Ok(left)
            }
        }
    }
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let layout = ImageLayout::new(5_000_000);
    let failure = engine
        .hash_reader(Broken(1_234_567), layout, ImageOptions::default(), |_| Ok(()))
        .unwrap_err();
    assert_eq!(failure.to_string(), "image cannot be read at byte 1234567");
    assert_eq!(
        std::error::Error::source(&failure)
            .expect("it has a cause")
            .to_string(),
        "bad sector"
    );
}

/// What a command line prints for its standard input.
fn piped(command: &str, input: &[u8]) -> Vec<u8> {
    let mut shell = Command::new("sh");
    let mut child = shell
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{command}");
        output.stdout
    })
}
