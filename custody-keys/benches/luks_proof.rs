//! The proof of a LUKS volume beside `cryptsetup open --test-passphrase` on the same key slot, in turn in one run.
//!
//! A time alone says little on another machine: the ratio of the medians is what counts, and it must be at most 1.2.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints its figures, and one that cannot measure stops"
)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use custody_core::port::ProofVerdict;
use custody_keys::{DiskKey, Prover};
use custody_testkit::fake::MemoryImage;
use custody_testkit::volume::BitLockerVolume;
use futures::executor::block_on;

const PASSPHRASE: &[u8] = b"correct horse battery staple";
const PAIRS: usize = 7;
const AT_MOST: f64 = 1.2;
const BITLOCKER_AT_MOST: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let volume = folder.path().join("volume");
    let mut missed = bitlocker();
    // What `cryptsetup` chooses for a two-second slot on a fast machine, and Argon2 with 1 GiB as it chooses at most.
    for (name, options) in [
        (
            "LUKS1, PBKDF2 of SHA-1",
            &["--type=luks1", "--hash=sha1", "--pbkdf-force-iterations=4000000"][..],
        ),
        (
            "LUKS1, PBKDF2 of SHA-256",
            &[
                "--type=luks1",
                "--hash=sha256",
                "--pbkdf-force-iterations=4000000",
            ],
        ),
        (
            "LUKS2, PBKDF2 of SHA-512",
            &[
                "--type=luks2",
                "--pbkdf=pbkdf2",
                "--hash=sha512",
                "--pbkdf-force-iterations=2000000",
            ],
        ),
        (
            "LUKS2, Argon2id, 256 MiB, 1 lane",
            &[
                "--type=luks2",
                "--pbkdf=argon2id",
                "--pbkdf-memory=262144",
                "--pbkdf-parallel=1",
                "--pbkdf-force-iterations=4",
            ],
        ),
        (
            "LUKS2, Argon2id, 1 GiB, 4 lanes",
            &[
                "--type=luks2",
                "--pbkdf=argon2id",
                "--pbkdf-memory=1048576",
                "--pbkdf-parallel=4",
                "--pbkdf-force-iterations=4",
            ],
        ),
    ] {
        fs::write(&volume, vec![0; 20 << 20]).expect("the folder can be written to");
        let mut format = vec!["luksFormat", "--batch-mode", "--key-file=-"];
        format.extend(options);
        cryptsetup(&format, &volume);
        let image = fs::read(&volume).expect("what was just written can be read");
        let key = Arc::new(DiskKey::from_bytes(PASSPHRASE).expect("a passphrase is a key"));
        let (mut ours, mut peers) = (Vec::new(), Vec::new());
        for _ in 0..PAIRS {
            let begun = Instant::now();
            let disk = Arc::new(MemoryImage::new("volume", image.clone()));
            let proof =
                block_on(Prover::default().prove_disk(disk, Arc::clone(&key))).expect("memory can be read");
            ours.push(begun.elapsed());
            assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
            let begun = Instant::now();
            cryptsetup(&["open", "--test-passphrase", "--key-file=-"], &volume);
            peers.push(begun.elapsed());
        }
        let (ours, peer) = (median(ours), median(peers));
        let ratio = ours.as_secs_f64() / peer.as_secs_f64();
        let verdict = if ratio <= AT_MOST { "held" } else { "MISSED" };
        missed |= ratio > AT_MOST;
        println!(
            "{name:<34} ours {:>6.3} s  cryptsetup {:>6.3} s  ratio {ratio:>4.2} (at most {AT_MOST}: {verdict})",
            ours.as_secs_f64(),
            peer.as_secs_f64(),
        );
    }
    ExitCode::from(u8::from(missed))
}

/// The proof of a BitLocker volume has a bound of its own. Whether it was missed.
fn bitlocker() -> bool {
    let made = BitLockerVolume::new(1, vec![b'c'; 8 << 20]).make();
    let key = Arc::new(DiskKey::from_bytes(&made.key_file).expect("a key file is a key"));
    let mut times = Vec::new();
    let mut read = 0;
    for _ in 0..PAIRS {
        let disk = Arc::new(MemoryImage::new("volume", made.image.clone()));
        let begun = Instant::now();
        let proof =
            block_on(Prover::default().prove_disk(disk, Arc::clone(&key))).expect("memory can be read");
        times.push(begun.elapsed());
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
        read = proof.bytes_read;
    }
    let time = median(times);
    println!(
        "BitLocker                          ours {time:?}, at most {BITLOCKER_AT_MOST:?}; {} KiB read",
        read >> 10
    );
    time > BITLOCKER_AT_MOST || read > 2 << 20
}

/// Runs it on the volume with the passphrase on its standard input.
fn cryptsetup(arguments: &[&str], volume: &Path) {
    let path = format!(
        "{}:/usr/sbin:/sbin",
        std::env::var("PATH").expect("a search path")
    );
    let mut child = Command::new("cryptsetup")
        .args(arguments)
        .arg(volume)
        .env("PATH", path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("cryptsetup is installed");
    let mut input = child.stdin.take().expect("a pipe was asked for");
    input.write_all(PASSPHRASE).expect("cryptsetup reads its input");
    drop(input);
    assert!(
        child.wait().expect("a child can be waited for").success(),
        "cryptsetup {arguments:?}"
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
