use bytes::Bytes;

use super::header::LuksHeader;
use super::luks2_binary::{BINARY_BYTES, BinaryHeader, Place, SIZES};
use super::luks2_json;
use crate::access::{Halt, Step};
use crate::limits::ProofLimits;
use crate::ranged::Ranged;

/// A header whose checksum fits, and its JSON text.
struct Copy {
    name: &'static str,
    binary: BinaryHeader,
    json: Bytes,
}

/// Reads both headers and takes the newer one that is whole, as `cryptsetup` does.
pub(super) async fn read(source: &dyn Ranged, limits: &ProofLimits) -> Step<LuksHeader> {
    let mut notes = Vec::new();
    let first = note_fault("first", read_copy(source, Place::First).await, &mut notes)?;
    let second = match &first {
        Some(first) => {
            read_copy(
                source,
                Place::Second {
                    at: first.binary.size,
                },
            )
            .await
        }
        None => find_second(source).await,
    };
    let second = note_fault("second", second, &mut notes)?;
    let copy = match (first, second) {
        (Some(first), Some(second)) => {
            let (one, other) = (first.binary.sequence, second.binary.sequence);
            if one == other {
                notes.push(if first.json == second.json {
                    "both headers are whole and agree".to_owned()
                } else {
                    "both headers are whole and say different things".to_owned()
                });
                first
            } else {
                notes.push(format!(
                    "the headers are of different age: first {one}, second {other}"
                ));
                if one > other { first } else { second }
            }
        }
        (Some(copy), None) | (None, Some(copy)) => copy,
        (None, None) => return Err(Halt::cannot_tell(notes.join("; "))),
    };
    notes.push(format!("read from the {} header", copy.name));
    let mut header = luks2_json::parse(&copy.json, limits)?;
    header.identifier = copy.binary.identifier;
    header.notes.splice(0..0, notes);
    Ok(header)
}

fn note_fault(name: &str, copy: Step<Copy>, notes: &mut Vec<String>) -> Step<Option<Copy>> {
    match copy {
        Ok(copy) => Ok(Some(copy)),
        Err(Halt::CannotTell(reason)) => {
            notes.push(format!("the {name} header cannot be used: {reason}"));
            Ok(None)
        }
        Err(halt) => Err(halt),
    }
}

async fn read_copy(source: &dyn Ranged, place: Place) -> Step<Copy> {
    let (name, at) = match place {
        Place::First => ("first", 0),
        Place::Second { at } => ("second", at),
    };
    let binary = BinaryHeader::parse(&source.read(at, BINARY_BYTES as u64).await?, place)?;
    let whole = source.read(at, binary.size).await?;
    let json = whole.slice_ref(binary.json(&whole)?);
    Ok(Copy { name, binary, json })
}

/// Looks where a second header may lie when the first one does not tell.
async fn find_second(source: &dyn Ranged) -> Step<Copy> {
    let mut fault = Halt::cannot_tell("it lies at none of the places where it may lie");
    for at in SIZES {
        if at.saturating_add(BINARY_BYTES as u64) > source.length() {
            break;
        }
        let head = source.read(at, super::SECOND_MAGIC.len() as u64).await?;
        if head.as_ref() == super::SECOND_MAGIC {
            match read_copy(source, Place::Second { at }).await {
                Err(Halt::CannotTell(reason)) => fault = Halt::CannotTell(reason),
                done => return done,
            }
        }
    }
    Err(fault)
}
