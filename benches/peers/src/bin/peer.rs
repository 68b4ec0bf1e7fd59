//! Files hashed by one of the other libraries, or by this one where its command line has no such mode:
//! `peer LIBRARY FILE…`.
//!
//! - `sha2`, `ring`, `aws-lc-rs`, `blake3`: one thread, a MiB at a time;
//! - `sha2-ahead`: the digest of the whole alone, with a second thread that reads ahead;
//! - `tape-sha256`: the digest of the digests of chunks of 4 MiB, sixteen at a time on each of two threads;
//! - `custody-hash`: all files at once in one engine, with the options that it has by default.

use std::{fs::File, os::unix::fs::FileExt, sync::mpsc, thread};

use custody_hash::{Engine, EngineOptions, ImageLayout, ImageOptions};
use sha2::Digest as _;

const READ_BYTES: usize = 1 << 20;
const CHUNK_BYTES: usize = 4 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, library, paths @ ..] = arguments.as_slice() else { panic!("peer LIBRARY FILE…") };
    if library == "custody-hash" {
        return all_at_once(paths);
    }
    for path in paths {
        let file = File::open(path).expect("the file opens");
        let digest: Vec<u8> = match library.as_str() {
            "sha2" => {
                let mut sha = sha2::Sha256::new();
                read(&file, |bytes| sha.update(bytes));
                sha.finalize().to_vec()
            }
            "sha2-ahead" => read_ahead(&file),
            "ring" => {
                let mut sha = ring::digest::Context::new(&ring::digest::SHA256);
                read(&file, |bytes| sha.update(bytes));
                sha.finish().as_ref().to_vec()
            }
            "aws-lc-rs" => {
                let mut sha = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
                read(&file, |bytes| sha.update(bytes));
                sha.finish().as_ref().to_vec()
            }
            "blake3" => {
                let mut hasher = blake3::Hasher::new();
                read(&file, |bytes| {
                    hasher.update(bytes);
                });
                hasher.finalize().as_bytes().to_vec()
            }
            "tape-sha256" => by_tape(&file),
            other => panic!("no library {other}"),
        };
        println!("{}  {path}", hex(&digest));
    }
}

fn all_at_once(paths: &[String]) {
    let engine = Engine::new(EngineOptions::default()).expect("threads start");
    let hash = |path: &String| {
        let file = File::open(path).expect("the file opens");
        let layout = ImageLayout::new(file.metadata().expect("a length").len());
        let digests = engine.hash_image(&file, layout, ImageOptions::default(), |_| Ok(()));
        digests.expect("the file reads").stored_file.expect("a whole digest")
    };
    thread::scope(|scope| {
        let running: Vec<_> = paths.iter().map(|path| (path, scope.spawn(move || hash(path)))).collect();
        for (path, digest) in running {
            println!("{}  {path}", hex(&digest.join().expect("no panic")));
        }
    });
}

/// Two threads with sixteen chunks each, in turn.
fn by_tape(file: &File) -> Vec<u8> {
    const BATCH_BYTES: usize = 16 * CHUNK_BYTES;
    let batches = file.metadata().expect("a length").len().div_ceil(BATCH_BYTES as u64);
    let work = |first: u64| {
        let mut buffer = vec![0; BATCH_BYTES];
        let batches = (first..batches).step_by(2).map(|batch| {
            let filled = fill(file, &mut buffer, batch * BATCH_BYTES as u64);
            let chunks: Vec<&[u8]> = buffer[..filled].chunks(CHUNK_BYTES).collect();
            let mut digests = vec![[0; 32]; chunks.len()];
            tape_sha256::hash_many(&chunks, &mut digests);
            digests.concat()
        });
        batches.collect::<Vec<_>>()
    };
    let (even, odd) = thread::scope(|scope| {
        let other = scope.spawn(move || work(1));
        (work(0), other.join().expect("no panic"))
    });
    let mut all = sha2::Sha256::new();
    for (at, digests) in even.iter().enumerate() {
        all.update(digests);
        all.update(odd.get(at).map_or(&[][..], Vec::as_slice));
    }
    all.finalize().to_vec()
}

fn read_ahead(file: &File) -> Vec<u8> {
    let (full, to_hash) = mpsc::sync_channel::<(Vec<u8>, usize)>(4);
    let (free, to_fill) = mpsc::channel();
    for _ in 0..4 {
        free.send(vec![0; READ_BYTES]).expect("the reader listens");
    }
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut at = 0;
            for mut buffer in to_fill {
                let filled = fill(file, &mut buffer, at);
                at += filled as u64;
                if filled == 0 || full.send((buffer, filled)).is_err() {
                    return;
                }
            }
        });
        let mut sha = sha2::Sha256::new();
        for (buffer, filled) in to_hash {
            sha.update(&buffer[..filled]);
            drop(free.send(buffer));
        }
        sha.finalize().to_vec()
    })
}

fn read(file: &File, mut each: impl FnMut(&[u8])) {
    let (mut buffer, mut at) = (vec![0; READ_BYTES], 0);
    loop {
        let filled = fill(file, &mut buffer, at);
        if filled == 0 {
            return;
        }
        at += filled as u64;
        each(&buffer[..filled]);
    }
}

fn fill(file: &File, buffer: &mut [u8], at: u64) -> usize {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at + filled as u64).expect("the file reads") {
            0 => break,
            more => filled += more,
        }
    }
    filled
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
