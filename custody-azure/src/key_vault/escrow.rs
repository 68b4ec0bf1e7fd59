use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use custody_core::ids::{AcquisitionId, Segment};
use custody_core::port::{EscrowReceipt, EscrowRecord, EscrowedKey, KeyEscrow, KeyMaterial};
use custody_core::{Acted, Error, Result, ServiceRecord};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use super::escrow_form::{
    IsBeside, RECORD_TYPE, RecordForm, key_of, plain_secret, record_name, record_secret,
};
use super::key_text::bytes_of;
use super::location::VaultLocation;
use super::once::{NAME_TAG, OnceOnly, tag_text};
use super::secret::{StoredSecret, beside};
use super::source::DISK_SNAPSHOT;
use super::vault_name::VaultNames;
use crate::arm::Arm;

/// In a receipt: the name of the secret that is the key.
const SECRET: &str = "secret";

/// Keys in a vault of the security operations center.
///
/// * A key in plain form is a secret `<name>` with the value, the content type and the tags of its source, as
///   Microsoft's runbook makes it: its users' steps to unlock a disk work unchanged. What custody knows beside that
///   lies in a secret `<name>-custody-record`, which is put first.
/// * A wrapped key is a secret `<name>` that holds the record, the wrapped key in it: that is not the runbook's form.
///
/// `<name>` is what the disk snapshot is called in Azure: the name that core chose, of a file, in the form that a vault
/// takes. Of two names that fall together there one gets a digest; a record has the name that core chose in the tag
/// `custody-name`, and a receipt the secret's.
///
/// The vault guards what it keeps, so keys in plain form are taken. Of a secret with several versions the first counts;
/// a name whose secret was deleted and can be recovered is refused.
#[derive(Clone, Debug)]
pub struct VaultKeyEscrow {
    secrets: OnceOnly,
}

/// What there is under a name.
struct Kept {
    record: EscrowRecord,
    /// The secret that is the key.
    secret: String,
    version: String,
    service: ServiceRecord,
}

/// What there is under one of the names of a vault.
enum Found {
    Nothing,
    Key(Box<Kept>),
    /// A key of ours by another of core's names, which falls together with this one there.
    Sibling,
}

/// Where a key lies, or could.
enum Place {
    Taken(Box<Kept>),
    Free(String),
    None,
}

impl VaultKeyEscrow {
    /// The escrow in this vault, for this identity. Sends nothing yet.
    #[must_use]
    pub fn new(arm: &Arm, vault: VaultLocation, credential: Arc<dyn TokenCredential>) -> Self {
        Self {
            secrets: OnceOnly::new(arm, vault, credential),
        }
    }

    fn shown(&self, name: &Segment) -> String {
        format!("key {name} in {}", self.secrets.location())
    }

    fn taken(&self, name: &Segment, why: &str) -> Error {
        Error::AlreadyExists {
            object: format!("{} ({why})", self.shown(name)),
        }
    }

    /// Where the key of this name lies or would, as the names of a vault are taken.
    async fn place(&self, name: &Segment, candidates: &[&str]) -> Result<Place> {
        let mut free = Place::None;
        for candidate in candidates {
            match self.under(name, candidate).await? {
                Found::Key(kept) => return Ok(Place::Taken(kept)),
                Found::Nothing if matches!(free, Place::None) => free = Place::Free((*candidate).to_owned()),
                Found::Nothing | Found::Sibling => {}
            }
        }
        Ok(free)
    }

    /// What lies under a name of the vault.
    async fn under(&self, name: &Segment, candidate: &str) -> Result<Found> {
        let is_siblings = |secret: &StoredSecret| {
            let named = secret.tags.get(NAME_TAG);
            named.is_some_and(|named| *named != tag_text(name.as_str()))
        };
        let Some(main) = self.secrets.first(candidate).await? else {
            // A record is put before its key.
            let record = self.secrets.first(&record_name(candidate)).await?;
            return Ok(match record {
                Some(record) if is_siblings(&record.value) => Found::Sibling,
                _ => Found::Nothing,
            });
        };
        let service = main.service;
        let (record, service) = if main.value.content_type.as_deref() == Some(RECORD_TYPE) {
            if is_siblings(&main.value) {
                return Ok(Found::Sibling);
            }
            let form = RecordForm::read(candidate, &main.value.value)?;
            (form.record(candidate, None)?, service)
        } else {
            let side = self.secrets.first(&record_name(candidate)).await?;
            let Some(side) = side else {
                return Err(self.taken(name, "custody did not put it there").answered(service));
            };
            if is_siblings(&side.value) {
                return Ok(Found::Sibling);
            }
            let key = self
                .key(name, &main.value)
                .map_err(|error| error.answered(service.clone()))?;
            let form = RecordForm::read(&record_name(candidate), &side.value.value)?;
            (
                form.record(candidate, Some(key))?,
                beside(service, "record", &side.service),
            )
        };
        Ok(Found::Key(Box::new(Kept {
            record,
            secret: candidate.to_owned(),
            version: main.value.version,
            service,
        })))
    }

    fn key(&self, name: &Segment, secret: &StoredSecret) -> Result<KeyMaterial> {
        let bytes = bytes_of(&secret.value);
        bytes
            .map(KeyMaterial::new)
            .ok_or_else(|| Error::malformed(self.shown(name), "its value is not a key in base64"))
    }

    fn receipt(&self, name: &Segment, kept: &Kept) -> EscrowReceipt {
        EscrowReceipt::new(name, &kept.record.key)
            .with_version("vault", self.secrets.location().name())
            .with_version(SECRET, &kept.secret)
            .with_version("version", &kept.version)
    }

    /// That what is kept is what is to be kept.
    fn adopt(&self, name: &Segment, kept: Box<Kept>, record: &EscrowRecord) -> Result<Acted<EscrowReceipt>> {
        if !kept.record.is_same_key(record) {
            return Err(self.taken(name, "another key").answered(kept.service));
        }
        if let (EscrowedKey::Entrusted(kept_key), EscrowedKey::Entrusted(key)) =
            (&kept.record.key, &record.key)
            && !kept_key.is_equal(key)
        {
            return Err(self
                .taken(name, "other bytes as the same key")
                .answered(kept.service));
        }
        Ok(Acted {
            value: self.receipt(name, &kept),
            service: kept.service,
        })
    }

    /// Puts the record of a key in plain form, or finds that it is there already.
    async fn put_record(&self, name: &Segment, secret: &str, record: &EscrowRecord) -> Result<()> {
        let side = record_name(secret);
        let found = match self.secrets.first(&side).await? {
            Some(found) => found,
            None => self.secrets.add(&side, record_secret(name, record)?).await?,
        };
        let form = RecordForm::read(&side, &found.value.value)?;
        // A stand-in for the key: what is compared is whose it is.
        let stand_in = KeyMaterial::new(zeroize::Zeroizing::default());
        if form.record(&side, Some(stand_in))?.is_same_key(record) {
            return Ok(());
        }
        Err(self
            .taken(name, "the record of another key")
            .answered(found.service))
    }

    async fn listed(&self, of: AcquisitionId) -> Vec<Result<EscrowReceipt>> {
        let listed = match self.secrets.list().await {
            Ok(listed) => listed,
            Err(error) => return vec![Err(error)],
        };
        let names: BTreeSet<String> = listed.iter().map(|one| one.name.to_ascii_lowercase()).collect();
        let of_acquisition = listed.iter().filter_map(|one| key_of(one, &of));
        // A record whose key was not put yet is of no key.
        let complete = of_acquisition
            .filter(|key| key.is_beside == IsBeside::No || names.contains(&key.secret.to_ascii_lowercase()));
        let vault = self.secrets.location().name();
        complete
            .map(|key| {
                let receipt = key.receipt.with_version("vault", vault);
                Ok(receipt.with_version(SECRET, key.secret))
            })
            .collect()
    }
}

#[async_trait]
impl KeyEscrow for VaultKeyEscrow {
    async fn deposit(&self, name: &Segment, record: &EscrowRecord) -> Result<Acted<EscrowReceipt>> {
        let names = VaultNames::of(name.as_str());
        let resource = record.source.attributes.get(DISK_SNAPSHOT);
        let _turn = self.secrets.turn(&names).await;
        let secret = match self
            .place(name, &names.each_for(resource.map(String::as_str)))
            .await?
        {
            Place::Taken(kept) => return self.adopt(name, kept, record),
            Place::Free(secret) => secret,
            Place::None => return Err(self.taken(name, "keys of other items have that name")),
        };
        let new = match &record.key {
            EscrowedKey::Wrapped(_) => record_secret(name, record)?,
            EscrowedKey::Entrusted(key) => {
                let new = plain_secret(record, key);
                self.put_record(name, &secret, record).await?;
                new
            }
        };
        let made = self.secrets.add(&secret, new).await?;
        // Another writer may have been first.
        let kept = match self.under(name, &secret).await? {
            Found::Key(kept) => kept,
            Found::Sibling => return Err(self.taken(name, "another key").answered(made.service)),
            Found::Nothing => {
                return Err(Error::NotFound {
                    object: format!("{} (it was put a moment ago)", self.shown(name)),
                }
                .answered(made.service));
            }
        };
        let adopted = self.adopt(name, kept, record)?;
        Ok(Acted {
            value: adopted.value,
            service: made.service,
        })
    }

    async fn withdraw(&self, name: &Segment) -> Result<Acted<EscrowRecord>> {
        match self.place(name, &VaultNames::of(name.as_str()).each()).await? {
            Place::Taken(kept) => Ok(Acted {
                value: kept.record,
                service: kept.service,
            }),
            Place::Free(_) | Place::None => Err(Error::NotFound {
                object: self.shown(name),
            }),
        }
    }

    fn list(&self, of: &AcquisitionId) -> BoxStream<'_, Result<EscrowReceipt>> {
        let of = of.clone();
        stream::once(self.listed(of)).flat_map(stream::iter).boxed()
    }
}

impl fmt::Display for VaultKeyEscrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.secrets.location())
    }
}
