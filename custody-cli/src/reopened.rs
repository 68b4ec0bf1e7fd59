use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use custody_core::custody_log::{Circumstances, VerifierKey};
use custody_core::ids::{AcquisitionId, EvidenceItemId, Statement};
use custody_core::{Error, KeyPorts, Ports};
use custody_local::source::{LocalSources, SourceOptions};
use custody_local::{AcquisitionLock, LocalKeys, StateFolder};

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
    /// Takes the right to work on it, and opens its store, its sources and its signing key. Only then is there something
    /// to be stopped in an orderly way: until then a signal ends the process.
    ///
    /// A store, a key or a source that is gone is not made anew.
    pub(crate) async fn open(
        acquisition: &AcquisitionId,
        state: StateFolder,
        place: &StatePlace,
        store: Option<&Path>,
        keys: KeyUse<'_>,
        stop: impl FnOnce() -> Result<Arc<SignalStop>, Failure>,
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
                let address = place.store_address()?;
                if matches!(keys, KeyUse::Take([_, ..])) {
                    return Err(Failure::usage(format!(
                        "--key-file is for images of this host; {acquisition} is of a machine in Azure, whose keys are \
                         read from the vaults that its disks name, or not at all"
                    ))
                    .with_next("leave --key-file out; `custody keys prove` tries a key on what is stored"));
                }
                if store.is_some() {
                    return Err(Failure::usage(format!(
                        "--store names a directory; {acquisition} is stored in the container {address}, and nowhere else"
                    ))
                    .with_next("leave --store out"));
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
        ports.stop = stop()?;
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
    expect_directory(&store)?;
    let local = open(&store, place, key, journaled.attributes())?;
    let options = SourceOptions::from_settings(&journaled.status.settings.provider)?;
    let disks = journaled.status.disks.iter().map(|disk| &disk.disk);
    let sources = LocalSources::from_disk_ids(disks, options)?;
    let mut ports = local.ports(sources.clone(), hasher()?);
    if let KeyUse::Take(supplied) = keys {
        ports.keys = key_ports(journaled, supplied, &sources, local.state(), place)?;
    }
    Ok((StorePlace::Directory(store), ports))
}

/// Refuses a store that is not there, and one that may not be looked at: the two are not the same.
fn expect_directory(store: &Path) -> Result<(), Failure> {
    let object = format!("store {}", printable::path(store));
    match std::fs::metadata(store) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(Failure::from(Error::Refused {
            object,
            reason: "is no directory; say where the store lies now with --store DIR".into(),
        })),
        Err(error) => {
            let next = match error.kind() {
                ErrorKind::NotFound => "mount it, or say where it lies now with --store DIR",
                ErrorKind::PermissionDenied => {
                    "go on as the user who began the capture, or let this one into it"
                }
                _ => "see to what it lies on, or say where it lies now with --store DIR",
            };
            Err(Failure::system(&object, "look at", error).with_next(next))
        }
    }
}

/// What takes the keys that the acquisition was begun with.
fn key_ports(
    journaled: &Journaled,
    supplied: &[SuppliedKey],
    sources: &LocalSources,
    state: &StateFolder,
    state_place: &StatePlace,
) -> Result<Option<KeyPorts>, Failure> {
    let Some(place) = LocalKeyPlace::from_settings(&journaled.status.settings.provider)? else {
        if supplied.is_empty() {
            return Ok(None);
        }
        return Err(Failure::usage(
            "this capture was begun without --key-recipients, so that it takes no keys",
        )
        .with_next("leave --key-file out; `custody keys prove` tries a key on what is stored"));
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
            let words = state_place.words();
            return Err(another_key(journaled.acquisition(), item, &needed, &words));
        }
    }
    Ok(Some(place.ports(keys, state)?))
}

/// A key was given that is not the one on record, by which a file is one place and one inode, whatever it holds.
fn another_key(acquisition: &AcquisitionId, item: &EvidenceItemId, needed: &[&str], state: &str) -> Failure {
    let mut failure = Failure::usage(format!(
        "which key {item} needs is on record already, and what was given now is not it: {}",
        needed.join(", ")
    ));
    let entered = |address: &&str| address.starts_with(LocalKeys::ENTERED);
    if !needed.iter().all(entered) {
        failure = failure.with_next(
            "if that very file is there, or what it lies on can be mounted again: leave --key-file out. A copy of it, and \
             what was moved there again, is another file to the record",
        );
    }
    if needed.iter().any(entered) {
        failure = failure.with_next(format!(
            "if it was entered: enter it again, as on the first time: custody resume {acquisition} --key-file {item}=-{state}"
        ));
    }
    failure.with_next(format!(
        "or go on without it: custody keys give-up {acquisition} {item} --reason TEXT{state}; `custody keys prove` tries any \
         key on what is stored"
    ))
}

/// No journal of this host is of this acquisition.
pub(crate) fn unknown(acquisition: &AcquisitionId) -> Failure {
    let missing = Error::NotFound {
        object: format!("acquisition {acquisition} on this host"),
    };
    Failure::from(missing).with_next(
        "`custody list` names the acquisitions of this state folder; another user has another folder: --state DIR",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_gone_and_one_that_cannot_be_looked_at_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(expect_directory(folder.path()).is_ok());
        for (store, told, next) in [
            (folder.path().join("gone"), "not found", "mount it"),
            (file.clone(), "is no directory", "correct what was asked for"),
            (file.join("store"), "look at", "see to what it lies on"),
        ] {
            let failure = expect_directory(&store).unwrap_err();
            assert!(failure.error().contains(told), "{failure:?}");
            assert!(failure.steps().concat().contains(next), "{failure:?}");
        }
    }

    #[test]
    fn what_is_said_of_another_key_fits_the_one_on_record() {
        let (id, item) = (
            "20261128T120000Z-0123abcd".parse().unwrap(),
            EvidenceItemId::new(2),
        );
        let steps = |needed: &[&str]| another_key(&id, &item, needed, " --state s").steps();
        let of_file = steps(&["file:/keys/disk.BEK"]);
        assert!(of_file[0].contains("leave --key-file out"), "{of_file:?}");
        let of_entered = steps(&["entered:standard input:1"]);
        let again = format!("custody resume {id} --key-file item-2=- --state s");
        assert!(of_entered[0].ends_with(&again), "{of_entered:?}");
        for steps in [of_file, of_entered] {
            assert_eq!(steps.len(), 2, "{steps:?}");
            let give_up = format!("custody keys give-up {id} item-2 --reason TEXT --state s");
            assert!(steps[1].contains(&give_up), "{steps:?}");
        }
    }
}
