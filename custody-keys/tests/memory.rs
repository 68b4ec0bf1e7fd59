//! The memory that proofs beside each other take, alone in its process: the kernel counts that of the whole.
#![cfg(target_os = "linux")]
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use std::thread;

use custody_core::port::ProofVerdict;
use custody_keys::Prover;
use custody_testkit::volume::Luks2Volume;
use futures::executor::block_on;
use support::{CountedImage, content, key};

/// The most that this process had in memory so far, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

#[test]
fn proofs_beside_each_other_take_the_memory_of_one_key_slot() {
    const SLOT_KIB: u64 = 128 << 10;
    let hash = format!(
        r#"{{"type":"argon2id","time":2,"memory":{SLOT_KIB},"cpus":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA=="}}"#
    );
    let image = Luks2Volume::new(1, b"passphrase", content(4096))
        .with_forged_password_hash(hash)
        .make();
    let before = peak();
    let prover = Prover::default();
    let proofs: Vec<_> = (0..4)
        .map(|_| {
            let (prover, image) = (prover.clone(), CountedImage::new(image.clone()));
            thread::spawn(move || block_on(prover.prove_disk(image, key(b"passphrase"))).unwrap())
        })
        .collect();
    for proof in proofs {
        assert_eq!(proof.join().unwrap().verdict, ProofVerdict::DoesNotOpen);
    }
    let taken = peak() - before;
    assert!(
        (SLOT_KIB..SLOT_KIB * 3 / 2).contains(&taken),
        "{taken} KiB were taken, and one slot takes {SLOT_KIB}"
    );
}

#[test]
fn a_proof_that_is_given_up_while_it_waits_leaves_the_turn_to_others() {
    // Nothing of memory: the hash takes as little as there is.
    let hash = r#"{"type":"argon2id","time":1,"memory":8,"cpus":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA=="}"#;
    let image = Luks2Volume::new(1, b"passphrase", content(4096))
        .with_forged_password_hash(hash)
        .make();
    let prover = Prover::default();
    let prove = || prover.prove_disk(CountedImage::new(image.clone()), key(b"passphrase"));
    for _ in 0..20 {
        let mut given_up = Box::pin(prove());
        let waker = futures::task::noop_waker();
        let mut context = std::task::Context::from_waker(&waker);
        drop(std::future::Future::poll(given_up.as_mut(), &mut context));
        drop(given_up);
    }
    assert_eq!(block_on(prove()).unwrap().verdict, ProofVerdict::DoesNotOpen);
}
