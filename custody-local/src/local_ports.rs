use std::path::Path;
use std::sync::Arc;

use custody_core::ids::Segment;
use custody_core::port::{ImageHasher, NoProgress, StopSwitch};
use custody_core::{Ports, Result};

use crate::source::LocalSources;
use crate::{
    DirectoryStore, FileSigner, KeyOrigin, StateFolder, StateOptions, StoreOptions, SystemClock,
    SystemEntropy,
};

/// How the embedded default is put together.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LocalPortsOptions {
    /// How the store is kept.
    pub store: StoreOptions,
    /// How the state folder is opened.
    pub state: StateOptions,
    /// The name of the signing key; `None` is `custody-` and the host's name.
    pub signer: Option<String>,
}

impl LocalPortsOptions {
    /// Sets how the store is kept.
    #[must_use]
    pub const fn with_store(mut self, store: StoreOptions) -> Self {
        self.store = store;
        self
    }

    /// Sets how the state folder is opened.
    #[must_use]
    pub const fn with_state(mut self, state: StateOptions) -> Self {
        self.state = state;
        self
    }

    /// Sets the name of the signing key.
    #[must_use]
    pub fn with_signer(mut self, name: impl Into<String>) -> Self {
        self.signer = Some(name.into());
        self
    }
}

/// The parts of the embedded default, opened: a store, a state folder, a signing key.
///
/// [`ports`](Self::ports) makes the bundle that a capture needs of them, with a hasher: which one is its caller's
/// choice, for example custody-hash's `EngineHasher`.
#[derive(Debug, Clone)]
pub struct LocalPorts {
    store: DirectoryStore,
    state: StateFolder,
    signer: Arc<FileSigner>,
    key_origin: KeyOrigin,
    clock: SystemClock,
}

impl LocalPorts {
    /// Opens all of it; makes the store, the state folder and the signing key where they are missing. Blocks.
    ///
    /// # Errors
    /// As [`StateFolder::open`], [`DirectoryStore::create_or_open`], [`StateFolder::check_apart_from`] and
    /// [`StateFolder::signer_or_new`].
    pub fn open(store: &Path, state: &Path, options: LocalPortsOptions) -> Result<Self> {
        let state = StateFolder::open(state, options.state)?;
        let store = DirectoryStore::create_or_open(store, options.store)?;
        state.check_apart_from(&store)?;
        let name = options.signer.unwrap_or_else(default_signer);
        let (signer, key_origin) = state.signer_or_new(&name, &SystemEntropy::new())?;
        Ok(Self {
            store,
            state,
            signer: Arc::new(signer),
            key_origin,
            clock: SystemClock::new()?,
        })
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &DirectoryStore {
        &self.store
    }

    /// The state folder.
    #[must_use]
    pub const fn state(&self) -> &StateFolder {
        &self.state
    }

    /// Who signs.
    #[must_use]
    pub fn signer(&self) -> &FileSigner {
        &self.signer
    }

    /// Whether the signing key was made now, and so is pinned nowhere.
    #[must_use]
    pub const fn key_origin(&self) -> KeyOrigin {
        self.key_origin
    }

    /// Everything that a capture of these sources needs; observed by nobody and stopped by nobody until those
    /// fields are changed.
    #[must_use]
    pub fn ports(&self, sources: LocalSources, hasher: Arc<dyn ImageHasher>) -> Ports {
        Ports {
            snapshotter: Arc::new(sources.clone()),
            machine_records: None,
            rights: None,
            source: Arc::new(sources),
            sink: Arc::new(self.store.clone()),
            reader: Arc::new(self.store.clone()),
            hasher,
            log: Arc::new(self.state.journal()),
            anchor: Arc::new(self.store.clone()),
            signers: vec![self.signer.clone()],
            timestamps: None,
            digests: None,
            keys: None,
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::new(SystemEntropy::new()),
            progress: Arc::new(NoProgress::default()),
            stop: Arc::new(StopSwitch::default()),
        }
    }
}

/// The embedded default in one call: evidence from `sources` into the directory `store`, digested by `hasher`, journals
/// and keys in `state`. Blocks for a few file operations.
///
/// # Errors
/// As [`LocalPorts::open`].
pub fn ports(
    store: &Path,
    state: &Path,
    sources: LocalSources,
    hasher: Arc<dyn ImageHasher>,
    options: LocalPortsOptions,
) -> Result<Ports> {
    Ok(LocalPorts::open(store, state, options)?.ports(sources, hasher))
}

fn default_signer() -> String {
    let host = rustix::system::uname();
    format!("custody-{}", Segment::escape(host.nodename().to_bytes()))
}
