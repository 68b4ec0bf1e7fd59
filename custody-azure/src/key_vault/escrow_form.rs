use std::collections::BTreeMap;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use custody_core::digest::Sha256Digest;
use custody_core::ids::{AcquisitionId, EvidenceItemId, Segment};
use custody_core::port::{EscrowReceipt, EscrowRecord, EscrowedKey, KeyMaterial, KeyReference, WrappedKey};
use custody_core::{Error, Result, visible};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::key_text::{public_text, text_of};
use super::once::{Listed, MAX_TAGS, NAME_TAG, NewSecret, tag_text};
use super::source::{ALGORITHM_TAG, CONTENT_TYPE, KEK_TAG, TAG};
use super::vault_name::VaultNames;

/// The content type of a secret that is a record: of a wrapped key, or of one that lies beside it in plain form.
pub(super) const RECORD_TYPE: &str = "application/vnd.custody.escrowed-key+json";
/// What a record's name has behind the name of the key that it is of, where that lies beside it.
pub(super) const RECORD_SUFFIX: &str = "-custody-record";
/// What the secret of a plain key says of its content where its source said nothing, or that it was wrapped.
const PLAIN_TYPE: &str = "BEK";
/// The version of this form.
const FORM_VERSION: u32 = 1;

const KIND_TAG: &str = "custody-kind";
const KIND: &str = "escrowed-key";
const ACQUISITION_TAG: &str = "custody-acquisition";
const FORM_TAG: &str = "custody-form";
const DIGEST_TAG: &str = "custody-wrapped-sha256";

/// A record as its secret holds it, in JSON. Holds no key in plain form.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecordForm {
    version: u32,
    acquisition: AcquisitionId,
    item: EvidenceItemId,
    source: KeyReference,
    /// None: the key lies beside it in plain form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<WrappedForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    original: Option<WrappedForm>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
}

/// A wrapped key; its bytes in base64url, as vaults take them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrappedForm {
    wrapping: String,
    value: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
}

impl WrappedForm {
    fn of(key: &WrappedKey) -> Self {
        Self {
            wrapping: key.wrapping.clone(),
            value: public_text(&key.bytes),
            attributes: key.attributes.clone(),
        }
    }

    fn key(self, name: &str) -> Result<WrappedKey> {
        let bytes = Base64UrlUnpadded::decode_vec(&self.value)
            .map_err(|_undecoded| Error::malformed(name, "a wrapped key in it is not base64url"))?;
        let mut key = WrappedKey::new(self.wrapping, bytes);
        key.attributes = self.attributes;
        Ok(key)
    }
}

impl RecordForm {
    pub(super) fn of(record: &EscrowRecord) -> Self {
        Self {
            version: FORM_VERSION,
            acquisition: record.acquisition.clone(),
            item: record.item.clone(),
            source: record.source.clone(),
            key: match &record.key {
                EscrowedKey::Wrapped(key) => Some(WrappedForm::of(key)),
                EscrowedKey::Entrusted(_) => None,
            },
            original: record.original.as_ref().map(WrappedForm::of),
            attributes: record.attributes.clone(),
            labels: record.labels.clone(),
        }
    }

    pub(super) fn read(name: &str, text: &str) -> Result<Self> {
        let form: Self = serde_json::from_str(text).map_err(|error| {
            let place = format!(
                "not a record of an escrowed key, at line {} column {}",
                error.line(),
                error.column()
            );
            Error::malformed(name, place)
        })?;
        if form.version != FORM_VERSION {
            let reason = format!(
                "its form is of version {}, which this program does not know",
                form.version
            );
            return Err(Error::malformed(name, reason));
        }
        Ok(form)
    }

    /// The record; `beside` is the key that lies beside it in plain form.
    pub(super) fn record(self, name: &str, beside: Option<KeyMaterial>) -> Result<EscrowRecord> {
        let key = match (self.key, beside) {
            (Some(key), None) => EscrowedKey::Wrapped(key.key(name)?),
            (None, Some(key)) => EscrowedKey::Entrusted(key),
            _ => return Err(Error::malformed(name, "it has no key, or one too many")),
        };
        let original = self.original.map(|original| original.key(name)).transpose()?;
        let mut record = EscrowRecord::new(self.acquisition, self.item, self.source, key)
            .with_original(original)
            .with_attributes(self.attributes);
        record.labels = self.labels;
        Ok(record)
    }
}

/// The name of the record of a key that lies in plain form under this one.
pub(super) fn record_name(name: &str) -> String {
    format!("{name}{RECORD_SUFFIX}")
}

/// The secret that holds the record.
pub(super) fn record_secret(name: &Segment, record: &EscrowRecord) -> Result<NewSecret> {
    let text = serde_json::to_string(&RecordForm::of(record))
        .map_err(|_unwritten| Error::misuse(format!("the record of {name} could not be written")))?;
    let receipt = EscrowReceipt::new(name, &record.key);
    let mut tags: BTreeMap<String, String> = [
        (KIND_TAG, KIND.to_owned()),
        (ACQUISITION_TAG, record.acquisition.to_string()),
        (NAME_TAG, name.to_string()),
        (FORM_TAG, tag_text(&receipt.form)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(digest) = receipt.wrapped_digest {
        tags.insert(DIGEST_TAG.into(), digest.to_string());
    }
    for (name, value) in &record.labels {
        if tags.len() < MAX_TAGS {
            tags.entry(tag_text(name))
                .or_insert_with(|| tag_text(&visible::escape(value)));
        }
    }
    Ok(NewSecret {
        value: Zeroizing::new(text),
        content_type: RECORD_TYPE.into(),
        tags,
    })
}

/// The secret of a key in plain form, as Microsoft's runbook makes it: value, content type and tags of the source's.
///
/// Of a key that was wrapped, what says so is left out: the steps that read these tags would try to unwrap it.
pub(super) fn plain_secret(record: &EscrowRecord, key: &KeyMaterial) -> NewSecret {
    let was_wrapped = record.original.is_some();
    let plain = |text: &String| {
        let bytes = visible::unescape(text);
        bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_else(|| text.clone())
    };
    let content_type = record
        .attributes
        .get(CONTENT_TYPE)
        .filter(|_| !was_wrapped)
        .map(plain)
        // What marks records of ours says nothing true of a secret of somebody else's.
        .filter(|content_type| content_type != RECORD_TYPE);
    let tags = record.attributes.iter().filter_map(|(name, value)| {
        let written = name.strip_prefix(TAG)?;
        // A record's names are ASCII, and a tag's need not be.
        let name = visible::unescape_ascii(written).unwrap_or_else(|| written.to_owned());
        let of_wrapping = name == KEK_TAG || name == ALGORITHM_TAG;
        let of_ours = name.to_ascii_lowercase().starts_with("custody-");
        (!(of_ours || was_wrapped && of_wrapping)).then(|| (name, plain(value)))
    });
    NewSecret {
        value: text_of(key.expose()),
        content_type: content_type.unwrap_or_else(|| PLAIN_TYPE.into()),
        tags: tags.collect(),
    }
}

/// A key as a list of secrets tells of it.
pub(super) struct ListedKey {
    pub(super) receipt: EscrowReceipt,
    /// The secret that is the key, and whether what told of it is a record beside that.
    pub(super) secret: String,
    pub(super) is_beside: IsBeside,
}

/// A key by the tags of its record; none for what is not a key of this acquisition.
pub(super) fn key_of(listed: &Listed, of: &AcquisitionId) -> Option<ListedKey> {
    let tag = |name: &str| listed.tags.get(name).map(String::as_str);
    if tag(KIND_TAG) != Some(KIND) || tag(ACQUISITION_TAG) != Some(of.as_str()) {
        return None;
    }
    let name: Segment = tag(NAME_TAG)?.parse().ok()?;
    let names = VaultNames::of(name.as_str());
    let (secret, is_beside) = names.each().into_iter().find_map(|secret| {
        let is = |name: &str| listed.name.eq_ignore_ascii_case(name);
        let beside = is(&record_name(secret)).then_some(IsBeside::Yes);
        let is_beside = beside.or_else(|| is(secret).then_some(IsBeside::No))?;
        Some((secret.to_owned(), is_beside))
    })?;
    let empty = EscrowedKey::Entrusted(KeyMaterial::new(Zeroizing::default()));
    let mut receipt = EscrowReceipt::new(&name, &empty);
    receipt.form = tag(FORM_TAG).map_or_else(|| EscrowReceipt::ENTRUSTED.to_owned(), visible::escape);
    receipt.wrapped_digest = tag(DIGEST_TAG).and_then(|text| text.parse::<Sha256Digest>().ok());
    Some(ListedKey {
        receipt,
        secret,
        is_beside,
    })
}

/// Whether a record lies beside its key, so that the key may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IsBeside {
    Yes,
    No,
}
