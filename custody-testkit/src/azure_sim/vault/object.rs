use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Outcome;
use super::attributes::Recovery;
use super::refusal::Refusal;

/// The objects of one kind in a vault: secrets, or keys.
#[derive(Clone, Debug)]
pub(super) struct Objects<V> {
    /// `Secret` or `Key`, as messages have it.
    noun: &'static str,
    /// Names as they were first given, by the same in lower case.
    names: BTreeMap<String, String>,
    live: BTreeMap<String, Versions<V>>,
    deleted: BTreeMap<String, Deleted<V>>,
}

/// All versions of an object, the oldest first.
#[derive(Clone, Debug)]
pub(super) struct Versions<V>(pub(super) Vec<(String, V)>);

/// An object that was deleted and can still be recovered.
#[derive(Clone, Debug)]
pub(super) struct Deleted<V> {
    pub(super) versions: Versions<V>,
    pub(super) at: i64,
    pub(super) purged_at: i64,
}

impl<V: Clone> Versions<V> {
    pub(super) fn latest(&self) -> &(String, V) {
        self.0.last().expect("an object has a version")
    }

    pub(super) fn version(&self, version: Option<&str>) -> Option<&(String, V)> {
        match version {
            None | Some("") => self.0.last(),
            Some(version) => self.0.iter().find(|(own, _)| own == version),
        }
    }

    pub(super) fn version_mut(&mut self, version: Option<&str>) -> Option<&mut (String, V)> {
        match version {
            None | Some("") => self.0.last_mut(),
            Some(version) => self.0.iter_mut().find(|(own, _)| own == version),
        }
    }
}

impl<V: Clone> Objects<V> {
    pub(super) fn new(noun: &'static str) -> Self {
        Self {
            noun,
            names: BTreeMap::new(),
            live: BTreeMap::new(),
            deleted: BTreeMap::new(),
        }
    }

    fn missing(&self, name: &str) -> Refusal {
        let noun = self.noun;
        let lower = noun.to_lowercase();
        Refusal::new(
            404,
            &format!("{noun}NotFound"),
            format!(
                "A {lower} with (name/id) {name} was not found in this key vault. If you recently deleted this {lower} \
                 you may be able to recover it using the correct recovery command."
            ),
        )
    }

    /// Adds a version. Names are compared without regard to case, as the service does.
    pub(super) fn add(&mut self, name: &str, version: String, value: V) -> Outcome<()> {
        self.check_free(name)?;
        let key = name.to_lowercase();
        self.names.entry(key.clone()).or_insert_with(|| name.to_string());
        match self.live.get_mut(&key) {
            Some(versions) => versions.0.push((version, value)),
            None => {
                self.live.insert(key, Versions(vec![(version, value)]));
            }
        }
        Ok(())
    }

    /// Adds an object with all its versions, where there is none of its name.
    pub(super) fn add_whole(&mut self, name: &str, versions: Versions<V>) -> Outcome<()> {
        self.check_free(name)?;
        if self.live.contains_key(&name.to_lowercase()) {
            let message = format!("{} {name} already exists.", self.noun);
            return Err(Refusal::new(409, "Conflict", message));
        }
        self.names
            .entry(name.to_lowercase())
            .or_insert_with(|| name.to_string());
        self.live.insert(name.to_lowercase(), versions);
        Ok(())
    }

    /// A name as it was first given.
    fn shown<'a>(&'a self, key: &'a String) -> &'a String {
        self.names.get(key).unwrap_or(key)
    }

    fn check_free(&self, name: &str) -> Outcome<()> {
        if !self.deleted.contains_key(&name.to_lowercase()) {
            return Ok(());
        }
        Err(Refusal::conflict(
            "ObjectIsDeletedButRecoverable",
            format!(
                "{} {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this \
                 state, the {} can only be recovered or purged.",
                self.noun,
                self.noun.to_lowercase()
            ),
        ))
    }

    pub(super) fn find(&self, name: &str) -> Outcome<&Versions<V>> {
        self.live
            .get(&name.to_lowercase())
            .ok_or_else(|| self.missing(name))
    }

    pub(super) fn version(&self, name: &str, version: Option<&str>) -> Outcome<&(String, V)> {
        let shown = version.map_or_else(|| name.to_string(), |version| format!("{name}/{version}"));
        let versions = self.live.get(&name.to_lowercase());
        versions
            .and_then(|versions| versions.version(version))
            .ok_or_else(|| self.missing(&shown))
    }

    pub(super) fn version_mut(&mut self, name: &str, version: Option<&str>) -> Outcome<&mut (String, V)> {
        let missing = self.missing(name);
        let versions = self.live.get_mut(&name.to_lowercase());
        versions
            .and_then(|versions| versions.version_mut(version))
            .ok_or(missing)
    }

    /// Names and latest versions, in order.
    pub(super) fn list(&self) -> impl Iterator<Item = (&String, &(String, V))> {
        self.live
            .iter()
            .map(|(key, versions)| (self.shown(key), versions.latest()))
    }

    pub(super) fn deleted(&self) -> impl Iterator<Item = (&String, &Deleted<V>)> {
        self.deleted
            .iter()
            .map(|(key, deleted)| (self.shown(key), deleted))
    }

    pub(super) fn find_deleted(&self, name: &str) -> Outcome<&Deleted<V>> {
        self.deleted.get(&name.to_lowercase()).ok_or_else(|| {
            let noun = self.noun;
            Refusal::new(
                404,
                &format!("{noun}NotFound"),
                format!("Deleted {noun} not found: {name}"),
            )
        })
    }

    pub(super) fn delete(&mut self, name: &str, recovery: Recovery, now: Timestamp) -> Outcome<()> {
        let key = name.to_lowercase();
        let versions = self.live.remove(&key).ok_or_else(|| self.missing(name))?;
        let at = now.as_second();
        self.deleted.insert(
            key,
            Deleted {
                versions,
                at,
                purged_at: at + recovery.seconds(),
            },
        );
        Ok(())
    }

    pub(super) fn recover(&mut self, name: &str) -> Outcome<()> {
        self.find_deleted(name)?;
        if let Some(deleted) = self.deleted.remove(&name.to_lowercase()) {
            self.live.insert(name.to_lowercase(), deleted.versions);
        }
        Ok(())
    }

    pub(super) fn purge(&mut self, name: &str, recovery: Recovery) -> Outcome<()> {
        self.find_deleted(name)?;
        if recovery.purge_protection {
            return Err(Refusal::forbidden(
                "ForbiddenByPolicy",
                "Operation \"purge\" is not allowed because purge protection is enabled for this vault.",
            ));
        }
        self.deleted.remove(&name.to_lowercase());
        Ok(())
    }

    /// Lets go what was deleted long enough ago.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.deleted
            .retain(|_, deleted| now.as_second() < deleted.purged_at);
    }

    /// Does something to every version of an object.
    pub(super) fn each(&mut self, name: &str, mut act: impl FnMut(&mut V)) {
        let versions = self.live.get_mut(&name.to_lowercase());
        versions
            .into_iter()
            .flat_map(|versions| &mut versions.0)
            .for_each(|(_, value)| act(value));
    }

    /// Forgets an object as if it had never been, whatever protects it: an intruder with time, or another vault of the
    /// same name.
    pub(super) fn forget(&mut self, name: &str) {
        self.live.remove(&name.to_lowercase());
        self.deleted.remove(&name.to_lowercase());
    }
}
