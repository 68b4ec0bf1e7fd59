use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{GrantReach, ImportOptions, ImportState, LegalHold, ObjectState, ReadGrant};
use custody_core::{Acted, Error, Result};

use super::{MemoryStore, StoreState};

/// A server-side copy that the store was asked for and has not finished.
pub(super) struct Import {
    options: ImportOptions,
    /// The grant that feeds it: a service keeps the whole URL that it was given.
    address: String,
    secret: String,
    polls: u64,
    failed: Option<String>,
}

impl MemoryStore {
    /// Makes a server-side copy finish at poll number `polls`; 0 finishes at once. The default is 3.
    pub fn set_import_polls(&self, polls: u64) {
        self.state.lock().import_polls = polls;
    }

    /// Makes the next server-side copy that would succeed fail, in these words.
    pub fn fail_next_import(&self, reason: &str) {
        self.state.lock().import_failure = Some(reason.to_owned());
    }

    /// Makes every server-side copy come out altered so: a service that writes a footer of its own, or a faulty one.
    pub fn alter_imports(&self, alter: fn(&mut [u8])) {
        self.state.lock().import_alteration = Some(alter);
    }

    pub(super) fn start_import(
        &self,
        name: &ObjectName,
        from: &ReadGrant,
        options: &ImportOptions,
    ) -> Result<Acted<ImportState>> {
        if from.reach() != GrantReach::Holder {
            return Err(Error::Unsupported {
                operation: "importing from a source that demands a sign-in",
                provider: self.to_string(),
            });
        }
        let service = {
            let mut state = self.state.lock();
            let service = state.answer("import");
            let ours = |owner: &AcquisitionId| *owner == options.acquisition;
            let begun = state
                .imports
                .get(name)
                .is_some_and(|import| ours(&import.options.acquisition));
            let stored = state
                .objects
                .get(name)
                .and_then(|object| object.owner.as_ref())
                .is_some_and(ours);
            if !begun && !stored {
                if state.is_taken(name) || state.staging.contains_key(name) {
                    return Err(Error::AlreadyExists {
                        object: name.to_string(),
                    }
                    .answered(service));
                }
                self.check_grant(from)?;
                let import = Import {
                    options: options.clone(),
                    address: from.address().to_owned(),
                    secret: from.expose_secret().to_owned(),
                    polls: 0,
                    failed: None,
                };
                state.imports.insert(name.clone(), import);
                if state.import_polls > 0 {
                    let value = ImportState::Pending {
                        copied: 0,
                        total: options.length,
                    };
                    return Ok(Acted { value, service });
                }
            }
            service
        };
        if let Some(ObjectState::Importing(value)) = self.poll_import(name, &options.acquisition) {
            return Ok(Acted { value, service });
        }
        let state = self.state.lock();
        let value = ImportState::Done(self.receipt(name, state.object(name)?));
        Ok(Acted { value, service })
    }

    fn check_grant(&self, from: &ReadGrant) -> Result<()> {
        match &self.source {
            Some(machine) => machine.open_granted(from).map(drop),
            None => Err(Error::PermissionDenied {
                object: from.address().to_owned(),
                operation: "read",
                source: Some("this store knows no source".into()),
            }),
        }
    }

    /// Lets a copy under this name go on by one step. `None` when there is none, or when it just
    /// succeeded and there is an object instead.
    pub(super) fn poll_import(&self, name: &ObjectName, acquisition: &AcquisitionId) -> Option<ObjectState> {
        let mut state = self.state.lock();
        let finish_at = state.import_polls;
        let import = state.imports.get_mut(name)?;
        if import.options.acquisition != *acquisition {
            return Some(ObjectState::Foreign);
        }
        if let Some(reason) = &import.failed {
            return Some(ObjectState::Importing(ImportState::Failed(reason.clone())));
        }
        import.polls += 1;
        let total = import.options.length;
        if import.polls < finish_at {
            let copied = total / finish_at * import.polls;
            return Some(ObjectState::Importing(ImportState::Pending { copied, total }));
        }
        match self.copy(&mut state, name) {
            Ok(()) => None,
            Err(reason) => {
                if let Some(import) = state.imports.get_mut(name) {
                    import.failed = Some(reason.clone());
                }
                Some(ObjectState::Importing(ImportState::Failed(reason)))
            }
        }
    }

    /// The copy itself, with the grant as it is now: one that was revoked meanwhile fails it.
    fn copy(&self, state: &mut StoreState, name: &ObjectName) -> Result<(), String> {
        if let Some(reason) = state.import_failure.take() {
            return Err(reason);
        }
        let Some((import, machine)) = state.imports.get(name).zip(self.source.as_ref()) else {
            return Err("no source".into());
        };
        let mut bytes = machine
            .granted_bytes(&import.address, &import.secret)
            .map_err(|error| error.to_string())?;
        if bytes.len() as u64 != import.options.length {
            return Err(format!(
                "the source has {} bytes, {} were announced",
                bytes.len(),
                import.options.length
            ));
        }
        if let Some(alter) = state.import_alteration {
            alter(&mut bytes);
        }
        let owner = Some(import.options.acquisition.clone());
        let held = import.options.hold == LegalHold::Place;
        state.imports.remove(name);
        state.put(name, bytes, owner, held);
        Ok(())
    }
}
