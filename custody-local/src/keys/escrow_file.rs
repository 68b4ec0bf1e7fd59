use std::collections::BTreeMap;

use base64ct::{Base64, Encoding as _};
use custody_core::ids::{AcquisitionId, EvidenceItemId};
use custody_core::port::{EscrowRecord, EscrowedKey, KeyReference, WrappedKey};
use custody_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// The form of a file in the escrow, and its version.
const FORMAT: &str = "custody-escrow/1";

/// A key as it lies in the escrow: JSON, the wrapped key in base64, so that `jq -r .key.bytes | base64 -d | age -d` gives
/// the key to whoever holds an identity.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EscrowFile {
    format: String,
    acquisition: AcquisitionId,
    item: EvidenceItemId,
    source: KeyReference,
    key: Wrapped,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    original: Option<Wrapped>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    wrapping: String,
    bytes: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
}

impl Wrapped {
    fn of(key: &WrappedKey) -> Self {
        Self {
            wrapping: key.wrapping.clone(),
            bytes: Base64::encode_string(&key.bytes),
            attributes: key.attributes.clone(),
        }
    }

    fn key(self, object: &str) -> Result<WrappedKey> {
        let bytes = Base64::decode_vec(&self.bytes)
            .map_err(|error| Error::malformed(object, format!("the wrapped key is no base64: {error}")))?;
        let mut key = WrappedKey::new(self.wrapping, bytes);
        key.attributes = self.attributes;
        Ok(key)
    }
}

impl EscrowFile {
    /// The file for this record; `None` for a key in plain form.
    pub(super) fn of(record: &EscrowRecord) -> Option<Self> {
        let EscrowedKey::Wrapped(key) = &record.key else {
            return None;
        };
        Some(Self {
            format: FORMAT.into(),
            acquisition: record.acquisition.clone(),
            item: record.item.clone(),
            source: record.source.clone(),
            key: Wrapped::of(key),
            original: record.original.as_ref().map(Wrapped::of),
            attributes: record.attributes.clone(),
            labels: record.labels.clone(),
        })
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| Error::misuse(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The record of a file's bytes.
    pub(super) fn record(object: &str, bytes: &[u8]) -> Result<EscrowRecord> {
        let file: Self = serde_json::from_slice(bytes)
            .map_err(|error| Error::malformed(object, format!("is no escrowed key: {error}")))?;
        if file.format != FORMAT {
            return Err(Error::malformed(
                object,
                format!("has a form that is not known here; {FORMAT} is"),
            ));
        }
        let key = EscrowedKey::Wrapped(file.key.key(object)?);
        let original = file.original.map(|original| original.key(object)).transpose()?;
        let mut record = EscrowRecord::new(file.acquisition, file.item, file.source, key)
            .with_original(original)
            .with_attributes(file.attributes);
        record.labels = file.labels;
        Ok(record)
    }
}
