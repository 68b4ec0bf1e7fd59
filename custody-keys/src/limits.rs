/// How much a proof may spend on headers that an attacker may have written.
///
/// What asks for more is refused with the number, and its verdict is "cannot tell", never "does not open".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProofLimits {
    /// Bytes read of one image, over all its volumes. Default 64 MiB.
    pub read_bytes: u64,
    /// Volumes looked at on one image. Default 256.
    pub volumes: usize,
    /// Memory of one Argon2 key slot, in KiB. Default 1 GiB, which is the most that `cryptsetup` chooses by itself.
    pub argon2_memory_kib: u32,
    /// Passes over the memory of one Argon2 key slot. Default 64.
    pub argon2_passes: u32,
    /// Lanes of one Argon2 key slot. Default 16.
    pub argon2_lanes: u32,
    /// Iterations of one PBKDF2 key slot or digest. Default 200 million: about a minute.
    pub pbkdf2_iterations: u32,
    /// Key slots that are tried on one volume. Default 128.
    pub key_slots: usize,
    /// Work on the key slots of one image, over all its volumes and every reading of the key: iterations of PBKDF2, and
    /// KiB that Argon2 passes over. A unit takes about a microsecond, or less. Default 500 million: some minutes, and
    /// enough for 32 slots of Argon2 with 1 GiB and four passes each.
    pub work: u64,
}

impl Default for ProofLimits {
    fn default() -> Self {
        Self {
            read_bytes: 64 << 20,
            volumes: 256,
            argon2_memory_kib: 1 << 20,
            argon2_passes: 64,
            argon2_lanes: 16,
            pbkdf2_iterations: 200_000_000,
            key_slots: 128,
            work: 500_000_000,
        }
    }
}

impl ProofLimits {
    /// Bytes read of one image.
    #[must_use]
    pub const fn with_read_bytes(mut self, bytes: u64) -> Self {
        self.read_bytes = bytes;
        self
    }

    /// Memory of one Argon2 key slot.
    #[must_use]
    pub const fn with_argon2_memory_kib(mut self, kib: u32) -> Self {
        self.argon2_memory_kib = kib;
        self
    }

    /// Passes over the memory of one Argon2 key slot.
    #[must_use]
    pub const fn with_argon2_passes(mut self, passes: u32) -> Self {
        self.argon2_passes = passes;
        self
    }

    /// Iterations of one PBKDF2 key slot or digest.
    #[must_use]
    pub const fn with_pbkdf2_iterations(mut self, iterations: u32) -> Self {
        self.pbkdf2_iterations = iterations;
        self
    }

    /// Key slots that are tried on one volume.
    #[must_use]
    pub const fn with_key_slots(mut self, slots: usize) -> Self {
        self.key_slots = slots;
        self
    }

    /// Work on the key slots of one image.
    #[must_use]
    pub const fn with_work(mut self, units: u64) -> Self {
        self.work = units;
        self
    }
}
