use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::ids::{ByteLength, EvidenceItemId, Segment};
use crate::port::{
    DiskEncryption, EscrowReceipt, KeyProof, KeyReference, ProofVerdict, VolumeProof, WrappedKey,
};
use crate::visible;

/// Which keys a disk needs, as its provider told when it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the workflow and the verifier must decide on every kind of need"
)]
pub enum KeyNeed {
    /// None.
    None,
    /// These, at least one.
    Keys {
        /// Numbered from 1, in the order in which the provider named them.
        keys: Vec<NeededKey>,
    },
    /// It cannot be told.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl KeyNeed {
    /// The keys that are named.
    #[must_use]
    pub fn keys(&self) -> &[NeededKey] {
        match self {
            Self::Keys { keys } => keys,
            Self::None | Self::Unknown { .. } => &[],
        }
    }
}

/// Who says that a disk is encrypted, whatever is found on it: the machine's description, or whoever named a key for it.
pub(crate) fn stated_encryption(encryption: &DiskEncryption, need: Option<&KeyNeed>) -> Option<String> {
    match (encryption, need) {
        (DiskEncryption::Encrypted { statement }, _) => {
            Some(format!("the machine's description says \"{statement}\""))
        }
        (_, Some(KeyNeed::Keys { .. })) => Some("a key is said to be needed for it".to_owned()),
        _ => None,
    }
}

/// A key that a disk needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NeededKey {
    /// Its number, from 1.
    pub key: u32,
    /// The name under which it goes into the escrow, unless somebody else's key has that name.
    pub name: Segment,
    /// Where it lies: one version of it.
    pub source: KeyReference,
}

impl NeededKey {
    /// Key number `key`, kept under `name`.
    #[must_use]
    pub const fn new(key: u32, name: Segment, source: KeyReference) -> Self {
        Self { key, name, source }
    }
}

/// What is done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "resuming must decide on every deed")]
pub enum KeyDeed {
    /// It is read from its source.
    Fetch,
    /// It is wrapped for the custodians.
    Wrap,
    /// It is put into the escrow, and read back.
    Deposit,
    /// It is read from the escrow.
    Withdraw,
    /// It is unwrapped.
    Unwrap,
}

impl fmt::Display for KeyDeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fetch => "fetching",
            Self::Wrap => "wrapping",
            Self::Deposit => "depositing",
            Self::Withdraw => "withdrawing",
            Self::Unwrap => "unwrapping",
        })
    }
}

/// What a deed gave, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "there is one for each deed")]
pub enum KeyTold {
    /// It was read from its source.
    Fetch {
        /// The wrapped form in which the source holds it, where it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        original: Option<WrappedForm>,
    },
    /// It is wrapped.
    Wrap {
        /// Like this.
        wrapped: WrappedForm,
    },
    /// It is in the escrow, and what was read back is what was put there.
    Deposit {
        /// What the escrow says of it.
        receipt: EscrowReceipt,
        /// The wrapped form in which the source holds it, kept beside it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        original: Option<WrappedForm>,
    },
    /// It was read from the escrow.
    Withdraw,
    /// It is unwrapped.
    Unwrap,
}

impl KeyTold {
    /// The deed that it tells of.
    #[must_use]
    pub const fn deed(&self) -> KeyDeed {
        match self {
            Self::Fetch { .. } => KeyDeed::Fetch,
            Self::Wrap { .. } => KeyDeed::Wrap,
            Self::Deposit { .. } => KeyDeed::Deposit,
            Self::Withdraw => KeyDeed::Withdraw,
            Self::Unwrap => KeyDeed::Unwrap,
        }
    }
}

/// A wrapped key as a record describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WrappedForm {
    /// How it is wrapped and by what.
    pub wrapping: String,
    /// Bytes of the wrapped key.
    pub length: ByteLength,
    /// SHA-256 of them.
    pub sha256: Sha256Digest,
    /// What is known of the wrapping key without any secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl WrappedForm {
    /// The description of this key.
    #[must_use]
    pub fn of(key: &WrappedKey) -> Self {
        Self {
            wrapping: visible::escape(&key.wrapping),
            length: (key.bytes.len() as u64).into(),
            sha256: Sha256Digest::of(&key.bytes),
            attributes: shown(&key.attributes),
        }
    }
}

/// A key that is in the escrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct KeptKey {
    /// Its number among the keys that the disk needs.
    pub key: u32,
    /// What the escrow says of it.
    pub receipt: EscrowReceipt,
    /// The wrapped form in which the source holds it, kept beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<WrappedForm>,
    /// What came of trying it on the stored copy; none where that was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<KeyProof>,
}

impl KeptKey {
    /// A key of which the escrow says this.
    #[must_use]
    pub const fn new(key: u32, receipt: EscrowReceipt, original: Option<WrappedForm>) -> Self {
        Self {
            key,
            receipt,
            original,
            proof: None,
        }
    }

    /// Whether it is proven that it opens the stored copy.
    #[must_use]
    pub fn opens(&self) -> bool {
        let proof = self.proof.as_ref();
        proof.is_some_and(|proof| proof.verdict == ProofVerdict::Opens)
    }
}

/// A key that may be in the escrow: a deposit was begun, and no answer to it says that it is there, or that nothing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PossiblyKeptKey {
    /// Its number among the keys that the disk needs.
    pub key: u32,
    /// The name under which the escrow has it, if it does.
    pub name: Segment,
}

impl PossiblyKeptKey {
    /// Key number `key`, under `name` if anywhere.
    #[must_use]
    pub const fn new(key: u32, name: Segment) -> Self {
        Self { key, name }
    }
}

/// What is known of the keys of an item. Never a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ItemKeys {
    /// The item.
    pub item: EvidenceItemId,
    /// Which keys it needs; none where that could not be told and was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<KeyNeed>,
    /// Those that are in the escrow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptKey>,
    /// Those that may be in the escrow without a word that they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub possibly_kept: Vec<PossiblyKeptKey>,
    /// What was found in the stored copy where no key is at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<KeyProof>,
    /// Why a key was not taken, where one was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_taken: Option<String>,
    /// Why a custodian gave up what is missing, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}

impl ItemKeys {
    /// Of an item of which nothing is known yet.
    #[must_use]
    pub const fn new(item: EvidenceItemId) -> Self {
        Self {
            item,
            need: None,
            kept: Vec::new(),
            possibly_kept: Vec::new(),
            found: None,
            not_taken: None,
            given_up: None,
        }
    }

    /// The keys that are needed and not in the escrow.
    pub fn missing(&self) -> impl Iterator<Item = &NeededKey> {
        let needed = self.need.as_ref().map_or(&[][..], KeyNeed::keys);
        let is_kept = |needed: &&NeededKey| self.kept.iter().any(|kept| kept.key == needed.key);
        needed.iter().filter(move |needed| !is_kept(needed))
    }

    /// Under which name this key may be in the escrow without a word that it is.
    #[must_use]
    pub fn possible_name(&self, key: u32) -> Option<&Segment> {
        let mut possible = self.possibly_kept.iter();
        possible.find(|kept| kept.key == key).map(|kept| &kept.name)
    }

    /// The encrypted volumes that were found and that no key is proven to open.
    #[must_use]
    pub fn unopened(&self) -> Vec<&VolumeProof> {
        let proofs = self.kept.iter().filter_map(|kept| kept.proof.as_ref());
        let all: Vec<&VolumeProof> = proofs
            .chain(self.found.as_ref())
            .flat_map(|proof| &proof.volumes)
            .collect();
        let mut unopened: Vec<&VolumeProof> = Vec::new();
        for volume in &all {
            let same = |other: &&VolumeProof| other.range == volume.range && other.format == volume.format;
            let is_opened =
                (all.iter().copied().filter(same)).any(|other| other.verdict == ProofVerdict::Opens);
            if !is_opened && !unopened.iter().any(same) {
                unopened.push(volume);
            }
        }
        unopened
    }
}

/// A proof as a record tells it: what stands on a disk is made visible.
pub(crate) fn shown_proof(mut proof: KeyProof) -> KeyProof {
    let shown_verdict = |verdict: &mut ProofVerdict| {
        if let ProofVerdict::CannotTell { reason } = verdict {
            *reason = visible::escape(reason);
        }
    };
    let shown_notes = |notes: &mut Vec<String>| {
        for note in notes {
            *note = visible::escape(note);
        }
    };
    shown_verdict(&mut proof.verdict);
    shown_notes(&mut proof.notes);
    for volume in &mut proof.volumes {
        shown_verdict(&mut volume.verdict);
        volume.format = visible::escape(&volume.format);
        volume.identifier = volume.identifier.as_deref().map(visible::escape);
        shown_notes(&mut volume.notes);
    }
    proof
}

/// A receipt as a record tells it.
pub(crate) fn shown_receipt(mut receipt: EscrowReceipt) -> EscrowReceipt {
    receipt.name = visible::escape(&receipt.name);
    receipt.form = visible::escape(&receipt.form);
    receipt.version = shown(&receipt.version);
    receipt
}

fn shown(attributes: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    attributes
        .iter()
        .map(|(name, value)| (visible::escape_ascii(name), visible::escape(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extent::ByteRange;

    #[test]
    fn a_volume_is_unopened_when_no_key_of_the_disk_opens_it() {
        let at = |start: u64, verdict| VolumeProof::new(ByteRange::at(start, 10), "luks2", verdict);
        let kept = |number, volumes| {
            let name: Segment = "snapshot".parse().unwrap();
            let wrapped = WrappedKey::new("for a test", vec![1]);
            let receipt = EscrowReceipt::new(&name, &crate::port::EscrowedKey::Wrapped(wrapped));
            let mut kept = KeptKey::new(number, receipt, None);
            kept.proof = Some(KeyProof::of_volumes(volumes));
            kept
        };
        let mut keys = ItemKeys::new("item-1".parse().unwrap());
        keys.kept.push(kept(
            1,
            vec![
                at(0, ProofVerdict::Opens),
                at(10, ProofVerdict::DoesNotOpen),
                at(20, ProofVerdict::DoesNotOpen),
            ],
        ));
        keys.kept.push(kept(
            2,
            vec![
                at(0, ProofVerdict::DoesNotOpen),
                at(10, ProofVerdict::Opens),
                at(20, ProofVerdict::DoesNotOpen),
            ],
        ));
        let unopened: Vec<u64> = keys
            .unopened()
            .iter()
            .map(|volume| volume.range.start())
            .collect();
        assert_eq!(unopened, [20]);
    }

    #[test]
    fn what_a_disk_calls_itself_is_made_visible() {
        let volume = VolumeProof::new(
            ByteRange::at(0, 1),
            "x",
            ProofVerdict::CannotTell {
                reason: "a\u{1b}[2J".into(),
            },
        )
        .with_identifier("\u{202e}id")
        .with_note("n\n");
        let shown = shown_proof(KeyProof::of_volumes(vec![volume]).with_note("a label: \u{7}"));
        assert!(crate::canonical::to_bytes(&shown).is_ok());
    }
}
