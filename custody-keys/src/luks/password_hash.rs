use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroize;

use super::slot_hash::SlotHash;
use crate::error::{Error, Result};
use crate::limits::ProofLimits;
use crate::secret_bytes::SecretBytes;

/// How a key slot makes its key of a passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PasswordHash {
    Pbkdf2 {
        hash: SlotHash,
        iterations: u32,
        salt: Vec<u8>,
    },
    Argon2 {
        variant: Variant,
        passes: u32,
        memory_kib: u32,
        lanes: u32,
        salt: Vec<u8>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    I,
    Id,
}

const PBKDF2: &str = "PBKDF2 of a LUKS key slot";
const ARGON2: &str = "Argon2 of a LUKS key slot";

impl PasswordHash {
    /// Refuses what would cost more than the limits allow, with the number.
    pub(super) fn within(self, limits: &ProofLimits) -> Result<Self> {
        let check = |what, unit, asked: u32, limit: u32| {
            if asked > limit {
                return Err(Error::Exceeds {
                    what,
                    asked: u64::from(asked),
                    limit: u64::from(limit),
                    unit,
                });
            }
            Ok(())
        };
        match &self {
            Self::Pbkdf2 { iterations, .. } => {
                check(PBKDF2, "iterations", *iterations, limits.pbkdf2_iterations)?;
                if *iterations == 0 {
                    return Err(Error::field(PBKDF2, "the number of iterations", 0, "at least 1"));
                }
            }
            Self::Argon2 {
                passes,
                memory_kib,
                lanes,
                ..
            } => {
                check(ARGON2, "KiB of memory", *memory_kib, limits.argon2_memory_kib)?;
                check(ARGON2, "passes", *passes, limits.argon2_passes)?;
                check(ARGON2, "lanes", *lanes, limits.argon2_lanes)?;
            }
        }
        Ok(self)
    }

    /// What making a key costs, in the units of a proof's [`Effort`](crate::effort::Effort).
    pub(super) fn work(&self, key_bytes: usize) -> u64 {
        match self {
            Self::Pbkdf2 { hash, iterations, .. } => hash.pbkdf2_work(*iterations, key_bytes),
            Self::Argon2 {
                passes, memory_kib, ..
            } => u64::from(*passes) * u64::from(*memory_kib),
        }
    }

    /// Whether it takes memory by the MiB, of which proofs beside each other must not take as much each.
    pub(super) const fn takes_much_memory(&self) -> bool {
        matches!(self, Self::Argon2 { .. })
    }

    /// The key that this passphrase makes.
    pub(super) fn derive(&self, passphrase: &[u8], key_bytes: usize) -> Result<SecretBytes> {
        let mut key = SecretBytes::zeroed(key_bytes);
        match self {
            Self::Pbkdf2 {
                hash,
                iterations,
                salt,
            } => hash.pbkdf2(passphrase, salt, *iterations, key.expose_mut())?,
            Self::Argon2 {
                variant,
                passes,
                memory_kib,
                lanes,
                salt,
            } => {
                let algorithm = match variant {
                    Variant::I => Algorithm::Argon2i,
                    Variant::Id => Algorithm::Argon2id,
                };
                let params = Params::new(*memory_kib, *passes, *lanes, Some(key_bytes)).map_err(|error| {
                    Error::field(ARGON2, "its parameters", error, "ones that Argon2 takes")
                })?;
                let mut memory = Memory::of(params.block_count())?;
                Argon2::new(algorithm, Version::V0x13, params)
                    .hash_password_into_with_memory(passphrase, salt, key.expose_mut(), &mut memory.0)
                    .map_err(|error| {
                        Error::field(ARGON2, "its parameters", error, "ones that Argon2 takes")
                    })?;
            }
        }
        Ok(key)
    }
}

/// The memory of Argon2, from which the key could be computed: wiped when it is given back.
struct Memory(Vec<Block>);

impl Memory {
    /// So many blocks of 1 KiB, or an error where the machine has not so much.
    fn of(blocks: usize) -> Result<Self> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(blocks).map_err(|error| Error::Refused {
            what: "memory for Argon2",
            source: Some(std::io::Error::other(error)),
        })?;
        memory.resize(blocks, Block::default());
        Ok(Self(memory))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(Block::zeroize);
    }
}
