use std::num::NonZeroUsize;
use std::path::PathBuf;

use custody_core::Error;
use custody_core::capture::AcquisitionStatus;
use custody_core::custody_log::{Act, Circumstances, Event, VerifierKey};
use custody_core::ids::{AcquisitionId, DiskId, EvidenceItemId};
use custody_core::port::LogName;
use custody_core::visible;
use custody_local::{AttributeUse, StateFolder};

use crate::azure::{AZURE, AzurePlace};
use crate::failure::Failure;

/// By this name the settings of an acquisition hold where its store lies: its absolute path, escaped.
pub(crate) const STORE: &str = "store";
/// By this name they hold whether the store sets file attributes.
pub(crate) const ATTRIBUTES: &str = "store-attributes";
/// By this name the settings of whoever began hold how many items were worked on at once.
pub(crate) const PARALLEL: &str = "parallel";
const WHERE_ALLOWED: &str = "where-allowed";

/// The word for it in the settings of an acquisition; none where attributes are left alone.
pub(crate) const fn attribute_word(attributes: AttributeUse) -> Option<&'static str> {
    match attributes {
        AttributeUse::Omit => None,
        AttributeUse::WhereAllowed => Some(WHERE_ALLOWED),
    }
}

/// An acquisition as its journal in the state folder tells of it.
#[derive(Debug)]
pub(crate) struct Journaled {
    pub(crate) log: LogName,
    pub(crate) status: AcquisitionStatus,
    pub(crate) events: Vec<Event>,
    /// Whether it was closed and this host saw it entered in the register of its store, if it came into one.
    pub(crate) settled: bool,
}

impl Journaled {
    pub(crate) async fn read(state: &StateFolder, acquisition: &AcquisitionId) -> Result<Self, Error> {
        let log = state.log_name(acquisition).await?;
        let (status, events) = AcquisitionStatus::of_journal(&state.journal(), &log).await?;
        let mut journaled = Self {
            log,
            status,
            events,
            settled: false,
        };
        if journaled.status.outcome.state.is_some() {
            journaled.settled = match &journaled.status.origin {
                Some(origin) => state
                    .recall(origin)?
                    .is_some_and(|seen| seen.size >= journaled.status.lines),
                // It was given up before any store knew of it: there is no register to tell.
                None => true,
            };
        }
        Ok(journaled)
    }

    /// Every acquisition of the state folder; what cannot be read, in its place.
    pub(crate) async fn all(state: &StateFolder) -> Result<Vec<Result<Self, Error>>, Error> {
        let mut all = Vec::new();
        for acquisition in state.acquisitions()? {
            all.push(match acquisition {
                Ok(acquisition) => Self::read(state, &acquisition).await,
                Err(error) => Err(error),
            });
        }
        Ok(all)
    }

    pub(crate) const fn acquisition(&self) -> &AcquisitionId {
        &self.status.outcome.acquisition
    }

    /// The keys that must sign its log.
    fn signers(&self) -> &[String] {
        match self.events.first().map(|event| &event.act) {
            Some(Act::AcquisitionOpened { signers, .. }) => signers,
            _ => &[],
        }
    }

    /// Whether somebody gave it up, whether or not that was carried out.
    pub(crate) fn is_given_up(&self) -> bool {
        let given_up = |event: &Event| matches!(event.act, Act::AcquisitionAbandoned { .. });
        self.events.iter().any(given_up)
    }

    /// Why its evidence is in no store, as was noted last; none for one that came into a store.
    pub(crate) fn why_in_no_store(&self) -> Option<&str> {
        let bound = self.status.store.is_some();
        let mut noted = self.events.iter().filter_map(|event| match &event.act {
            Act::Anomaly { item: None, detail } => Some(detail.as_str()),
            _ => None,
        });
        noted.next_back().filter(|_| !bound)
    }

    /// The addresses of the keys that a disk needs, once that was told; with the item that it is.
    pub(crate) fn needed_keys(&self, disk: &DiskId) -> Option<(&EvidenceItemId, Vec<&str>)> {
        let planned = match &self.events.first()?.act {
            Act::AcquisitionOpened { items, .. } => items.iter().find(|item| item.disk == *disk),
            _ => None,
        };
        let id = &planned?.item;
        self.events.iter().find_map(|event| match &event.act {
            Act::KeyRequirement { item, need } if item == id => {
                let addresses = need.keys().iter().map(|key| key.source.address.as_str());
                Some((id, addresses.collect()))
            }
            _ => None,
        })
    }

    /// Who, where, how and why, as its first line says.
    pub(crate) fn circumstances(&self) -> Option<&Circumstances> {
        self.events.first().map(|event| &event.circumstances)
    }

    /// How many items were worked on at once when it was begun.
    pub(crate) fn parallel(&self) -> Option<NonZeroUsize> {
        self.circumstances()?.how.settings.get(PARALLEL)?.parse().ok()
    }

    /// Where its store lies, as was noted when it was begun.
    pub(crate) fn store(&self) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt as _;
        let bytes = visible::unescape(self.status.settings.provider.get(STORE)?)?;
        Some(std::ffi::OsString::from_vec(bytes).into())
    }

    /// The Azure side of it, where it has one.
    pub(crate) fn azure(&self) -> Result<Option<AzurePlace>, Error> {
        let setting = self.status.settings.provider.get(AZURE);
        setting.map(|text| AzurePlace::from_setting(text)).transpose()
    }

    pub(crate) fn attributes(&self) -> AttributeUse {
        match self.status.settings.provider.get(ATTRIBUTES).map(String::as_str) {
            Some(WHERE_ALLOWED) => AttributeUse::WhereAllowed,
            _ => AttributeUse::Omit,
        }
    }

    /// The name of the one key of this host that signs it.
    pub(crate) fn signer(&self) -> Result<String, Failure> {
        let [line] = self.signers() else {
            return Err(Error::Unsupported {
                operation: "going on with an acquisition that several keys sign",
                provider: format!("acquisition {}", self.acquisition()),
            }
            .into());
        };
        let key: VerifierKey = line.parse()?;
        Ok(key.name().to_owned())
    }

    /// Why disk snapshots that we made still exist, by their names.
    pub(crate) fn reasons_for_keeping(&self) -> Vec<(String, String)> {
        let kept = &self.status.outcome.kept;
        let mut reasons: Vec<(String, String)> = Vec::new();
        for event in &self.events {
            if let Act::SnapshotKept { snapshot, reason, .. } = &event.act
                && kept.contains(snapshot)
            {
                // One that was never finished is named again by each run that finds it; what was found last counts.
                reasons.retain(|(name, _)| name != snapshot.as_str());
                reasons.push((snapshot.to_string(), reason.clone()));
            }
        }
        reasons
    }
}
