use super::finding::{Finding, Findings};
use super::report::SignerReport;
use crate::custody_log::{SignerSet, Trust, VerifierKey};
use crate::error::Result;
use crate::ids::ObjectName;

/// The keys that must all sign, as a log names them.
#[derive(Debug, Clone)]
pub(super) struct Signers {
    pub(super) keys: Vec<VerifierKey>,
    /// Whether the caller trusts exactly this set.
    pub(super) trusted: bool,
    /// The line that names them, counted from 1.
    pub(super) line: u64,
}

impl Signers {
    /// Reads the keys that line `line` of a log names; `None`, with a finding, when they are none.
    pub(super) fn named(
        object: &ObjectName,
        line: u64,
        texts: &[String],
        trust: &Trust,
        findings: &mut Findings,
    ) -> Option<Self> {
        let keys: Result<Vec<VerifierKey>> = texts.iter().map(|text| text.parse()).collect();
        let set = keys.and_then(|keys| Ok((SignerSet::new(keys.iter().cloned())?, keys)));
        let found = match &set {
            Ok((set, keys)) if set.keys().count() == keys.len() => None,
            Ok(_) => Some("one key twice".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(found) = found {
            let place = format!("line {line}: signers");
            findings.push(Finding::integrity(
                object,
                place,
                "the keys that sign this log",
                found,
            ));
            return None;
        }
        let (set, keys) = set.ok()?;
        Some(Self {
            trusted: trust.accepts(&set),
            keys,
            line,
        })
    }

    /// What a person needs to know them again.
    pub(super) fn reports(&self) -> Vec<SignerReport> {
        self.keys
            .iter()
            .map(|key| SignerReport {
                name: key.name().to_owned(),
                key: key.to_string(),
                fingerprint: key.fingerprint(),
            })
            .collect()
    }

    /// That they are not established.
    pub(super) fn not_established(&self, object: &ObjectName, place: String) -> Finding {
        let shown: Vec<String> = self
            .keys
            .iter()
            .map(|key| format!("{} with fingerprint {}", key.name(), key.fingerprint()))
            .collect();
        Finding::not_proven(
            object,
            place,
            "signatures of keys that this host trusts",
            format!("consistent, signer not established: {}", shown.join("; and ")),
            "compare the fingerprint with the one that was written down when the key was made; if it is the same, verify \
             with --trust and a file that names the key",
        )
    }
}
