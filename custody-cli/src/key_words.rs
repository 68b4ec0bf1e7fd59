//! What became of keys, for people. Never a key.

use std::collections::BTreeMap;

use custody_core::capture::{KeyOutcome, KeysOutcome};
use custody_core::port::{KeyProof, ProofVerdict, VolumeProof};

/// A line for each key, and for what is missing.
pub(crate) fn lines(keys: &KeysOutcome) -> Vec<String> {
    let mut lines: Vec<String> = keys.keys.iter().map(of_key).collect();
    lines.extend((keys.unopened.iter()).map(|volume| format!("none opens {}", of_volume(volume))));
    lines.extend(keys.not_taken.iter().map(|reason| format!("not taken: {reason}")));
    lines.extend((keys.given_up.iter()).map(|reason| format!("what is missing was given up: {reason}")));
    lines.extend(
        (keys.failure.iter()).map(|failure| format!("could not be found out: {}", failure.in_words())),
    );
    lines
}

fn of_key(key: &KeyOutcome) -> String {
    let mut words = format!("{} {}", key.key, key.source);
    match &key.form {
        Some(form) => words.push_str(&format!(
            ", in the escrow as {} ({form}{})",
            key.name,
            of_place(&key.version)
        )),
        None => words.push_str(&match &key.possibly_kept {
            Some(why) => format!(
                ", NOT known to be in the escrow, and it may lie there as {}: {why}",
                key.name
            ),
            None => ", NOT in the escrow".to_owned(),
        }),
    }
    if let Some(verdict) = &key.opens {
        words.push_str(&format!(": {}", of_verdict(verdict)));
    }
    if let Some(failure) = &key.failure {
        words.push_str(&format!(": {}", failure.in_words()));
    }
    words
}

/// Where exactly the escrow keeps a key, by its own names.
pub(crate) fn of_place(version: &BTreeMap<String, String>) -> String {
    version
        .iter()
        .map(|(name, value)| format!("; {name} {value}"))
        .collect()
}

/// A verdict in words.
pub(crate) fn of_verdict(verdict: &ProofVerdict) -> String {
    match verdict {
        ProofVerdict::Opens => "opens the stored copy".into(),
        ProofVerdict::DoesNotOpen => "does NOT open the stored copy".into(),
        ProofVerdict::NotEncrypted => "no encrypted volume was found in the stored copy".into(),
        ProofVerdict::CannotTell { reason } => format!("could not be tried: {reason}"),
    }
}

/// What was seen where no encrypted volume is, which "no encryption" rests on; nothing of a proof that says more.
pub(crate) fn of_what_was_seen(proof: &KeyProof) -> &[String] {
    match proof.verdict {
        ProofVerdict::NotEncrypted | ProofVerdict::CannotTell { .. } => &proof.notes,
        ProofVerdict::Opens | ProofVerdict::DoesNotOpen => &[],
    }
}

/// A volume in words.
pub(crate) fn of_volume(volume: &VolumeProof) -> String {
    let name = volume.identifier.as_deref().unwrap_or("without a name");
    format!("{} volume {name} at bytes {}", volume.format, volume.range)
}
