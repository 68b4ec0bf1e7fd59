//! What opens an encrypted disk, and the proof from the disk's own headers that it does.
//!
//! | You have | Use |
//! |---|---|
//! | a key as it came from a vault or a file | [`DiskKey::from_bytes`]: BitLocker key files, passphrases, base64 of either |
//! | a `.BEK` file to look into | [`ExternalKeyFile::parse`] |
//! | a key and a disk | [`Prover::prove_disk`], which tells each volume; or `custody-core`'s port `KeyProver` |
//! | bytes of a key to keep | [`SecretBytes`]: locked, wiped, never printed |
//!
//! BitLocker volumes of Windows 7 to 11 with each of their six methods of encryption, LUKS1 and LUKS2 are known, on whole disks and on partitions of GPT and MBR,
//! with sectors of 512 and 4096 bytes, and the LUKS header that Azure Disk Encryption keeps in a file of the boot
//! partition.
//!
//! ```
//! use std::sync::Arc;
//!
//! use custody_core::port::ProofVerdict;
//! use custody_keys::{DiskKey, Prover};
//! use custody_testkit::fake::MemoryImage;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let disk = MemoryImage::new("a disk of zeros", vec![0; 1 << 20]);
//! let key = DiskKey::from_bytes(b"correct horse battery staple")?;
//!
//! let prover = Prover::default();
//! let proof = futures::executor::block_on(prover.prove_disk(Arc::new(disk), Arc::new(key)))?;
//!
//! assert_eq!(proof.verdict, ProofVerdict::NotEncrypted);
//! assert!(proof.bytes_read < 128 << 10);
//! # Ok(())
//! # }
//! ```
//!
//! # What a proof says, and what not
//!
//! "Opens" means that the disk's own metadata authenticate the key: BitLocker's master key and the key of the content by
//! AES-CCM, LUKS's volume key by its digest. No content is decrypted, so that nothing is said of the content. "Does not
//! open" is said only when everything that the key might open was tried. Whatever could not be checked is "cannot tell",
//! with the reason: a damaged header, a cipher that is not supported, a key slot that asks for more memory than
//! [`ProofLimits`] allows, ranges that could not be read. "No encryption" is said only beside what was seen instead, in the
//! proof's notes: a file system by its name, or that nothing is recognised, which excludes neither a header that was wiped
//! nor one that lies elsewhere.
//!
//! # What it costs
//!
//! A header is whatever somebody wrote. Each key slot, all slots of an image together, and the bytes that are read are
//! bounded by [`ProofLimits`]. A [`Prover`] and its clones try key slots of Argon2 one at a time, so that several proofs
//! beside each other take the memory of one slot, at most [`ProofLimits::argon2_memory_kib`].
#![forbid(unsafe_code)]

mod access;
mod bitlocker;
mod content;
mod detached;
mod disk_key;
mod disk_proof;
mod effort;
mod error;
mod fields;
mod file_system;
mod fuzzing;
mod guid;
mod limits;
mod luks;
mod prover;
mod randomness;
mod ranged;
mod secret_bytes;
mod table;
mod trial;
mod vhd_footer;
mod volume_finding;
mod worker;

pub use bitlocker::ExternalKeyFile;
pub use disk_key::DiskKey;
pub use disk_proof::{DiskProof, ProvenVolume};
pub use error::{Error, Result};
pub use guid::Guid;
pub use limits::ProofLimits;
pub use prover::Prover;
pub use secret_bytes::{MemoryLock, SecretBytes};

#[doc(hidden)]
pub use fuzzing::{FUZZ_TARGETS, fuzz};

/// A name that stands on a disk, made safe to be shown: what cannot be seen is written out, and it is cut.
pub(crate) fn outside_name(name: &str) -> String {
    let cut: String = name.chars().take(64).collect();
    custody_core::visible::escape(&cut)
}
