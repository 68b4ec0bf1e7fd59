//! A file hashed by one of the other libraries, on one thread, a MiB at a time: `peer sha2|ring|aws-lc-rs|blake3|
//! tape-sha256 FILE`. With `tape-sha256` the digest is of the digests of its chunks of 4 MiB, sixteen at a time.

use std::{fs::File, io::Read};

use sha2::Digest as _;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, library, path] = arguments.as_slice() else { panic!("peer LIBRARY FILE") };
    let mut file = File::open(path).expect("the file opens");
    let digest: Vec<u8> = match library.as_str() {
        "sha2" => {
            let mut sha = sha2::Sha256::new();
            read(&mut file, 1 << 20, |bytes| sha.update(bytes));
            sha.finalize().to_vec()
        }
        "ring" => {
            let mut sha = ring::digest::Context::new(&ring::digest::SHA256);
            read(&mut file, 1 << 20, |bytes| sha.update(bytes));
            sha.finish().as_ref().to_vec()
        }
        "aws-lc-rs" => {
            let mut sha = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
            read(&mut file, 1 << 20, |bytes| sha.update(bytes));
            sha.finish().as_ref().to_vec()
        }
        "blake3" => {
            let mut hasher = blake3::Hasher::new();
            read(&mut file, 1 << 20, |bytes| drop(hasher.update(bytes)));
            hasher.finalize().as_bytes().to_vec()
        }
        "tape-sha256" => {
            let mut all = sha2::Sha256::new();
            read(&mut file, 64 << 20, |bytes| {
                let chunks: Vec<&[u8]> = bytes.chunks(4 << 20).collect();
                let mut digests = vec![[0; 32]; chunks.len()];
                tape_sha256::hash_many(&chunks, &mut digests);
                all.update(digests.concat());
            });
            all.finalize().to_vec()
        }
        other => panic!("no library {other}"),
    };
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{hex}  {path}");
}

fn read(file: &mut File, bytes: usize, mut each: impl FnMut(&[u8])) {
    let mut buffer = vec![0; bytes];
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..]).expect("the file reads") {
                0 => break,
                more => filled += more,
            }
        }
        if filled == 0 {
            return;
        }
        each(&buffer[..filled]);
    }
}
