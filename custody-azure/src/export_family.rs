//! Incremental disk snapshots of one disk, of which only some can be exported at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use custody_core::Error;

use crate::arm::{Arm, DiskResource, ResourceId};
use crate::http::refusal_of;

/// Source: MicrosoftDocs/azure-compute-docs, virtual-machines-disks-incremental-snapshots-restrictions, read 2026-11-21:
/// access to at most five snapshots of one family at a time.
const MAX_EXPORTS_OF_FAMILY: usize = 5;

/// What is exported through one [`AzureSourceAccess`](crate::AzureSourceAccess), by families. What others export it does
/// not know.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExportFamilies {
    exported: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>,
}

impl ExportFamilies {
    /// Waits, as long as an operation may take, until another one of the family can be exported. When nothing ends in
    /// that time, the service says what it thinks of one more.
    pub(crate) async fn enter(&self, arm: &Arm, id: &ResourceId, found: &DiskResource) {
        let Some(family) = family(found) else { return };
        let patience = arm.patience();
        let (mut waited, mut wait) = (Duration::ZERO, patience.poll_floor);
        while !self.take(&family, id) && waited < patience.operation {
            arm.clock().sleep(wait).await;
            waited = waited.saturating_add(wait);
            let longest = patience.poll_ceiling.max(patience.poll_floor);
            wait = wait.saturating_mul(2).min(longest);
        }
    }

    /// What was exported is no more.
    pub(crate) fn leave(&self, id: &ResourceId) {
        let key = id.as_str().to_ascii_lowercase();
        let mut exported = self.exported();
        for family in exported.values_mut() {
            family.remove(&key);
        }
        exported.retain(|_, family| !family.is_empty());
    }

    fn take(&self, family: &str, id: &ResourceId) -> bool {
        let mut exported = self.exported();
        let of_family = exported.entry(family.to_owned()).or_default();
        let key = id.as_str().to_ascii_lowercase();
        if !of_family.contains(&key) && of_family.len() >= MAX_EXPORTS_OF_FAMILY {
            return false;
        }
        of_family.insert(key);
        true
    }

    fn exported(&self) -> MutexGuard<'_, BTreeMap<String, BTreeSet<String>>> {
        self.exported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What incremental snapshots of one disk have in common; none for what is no incremental snapshot.
fn family(found: &DiskResource) -> Option<String> {
    let properties = &found.properties;
    if properties.incremental != Some(true) {
        return None;
    }
    let creation = &properties.creation_data;
    let told = [
        &properties.incremental_snapshot_family_id,
        &creation.source_unique_id,
        &creation.source_resource_id,
    ];
    let family = told.into_iter().flatten().find(|text| !text.is_empty());
    family.map(|text| text.to_ascii_lowercase())
}

/// What the refusal of access to an incremental snapshot may mean. Which code the service gives for one too many is not
/// documented.
pub(crate) fn explained(error: Error, id: &ResourceId, found: &DiskResource) -> Error {
    let is_conflict = refusal_of(&error).is_some_and(|refusal| refusal.status == 409);
    let Error::Provider { operation, .. } = error.meaning() else {
        return error;
    };
    if !is_conflict || family(found).is_none() {
        return error;
    }
    let explained = Error::Provider {
        object: format!(
            "{id} (Azure gives access to at most {MAX_EXPORTS_OF_FAMILY} incremental snapshots of one disk at a time: where \
             others of this disk are being read, by another capture or another program, let them end, then resume)"
        ),
        operation,
        source: Some(error.causes().join(": ").into()),
    };
    match error.service() {
        Some(service) => explained.answered(service.clone()),
        None => explained,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ResourceId {
        ResourceId::new("s", "g", "Microsoft.Compute/snapshots", &format!("n{number}")).unwrap()
    }

    #[test]
    fn a_sixth_of_a_family_waits_for_one_to_end_and_other_families_do_not() {
        let families = ExportFamilies::default();
        assert!((0..5).all(|number| families.take("a", &id(number))));
        assert!(!families.take("a", &id(5)));
        assert!(families.take("a", &id(4)), "it is among them already");
        assert!(families.take("b", &id(6)));
        families.leave(&id(2));
        assert!(families.take("a", &id(5)));
    }
}
