use std::path::{Path, PathBuf};
use std::sync::Arc;

use custody_core::Ports;
use custody_core::port::{ImageHasher, NoProgress, ProgressObserver, StopSignal, StopSwitch};
use custody_hash::port::EngineHasher;
use custody_hash::{Engine, EngineOptions};
use custody_local::source::LocalSources;
use custody_local::{
    AttributeUse, DirectoryStore, LocalPorts, LocalPortsOptions, StateFolder, StoreOptions, SystemClock,
    SystemEntropy,
};

use crate::failure::Failure;
use crate::no_sources::NoSources;
use crate::printable;
use crate::state_place::StatePlace;

/// Opens store, state folder and signing key of this name; makes what is missing of them.
pub(crate) fn open(
    store: &Path,
    state: &StatePlace,
    key: &str,
    attributes: AttributeUse,
) -> Result<LocalPorts, Failure> {
    let options = LocalPortsOptions::default()
        .with_store(StoreOptions::default().with_attributes(attributes))
        .with_state(state.options())
        .with_signer(key);
    Ok(LocalPorts::open(store, &state.path()?, options)?)
}

/// The ports of a capture of these sources, observed and stopped by these.
pub(crate) fn watched(
    local: &LocalPorts,
    sources: LocalSources,
    progress: Arc<dyn ProgressObserver>,
    stop: Arc<dyn StopSignal>,
) -> Result<Ports, Failure> {
    Ok(Ports {
        progress,
        stop,
        ..local.ports(sources, hasher()?)
    })
}

/// The ports of someone who writes into the register of a store and reads no source.
pub(crate) fn registering(store: &Path, state: &StateFolder, key: &str) -> Result<Ports, Failure> {
    let store = DirectoryStore::create_or_open(store, StoreOptions::default())?;
    state.check_apart_from(&store)?;
    Ok(Ports {
        snapshotter: Arc::new(NoSources),
        machine_records: None,
        rights: None,
        source: Arc::new(NoSources),
        sink: Arc::new(store.clone()),
        reader: Arc::new(store.clone()),
        hasher: hasher()?,
        log: Arc::new(state.journal()),
        anchor: Arc::new(store),
        signers: vec![Arc::new(state.signer(key)?)],
        timestamps: None,
        digests: None,
        keys: None,
        clock: Arc::new(SystemClock::new()?),
        entropy: Arc::new(SystemEntropy::new()),
        progress: Arc::new(NoProgress::default()),
        stop: Arc::new(StopSwitch::default()),
    })
}

/// The hasher of everything that goes through ports.
pub(crate) fn hasher() -> Result<Arc<dyn ImageHasher>, Failure> {
    Ok(Arc::new(EngineHasher::new(engine()?)))
}

/// The same with so many bytes in flight for each image.
pub(crate) fn hasher_in_flight(bytes: u64) -> Result<Arc<dyn ImageHasher>, Failure> {
    Ok(Arc::new(EngineHasher::new(engine()?).with_in_flight_bytes(bytes)))
}

/// A hashing engine.
pub(crate) fn engine() -> Result<Engine, Failure> {
    Engine::new(EngineOptions::default()).map_err(|error| {
        custody_core::Error::Provider {
            object: "hashing engine".into(),
            operation: "start",
            source: Some(error.into()),
        }
        .into()
    })
}

/// The path without a relative part, so that it means the same when it is read again elsewhere.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::system(&printable::path(path), "make an absolute path of", error))
}
