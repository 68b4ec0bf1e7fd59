//! The prover meets every clause of the port, with each kind of volume.

use std::sync::Arc;

use custody_core::extent::ByteRange;
use custody_keys::Prover;
use custody_testkit::conformance::key_prover::ProverHarness;
use custody_testkit::volume::{BitLockerVolume, Luks1Volume, Luks2Volume};

/// Text over and over: content that nobody would take for encrypted.
fn content(length: usize) -> Vec<u8> {
    b"content ".iter().copied().cycle().take(length).collect()
}

mod bitlocker {
    use super::*;

    fn harness() -> ProverHarness {
        let made = BitLockerVolume::new(1, content(1 << 20)).make();
        // One range, because one whole copy of the three is enough to open the volume.
        let metadata = ByteRange::at(0, (made.copies[2] + (64 << 10)) as u64);
        ProverHarness::new(
            Arc::new(Prover::default()),
            made.image,
            made.key_file,
            vec![metadata],
        )
    }

    custody_testkit::key_prover_conformance!(harness);
}

mod luks1 {
    use super::*;

    fn harness() -> ProverHarness {
        let image = Luks1Volume::new(1, b"a passphrase", content(64 << 10)).make();
        let metadata = vec![ByteRange::at(0, 2 << 20)];
        ProverHarness::new(
            Arc::new(Prover::default()),
            image,
            b"a passphrase".to_vec(),
            metadata,
        )
    }

    custody_testkit::key_prover_conformance!(harness);
}

mod luks2 {
    use super::*;

    fn harness() -> ProverHarness {
        let image = Luks2Volume::new(1, b"a passphrase", content(64 << 10)).make();
        let metadata = vec![ByteRange::at(0, 1 << 20)];
        ProverHarness::new(
            Arc::new(Prover::default()),
            image,
            b"a passphrase".to_vec(),
            metadata,
        )
    }

    custody_testkit::key_prover_conformance!(harness);
}
