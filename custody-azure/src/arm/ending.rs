//! What became of an act that ends something, where its operation does not tell: read from the resource itself.

use std::time::Duration;

use custody_core::{Acted, Error, Result, ServiceRecord};
use serde::Deserialize;
use serde_json::Value;

use super::ResourceId;
use super::client::Arm;
use crate::http::{is_gone, is_untold};

/// How a resource is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) version: (&'static str, &'static str),
    /// The right that it needs.
    pub(super) action: &'static str,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Found {
    properties: FoundProperties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FoundProperties {
    provisioning_state: String,
}

impl Found {
    fn is_going(&self) -> bool {
        self.properties
            .provisioning_state
            .eq_ignore_ascii_case("Deleting")
    }
}

impl Arm {
    /// The end of a deletion. One of what was gone already is success; where the operation does not tell, the resource
    /// is looked at for as long as it says that it is being deleted.
    pub(super) async fn deleted(
        &self,
        outcome: Result<Acted<Option<Value>>>,
        id: &ResourceId,
        reading: Reading,
    ) -> Result<Acted<()>> {
        let untold = match outcome {
            Ok(acted) => return Ok(done(acted.service)),
            Err(error) if is_gone(&error) => return Ok(done_by(&error)),
            Err(error) if is_untold(&error) => error,
            Err(error) => return Err(error),
        };
        let patience = self.sending.patience;
        let (mut waited, mut wait) = (Duration::ZERO, patience.poll_floor);
        loop {
            match self.read::<Found>(id, &[reading.version], reading.action).await {
                Err(error) if is_gone(&error) => return Ok(done_by(&error)),
                Ok(found) if found.value.is_going() && waited < patience.operation => {}
                Ok(_) | Err(_) => return Err(untold),
            }
            self.clock.sleep(wait).await;
            waited = waited.saturating_add(wait);
            wait = wait
                .saturating_mul(2)
                .min(patience.poll_ceiling.max(patience.poll_floor));
        }
    }

    /// What the service says of something that nobody has access to; `None` where somebody has, or it does not tell.
    pub(super) async fn without_access(&self, id: &ResourceId) -> Option<ServiceRecord> {
        match self.disk(id).await {
            Ok(found) => is_closed(found.value.properties.disk_state.as_deref()).then_some(found.service),
            Err(error) if is_gone(&error) => Some(done_by(&error).service),
            Err(_) => None,
        }
    }
}

/// Whether a `diskState` says that no access is granted. Silence does not.
///
/// Source: `DiskState` in Microsoft's OpenAPI document, DiskRP 2023-10-02, read 2026-11-21.
fn is_closed(disk_state: Option<&str>) -> bool {
    let closed = ["Unattached", "Attached", "Reserved", "Frozen"];
    disk_state.is_some_and(|state| closed.iter().any(|name| state.eq_ignore_ascii_case(name)))
}

/// Nothing was left to be done, as the service answered.
pub(super) fn done_by(error: &Error) -> Acted<()> {
    done(error.service().cloned().unwrap_or_default())
}

const fn done(service: ServiceRecord) -> Acted<()> {
    Acted { value: (), service }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i05_only_a_state_that_says_so_means_that_nobody_has_access() {
        for state in ["Unattached", "reserved", "Attached", "Frozen"] {
            assert!(is_closed(Some(state)), "{state}");
        }
        for state in [
            None,
            Some("ActiveSAS"),
            Some("ActiveSASFrozen"),
            Some("ActiveUpload"),
            Some(""),
            Some("SomethingNew"),
        ] {
            assert!(!is_closed(state), "{state:?}");
        }
    }
}
