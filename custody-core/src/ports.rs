use std::fmt;
use std::sync::Arc;

use crate::port::{
    Clock, DigestRegister, Entropy, EvidenceReader, EvidenceSink, ImageHasher, KeyEscrow, KeyProver,
    KeySource, KeyWrapper, LogAnchor, LogStore, MachineRecords, NoProgress, ProgressObserver, Rights,
    SealSigner, Snapshotter, SourceAccess, StopSignal, StopSwitch, TimestampAuthority,
};

/// Everything that a capture needs, each part replaceable: build one from a provider and change fields.
///
/// `custody_local::ports(…)` gives the embedded default.
#[derive(Debug, Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a new port must be decided on by whoever composes a bundle"
)]
pub struct Ports {
    /// Describes the machine, takes and deletes disk snapshots.
    pub snapshotter: Arc<dyn Snapshotter>,
    /// Reads what those who run the machine say of it, where somebody can be asked.
    pub machine_records: Option<Arc<dyn MachineRecords>>,
    /// Tells which rights are lacking before anything is done, where somebody can be asked.
    pub rights: Option<Arc<dyn Rights>>,
    /// Opens disk snapshots for reading.
    pub source: Arc<dyn SourceAccess>,
    /// Stores evidence, once.
    pub sink: Arc<dyn EvidenceSink>,
    /// Reads the same store back.
    pub reader: Arc<dyn EvidenceReader>,
    /// Digests.
    pub hasher: Arc<dyn ImageHasher>,
    /// The journal, on the worker's own disk.
    pub log: Arc<dyn LogStore>,
    /// The log beside the evidence.
    pub anchor: Arc<dyn LogAnchor>,
    /// Who must sign; all of them do.
    pub signers: Vec<Arc<dyn SealSigner>>,
    /// Time-stamps checkpoints, where there is one.
    pub timestamps: Option<Arc<dyn TimestampAuthority>>,
    /// A second place for digests, where there is one.
    pub digests: Option<Arc<dyn DigestRegister>>,
    /// Keys of encrypted disks, where the provider knows about them.
    pub keys: Option<KeyPorts>,
    /// The host's clocks.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Is told how far the work is.
    pub progress: Arc<dyn ProgressObserver>,
    /// Asks the work to stop.
    pub stop: Arc<dyn StopSignal>,
}

impl Ports {
    /// The same ports, observed by nobody and stopped by nobody.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.progress = Arc::new(NoProgress::default());
        self.stop = Arc::new(StopSwitch::default());
        self
    }
}

/// What fetches, wraps, keeps and proves the keys of encrypted disks.
#[derive(Debug, Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a new port must be decided on by whoever composes a bundle"
)]
pub struct KeyPorts {
    /// Finds and fetches keys.
    pub source: Arc<dyn KeySource>,
    /// Wraps them; without one they are entrusted to the escrow in plain form, which an escrow that does not guard
    /// what it keeps refuses.
    pub wrapper: Option<Arc<dyn KeyWrapper>>,
    /// Keeps them.
    pub escrow: Arc<dyn KeyEscrow>,
    /// Proves that they open the stored copy.
    pub prover: Arc<dyn KeyProver>,
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "from {} through {} into {}",
            self.source, self.hasher, self.sink
        )
    }
}
