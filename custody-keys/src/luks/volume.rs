use bytes::Bytes;
use custody_core::port::ProofVerdict;

use super::header::LuksHeader;
use super::key_slot::KeySlot;
use super::{luks1, luks2, luks2_json};
use crate::access::{Halt, Step};
use crate::limits::ProofLimits;
use crate::ranged::Ranged;
use crate::trial::Trial;
use crate::volume_finding::VolumeFinding;
use crate::worker;

/// What the key does to a volume that begins as LUKS volumes do, or to a header in a file. Reads the headers, and the
/// area of each slot that is tried.
pub(crate) async fn prove(source: &dyn Ranged, trial: &Trial) -> Step<VolumeFinding> {
    let (format, header) = match read(source, &trial.limits).await {
        Ok(header) => (header.format, Ok(header)),
        Err(Halt::CannotTell(reason)) => (luks2_json::FORMAT, Err(reason)),
        Err(halt) => return Err(halt),
    };
    let mut finding = VolumeFinding::new(format);
    let header = match header {
        Ok(header) => header,
        Err(reason) => return Ok(finding.cannot_tell(reason)),
    };
    finding.identifier = Some(header.identifier.clone()).filter(|identifier| !identifier.is_empty());
    finding.notes.clone_from(&header.notes);
    let verdict = try_slots(source, &header, trial, &mut finding).await?;
    Ok(finding.with_verdict(verdict))
}

async fn read(source: &dyn Ranged, limits: &ProofLimits) -> Step<LuksHeader> {
    let head = source
        .read(0, source.length().min(luks1::HEADER_BYTES as u64))
        .await?;
    let version = head
        .get(6..8)
        .map(|bytes| bytes.iter().fold(0_u16, |sum, byte| sum << 8 | u16::from(*byte)));
    if head.starts_with(super::MAGIC) && version == Some(1) {
        return Ok(luks1::parse(&head, limits)?);
    }
    luks2::read(source, limits).await
}

async fn try_slots(
    source: &dyn Ranged,
    header: &LuksHeader,
    trial: &Trial,
    finding: &mut VolumeFinding,
) -> Step<ProofVerdict> {
    let count = header.slots.len();
    finding.note(format!("{count} key slots in use"));
    let mut unsure = Vec::new();
    let limit = trial.limits.key_slots;
    if count > limit {
        unsure.push(format!("{count} key slots, of which only {limit} are tried"));
    }
    for numbered in header.slots.iter().take(limit) {
        let number = numbered.number;
        let slot = match &numbered.slot {
            Ok(slot) => slot,
            Err(error) => {
                unsure.push(format!("key slot {number}: {error}"));
                continue;
            }
        };
        if trial.key.passphrases().is_empty() {
            // Nothing is tried, so that nothing more of the slot need be known.
            continue;
        }
        let tried = match source.read(slot.area_at, slot.area_bytes()).await {
            Ok(area) => try_slot(slot.clone(), area, trial).await,
            Err(halt) => Err(halt),
        };
        match tried {
            Ok(Some(reading)) => {
                finding.note(format!("opened by key slot {number}, with {reading}"));
                return Ok(ProofVerdict::Opens);
            }
            Ok(None) => {}
            Err(Halt::CannotTell(reason)) => unsure.push(format!("key slot {number}: {reason}")),
            Err(halt) => return Err(halt),
        }
    }
    if unsure.is_empty() {
        return Ok(ProofVerdict::DoesNotOpen);
    }
    Ok(ProofVerdict::CannotTell {
        reason: unsure.join("; "),
    })
}

/// Which reading of the key opens the slot, if any does. A stop is asked for by dropping the future: it comes between two
/// readings.
async fn try_slot(slot: KeySlot, area: Bytes, trial: &Trial) -> Step<Option<&'static str>> {
    let turn = if slot.password_hash.takes_much_memory() {
        Some(trial.turns.next().await)
    } else {
        None
    };
    let Trial { key, effort, .. } = trial.clone();
    let tried = worker::run(move |stop| {
        // Until the memory is given back, also where nobody waits for the answer any longer.
        let _turn = turn;
        for passphrase in key.passphrases() {
            if stop.is_asked() {
                break;
            }
            effort.spend(slot.work())?;
            if slot.opens(passphrase.bytes.expose(), &area)? {
                return Ok(Some(passphrase.reading));
            }
        }
        Ok::<_, crate::Error>(None)
    });
    Ok(tried.await??)
}
