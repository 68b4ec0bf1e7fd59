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
    IsBeside, RECORD_TYPE, RecordForm, plain_secret, receipt_of, record_name, record_secret,
};
use super::key_text::bytes_of;
use super::location::VaultLocation;
use super::once::OnceOnly;
use super::secret::{StoredSecret, beside};
use crate::arm::Arm;

/// Keys in a vault of the security operations center.
///
/// * A key in plain form is a secret `<name>` with the value, the content type and the tags of its source, as
///   Microsoft's runbook makes it: its users' steps to unlock a disk work unchanged. What custody knows beside that
///   lies in a secret `<name>-custody-record`, which is put first.
/// * A wrapped key is a secret `<name>` that holds the record, the wrapped key in it: that is not the runbook's form.
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
    version: String,
    service: ServiceRecord,
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

    /// What is kept under a name; none where there is no key.
    async fn kept(&self, name: &Segment) -> Result<Option<Kept>> {
        let Some(main) = self.secrets.first(name.as_str()).await? else {
            return Ok(None);
        };
        let service = main.service;
        let (record, service) = if main.value.content_type.as_deref() == Some(RECORD_TYPE) {
            (
                RecordForm::read(name.as_str(), &main.value.value)?.record(name.as_str(), None)?,
                service,
            )
        } else {
            let side = self.secrets.first(&record_name(name)).await?;
            let Some(side) = side else {
                return Err(self.taken(name, "custody did not put it there").answered(service));
            };
            let key = self
                .key(name, &main.value)
                .map_err(|error| error.answered(service.clone()))?;
            let form = RecordForm::read(&record_name(name), &side.value.value)?;
            (
                form.record(name.as_str(), Some(key))?,
                beside(service, "record", &side.service),
            )
        };
        Ok(Some(Kept {
            record,
            version: main.value.version,
            service,
        }))
    }

    fn key(&self, name: &Segment, secret: &StoredSecret) -> Result<KeyMaterial> {
        let bytes = bytes_of(&secret.value);
        bytes
            .map(KeyMaterial::new)
            .ok_or_else(|| Error::malformed(self.shown(name), "its value is not a key in base64"))
    }

    fn receipt(&self, name: &Segment, record: &EscrowRecord, version: &str) -> EscrowReceipt {
        EscrowReceipt::new(name, &record.key)
            .with_version("vault", self.secrets.location().name())
            .with_version("version", version)
    }

    /// That what is kept is what is to be kept.
    fn adopt(&self, name: &Segment, kept: Kept, record: &EscrowRecord) -> Result<Acted<EscrowReceipt>> {
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
            value: self.receipt(name, &kept.record, &kept.version),
            service: kept.service,
        })
    }

    /// Puts the record of a key in plain form, or finds that it is there already.
    async fn put_record(&self, name: &Segment, record: &EscrowRecord) -> Result<()> {
        let side = record_name(name);
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
        let of_acquisition = listed.iter().filter_map(|one| receipt_of(one, &of));
        // A record whose key was not put yet is of no key.
        let complete = of_acquisition.filter(|(receipt, is_beside)| {
            *is_beside == IsBeside::No || names.contains(&receipt.name.to_ascii_lowercase())
        });
        let vault = self.secrets.location().name();
        complete
            .map(|(receipt, _)| Ok(receipt.with_version("vault", vault)))
            .collect()
    }
}

#[async_trait]
impl KeyEscrow for VaultKeyEscrow {
    async fn deposit(&self, name: &Segment, record: &EscrowRecord) -> Result<Acted<EscrowReceipt>> {
        if let Some(kept) = self.kept(name).await? {
            return self.adopt(name, kept, record);
        }
        let new = match &record.key {
            EscrowedKey::Wrapped(_) => record_secret(name, record)?,
            EscrowedKey::Entrusted(key) => {
                let new = plain_secret(record, key);
                self.put_record(name, record).await?;
                new
            }
        };
        let made = self.secrets.add(name.as_str(), new).await?;
        // Another writer may have been first.
        let Some(kept) = self.kept(name).await? else {
            return Err(Error::NotFound {
                object: format!("{} (it was put a moment ago)", self.shown(name)),
            }
            .answered(made.service));
        };
        let adopted = self.adopt(name, kept, record)?;
        Ok(Acted {
            value: adopted.value,
            service: made.service,
        })
    }

    async fn withdraw(&self, name: &Segment) -> Result<Acted<EscrowRecord>> {
        match self.kept(name).await? {
            Some(kept) => Ok(Acted {
                value: kept.record,
                service: kept.service,
            }),
            None => Err(Error::NotFound {
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
