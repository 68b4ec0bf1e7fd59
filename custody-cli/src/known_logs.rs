//! What this host saw of a store before: what shows that the store was rolled back, however well it is signed.

use custody_core::capture::{CaptureOutcome, Register};
use custody_core::custody_log::{Act, Chain, Checkpoint};
use custody_core::ids::{AcquisitionId, StoreId};
use custody_core::port::{EvidenceReader, LogName};
use custody_core::verify::{KnownLog, KnownPlace, Report, SignerTrust};
use custody_core::{Result, layout};
use custody_local::StateFolder;
use futures::StreamExt as _;

use crate::failure::Failure;
use crate::log_lines;

/// The logs of the store at hand that this host saw before.
///
/// The store is known by the id that its register gives it. A register that cannot be read gives none: the
/// verification says what is wrong with it.
pub(crate) async fn of_store(reader: &dyn EvidenceReader, state: &StateFolder) -> Result<Vec<KnownLog>> {
    let Some((store, mut acquisitions)) = contents(reader).await else {
        return Ok(Vec::new());
    };
    // What this host captured is known by its journals, also when the register does not name it (any more).
    acquisitions.extend(state.acquisitions()?.into_iter().flatten());
    acquisitions.sort_unstable();
    acquisitions.dedup();
    let origins = acquisitions
        .iter()
        .map(|acquisition| format!("custody/{store}/{acquisition}"));
    let mut known = Vec::new();
    for origin in std::iter::once(Register::origin(&store)).chain(origins) {
        if let Some(Checkpoint { origin, size, root }) = state.recall(&origin)? {
            known.push(KnownLog::new(origin, size, root).with_place(KnownPlace::ThisStore));
        }
    }
    Ok(known)
}

/// The store's id and the acquisitions that its register names, as far as the register can be read.
async fn contents(reader: &dyn EvidenceReader) -> Option<(StoreId, Vec<AcquisitionId>)> {
    let register = reader.open(&layout::log(&LogName::Register)).await.ok()?;
    let mut lines = log_lines::stored(register);
    let mut chain = Chain::new();
    let mut store = None;
    let mut acquisitions = Vec::new();
    while let Some(Ok(line)) = lines.next().await {
        let Ok(event) = chain.take(&line) else { break };
        if let Act::StoreOpened { store: id, .. } = &event.act {
            store.get_or_insert(id.clone());
        }
        acquisitions.extend(event.acquisition);
    }
    Some((store?, acquisitions))
}

/// Remembers where the logs of a capture stand; why not, if that fails.
pub(crate) fn remember_checkpoints(outcome: &CaptureOutcome, state: &StateFolder) -> Option<Failure> {
    let failed = outcome
        .checkpoints
        .iter()
        .find_map(|checkpoint| state.remember(checkpoint).err());
    failed.map(|error| {
        Failure::from(error).with_cause(
            "the capture itself ended as told above; only what this host remembers of it is at stake",
        )
    })
}

/// Remembers the logs that were found sound and signed by someone this host trusts.
///
/// # Errors
/// As [`StateFolder::remember`].
pub(crate) fn remember(report: &Report, state: &StateFolder) -> Result<()> {
    let established = report
        .sound_logs()
        .filter(|log| log.trust == SignerTrust::Established && log.covered_lines == log.lines);
    for log in established {
        state.remember(&Checkpoint {
            origin: log.origin.clone(),
            size: log.lines,
            root: log.root,
        })?;
    }
    Ok(())
}
