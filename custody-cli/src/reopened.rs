use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use custody_core::custody_log::{Circumstances, VerifierKey};
use custody_core::ids::{AcquisitionId, Statement};
use custody_core::{Error, KeyPorts, Ports};
use custody_local::source::{LocalSources, SourceOptions};
use custody_local::{AcquisitionLock, StateFolder};

use crate::circumstances;
use crate::console::Console;
use crate::failure::Failure;
use crate::guarded_process;
use crate::journaled::Journaled;
use crate::local_key_place::LocalKeyPlace;
use crate::local_ports::{absolute, engine, hasher, open};
use crate::printable;
use crate::progress;
use crate::signing;
use crate::state_place::StatePlace;
use crate::stop::SignalStop;
use crate::store_place::StorePlace;
use crate::supplied_key::SuppliedKey;

/// What going on has to do with the keys of disks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeyUse<'a> {
    /// They are taken and tried; these are supplied now.
    Take(&'a [SuppliedKey]),
    /// It has nothing to do with them: no key, and no place of one, need be there.
    Leave,
}

/// An acquisition of this host with everything that going on with it needs, found by its journal.
#[derive(Debug)]
pub(crate) struct Reopened {
    pub(crate) journaled: Journaled,
    pub(crate) ports: Ports,
    pub(crate) state: StateFolder,
    /// The key that signs it.
    pub(crate) key: VerifierKey,
    pub(crate) store: StorePlace,
    /// Who asks the cloud, where it is one.
    signed_in: BTreeMap<String, String>,
    _turn: AcquisitionLock,
}

impl Reopened {
    /// Takes the right to work on it, and opens its store, its sources and its signing key.
    ///
    /// A store, a key or a source that is gone is not made anew.
    pub(crate) async fn open(
        acquisition: &AcquisitionId,
        state: StateFolder,
        place: &StatePlace,
        store: Option<&Path>,
        keys: KeyUse<'_>,
        console: &Arc<Console>,
    ) -> Result<Self, Failure> {
        // Before the lock, which would make a folder for it.
        state
            .log_name(acquisition)
            .await
            .map_err(|error| match error.meaning() {
                Error::NotFound { .. } => unknown(acquisition),
                _ => error.into(),
            })?;
        let turn = state.lock_acquisition(acquisition)?;
        let journaled = Journaled::read(&state, acquisition).await?;
        let key_name = journaled.signer()?;
        let key = signing::must_exist(&state, &key_name)?;
        let (store, mut ports, signed_in) = match journaled.azure()? {
            Some(place) => {
                if matches!(keys, KeyUse::Take([_, ..])) {
                    return Err(Failure::usage(
                        "--key-file is for images of this host; this capture takes keys from their vaults",
                    ));
                }
                let (ports, azure) = place.ports(&state, state.signer(&key_name)?)?;
                let signed_in = azure.signed_in().await?.authenticated();
                (StorePlace::container(place)?, ports, signed_in)
            }
            None => {
                let (store, ports) = in_directory(&journaled, place, store, &key_name, keys)?;
                (store, ports, BTreeMap::new())
            }
        };
        match keys {
            KeyUse::Take(_) if ports.keys.is_some() => guarded_process::guard()?.tell(console),
            KeyUse::Take(_) => {}
            KeyUse::Leave => ports.keys = None,
        }
        ports.progress = progress::observer(console);
        ports.stop = Arc::new(SignalStop::listen(console)?);
        Ok(Self {
            journaled,
            ports,
            state,
            key,
            store,
            signed_in,
            _turn: turn,
        })
    }

    /// The circumstances of whoever goes on with it now.
    pub(crate) fn circumstances(
        &self,
        examiner: Option<&Statement>,
        settings: BTreeMap<String, String>,
    ) -> Result<Circumstances, Failure> {
        let before = self.journaled.circumstances().ok_or_else(|| Error::NotFound {
            object: self.journaled.log.to_string(),
        })?;
        Ok(circumstances::continued(
            before,
            examiner,
            settings,
            &engine()?,
            &self.signed_in,
        ))
    }
}

/// The directory and the sources of this host that an acquisition was begun with.
fn in_directory(
    journaled: &Journaled,
    place: &StatePlace,
    store: Option<&Path>,
    key: &str,
    keys: KeyUse<'_>,
) -> Result<(StorePlace, Ports), Failure> {
    let store = store
        .map(Path::to_owned)
        .or_else(|| journaled.store())
        .ok_or_else(|| {
            Failure::usage(format!(
                "the journal of {} does not say where its store lies",
                journaled.acquisition()
            ))
            .with_next("name it with --store DIR")
        })?;
    let store = absolute(&store)?;
    if !store.is_dir() {
        let missing = Error::NotFound {
            object: format!("store {}", printable::path(&store)),
        };
        return Err(Failure::from(missing).with_next("mount it, or say where it lies now with --store DIR"));
    }
    let local = open(&store, place, key, journaled.attributes())?;
    let options = SourceOptions::from_settings(&journaled.status.settings.provider)?;
    let disks = journaled.status.disks.iter().map(|disk| &disk.disk);
    let sources = LocalSources::from_disk_ids(disks, options)?;
    let mut ports = local.ports(sources.clone(), hasher()?);
    if let KeyUse::Take(supplied) = keys {
        ports.keys = key_ports(journaled, supplied, &sources, local.state())?;
    }
    Ok((StorePlace::Directory(store), ports))
}

/// What takes the keys that the acquisition was begun with.
fn key_ports(
    journaled: &Journaled,
    supplied: &[SuppliedKey],
    sources: &LocalSources,
    state: &StateFolder,
) -> Result<Option<KeyPorts>, Failure> {
    let Some(place) = LocalKeyPlace::from_settings(&journaled.status.settings.provider)? else {
        if supplied.is_empty() {
            return Ok(None);
        }
        return Err(Failure::usage(
            "this capture was begun without --key-recipients, so that it takes no keys",
        ));
    };
    guarded_process::guard()?;
    let keys = place.keys_again(supplied, sources)?;
    for key in supplied {
        let disk = key.disk(sources)?;
        let Some((item, needed)) = journaled.needed_keys(&disk) else {
            continue;
        };
        let mut given = keys.references(&disk).iter();
        if !given.any(|given| needed.contains(&given.address.as_str())) {
            let id = journaled.acquisition();
            let failure = Failure::usage(format!(
                "which key {item} needs is on record already, and another cannot take its place: {}",
                needed.join(", ")
            ));
            return Err(failure
                .with_next("put that file back where it was, or enter the key again if it was entered: N=-")
                .with_next(format!(
                    "or go on without it: custody keys give-up {id} {item} --reason TEXT; `custody keys prove` tries any \
                     key on what is stored"
                )));
        }
    }
    Ok(Some(place.ports(keys, state)?))
}

/// No journal of this host is of this acquisition.
pub(crate) fn unknown(acquisition: &AcquisitionId) -> Failure {
    let missing = Error::NotFound {
        object: format!("acquisition {acquisition} on this host"),
    };
    Failure::from(missing).with_next("`custody list` names this host's acquisitions")
}
