use std::sync::Arc;

use custody_core::port::SealSigner;
use custody_core::{KeyPorts, Ports};

use super::clock::FakeClock;
use super::digest_register::MemoryDigestRegister;
use super::entropy::SeededEntropy;
use super::hasher::SerialHasher;
use super::keys::{FakeKeySource, FakeKeyWrapper, FakeProver, MemoryEscrow};
use super::log::MemoryLog;
use super::machine::FakeMachine;
use super::machine_records::FakeMachineRecords;
use super::progress::{RecordingProgress, ScriptedStop};
use super::rights::FakeRights;
use super::signer::FakeSigner;
use super::store::MemoryStore;
use super::timestamps::FakeTimestamps;
use crate::fault::{CallGate, CrashMode, Crashing, crashing};

/// Everything outside a capture, in memory: a machine, a store, the worker's disk, clocks, signers, vaults.
///
/// [`ports`](Self::ports) gives the ports of one process. Called again it gives those of another process in
/// the same world, as after a restart. The parts are public handles, for a test to look at and meddle
/// with; clones of a world are the same world.
///
/// ```
/// use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld};
/// use custody_testkit::fault::CrashMode;
///
/// let disk = FakeDisk::patterned("disk-0", 10_000, 1);
/// let world = FakeWorld::new(FakeMachine::new("bench", vec![disk])).with_crash(7, CrashMode::DieAfter);
/// let ports = world.ports();
/// // … a capture runs on `ports` and fails at its seventh changing call …
/// world.restart();
/// // … another one resumes on `world.ports()` …
/// assert!(world.machine.live_grants().is_empty());
/// assert!(world.store.unfinished().is_empty());
/// # drop(ports);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FakeWorld {
    /// The machine.
    pub machine: FakeMachine,
    /// What is known of the machine, used after [`with_machine_records`](Self::with_machine_records).
    pub records: FakeMachineRecords,
    /// What a capture may do; asked when it is planned.
    pub rights: FakeRights,
    /// The store: sink, reader and anchor.
    pub store: MemoryStore,
    /// The worker's disk.
    pub log: MemoryLog,
    /// Who signs; all of them do.
    pub signers: Vec<FakeSigner>,
    /// The authority for time stamps, used after [`with_timestamps`](Self::with_timestamps).
    pub timestamps: FakeTimestamps,
    /// The register of digests, used after [`with_digest_register`](Self::with_digest_register).
    pub digests: MemoryDigestRegister,
    /// The machine's vault, used after [`with_keys`](Self::with_keys).
    pub keys: FakeKeySource,
    /// The custodians' escrow, used after [`with_keys`](Self::with_keys).
    pub escrow: MemoryEscrow,
    /// What wraps keys for it.
    pub wrapper: FakeKeyWrapper,
    /// The clocks of the host, and the time by which grants end.
    pub clock: FakeClock,
    /// Randomness; it goes on over restarts.
    pub entropy: SeededEntropy,
    /// What was told of the progress.
    pub progress: RecordingProgress,
    /// Asks to stop.
    pub stop: ScriptedStop,
    /// Counts and breaks calls.
    pub gate: CallGate,
    /// The way to the store: closed by [`CallGate::die`], it answers no port of a process until
    /// [`CallGate::restart`].
    pub way_to_store: CallGate,
    options: Options,
}

#[derive(Debug, Clone, Copy, Default)]
struct Options {
    machine_records: bool,
    timestamps: bool,
    digests: bool,
    keys: bool,
    entrusted: bool,
}

impl FakeWorld {
    /// A world around this machine, whose store takes streams, with one Ed25519 signer, `custodian`.
    #[must_use]
    pub fn new(machine: FakeMachine) -> Self {
        let clock = machine.clock().clone();
        Self {
            machine,
            records: FakeMachineRecords::of_each_kind(),
            rights: FakeRights::new(),
            store: MemoryStore::new(),
            log: MemoryLog::new(),
            signers: vec![FakeSigner::ed25519("custodian", 1)],
            timestamps: FakeTimestamps::new(clock.clone()),
            digests: MemoryDigestRegister::new(),
            keys: FakeKeySource::new(),
            escrow: MemoryEscrow::new(),
            wrapper: FakeKeyWrapper::new(1),
            clock,
            entropy: SeededEntropy::new(1),
            progress: RecordingProgress::new(),
            stop: ScriptedStop::new(),
            gate: CallGate::new(),
            way_to_store: CallGate::new(),
            options: Options::default(),
        }
    }

    /// Makes the store copy from the machine's grants on its own as well. It is a new, empty store.
    #[must_use]
    pub fn with_import(mut self) -> Self {
        self.store = MemoryStore::new().importing_from(self.machine.clone());
        self
    }

    /// Puts another store in the place of this one's.
    #[must_use]
    pub fn with_store(mut self, store: MemoryStore) -> Self {
        self.store = store;
        self
    }

    /// Adds an ECDSA P-256 signer, `vault`.
    #[must_use]
    pub fn with_second_signer(mut self) -> Self {
        self.signers.push(FakeSigner::ecdsa_p256("vault", 2));
        self
    }

    /// Gives the ports what is known of the machine: a record [of each kind](FakeMachineRecords::of_each_kind).
    #[must_use]
    pub fn with_machine_records(mut self) -> Self {
        self.options.machine_records = true;
        self
    }

    /// Gives the ports an authority for time stamps.
    #[must_use]
    pub fn with_timestamps(mut self) -> Self {
        self.options.timestamps = true;
        self
    }

    /// Gives the ports a second place for digests.
    #[must_use]
    pub fn with_digest_register(mut self) -> Self {
        self.options.digests = true;
        self
    }

    /// Gives the ports what deals with keys.
    #[must_use]
    pub fn with_keys(mut self) -> Self {
        self.options.keys = true;
        self
    }

    /// Gives the ports what deals with keys, without a wrapper: the escrow keeps them in plain form, and guards them itself.
    #[must_use]
    pub fn with_entrusted_keys(mut self) -> Self {
        self.options.entrusted = true;
        self.with_keys()
    }

    /// Breaks changing call number `at`, counted from 1 since the world was made.
    #[must_use]
    pub fn with_crash(self, at: u64, mode: CrashMode) -> Self {
        self.crash_at(at, mode);
        self
    }

    /// Breaks changing call number `at`, counted from 1 since the world was made.
    pub fn crash_at(&self, at: u64, mode: CrashMode) {
        self.gate.crash_at(at, mode);
    }

    /// How many changing calls were made since the world was made.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.gate.calls()
    }

    /// Ends the state of being dead, and breaks nothing more. Ports given before work again too, but a
    /// test of a restart takes new ones.
    pub fn restart(&self) {
        self.gate.restart();
    }

    /// As [`restart`](Self::restart), after a death in the middle of a write to the worker's disk: behind every
    /// log lies the beginning of a line.
    pub fn restart_torn(&self) {
        for log in self.log.names() {
            self.log.tear(&log, b"{\"acquisition\":\"2026");
        }
        self.restart();
    }

    /// The ports of a process in this world, each behind the gate.
    #[must_use]
    pub fn ports(&self) -> Ports {
        let mut ports = self.ungated_ports();
        let way = || self.way_to_store.clone();
        ports.sink = Arc::new(Crashing::new(ports.sink, way()));
        ports.reader = Arc::new(Crashing::new(ports.reader, way()));
        ports.anchor = Arc::new(Crashing::new(ports.anchor, way()));
        crashing(ports, &self.gate)
    }

    /// The ports without the gate: their calls are not counted and never broken.
    #[must_use]
    pub fn ungated_ports(&self) -> Ports {
        let signer = |signer: &FakeSigner| Arc::new(signer.clone()) as Arc<dyn SealSigner>;
        Ports {
            snapshotter: Arc::new(self.machine.clone()),
            machine_records: (self.options.machine_records).then(|| Arc::new(self.records.clone()) as _),
            rights: Some(Arc::new(self.rights.clone())),
            source: Arc::new(self.machine.clone()),
            sink: Arc::new(self.store.clone()),
            reader: Arc::new(self.store.clone()),
            hasher: Arc::new(SerialHasher::new()),
            log: Arc::new(self.log.clone()),
            anchor: Arc::new(self.store.clone()),
            signers: self.signers.iter().map(signer).collect(),
            timestamps: (self.options.timestamps).then(|| Arc::new(self.timestamps.clone()) as _),
            digests: (self.options.digests).then(|| Arc::new(self.digests.clone()) as _),
            keys: (self.options.keys).then(|| KeyPorts {
                source: Arc::new(self.keys.clone()),
                wrapper: (!self.options.entrusted).then(|| Arc::new(self.wrapper.clone()) as _),
                escrow: Arc::new(self.escrow.clone()),
                prover: Arc::new(FakeProver::new()),
            }),
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::new(self.entropy.clone()),
            progress: Arc::new(self.progress.clone()),
            stop: Arc::new(self.stop.clone()),
        }
    }
}

/// The ports of a process in a new world around this machine, for a test that looks at nothing else.
#[must_use]
pub fn ports(machine: FakeMachine) -> Ports {
    FakeWorld::new(machine).ports()
}
