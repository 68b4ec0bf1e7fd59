use std::path::{Path, PathBuf};
use std::sync::Arc;

use custody_core::Ports;
use custody_core::port::{ProgressObserver, StopSignal};
use custody_hash::{Engine, EngineOptions};
use custody_local::source::LocalSources;
use custody_local::{AttributeUse, LocalPorts, LocalPortsOptions, StoreOptions};

use crate::failure::Failure;
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
) -> Ports {
    Ports {
        progress,
        stop,
        ..local.ports(sources)
    }
}

/// A hashing engine for what is not a capture.
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
