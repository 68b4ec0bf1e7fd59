//! One key: fetched, wrapped where the ports wrap, put into the escrow and read back.

use super::journal::Intent;
use super::key_deeds::KeyAt;
use super::key_state::KeyState;
use super::workflow::Workflow;
use crate::custody_log::{KeyDeed, KeyTold, WrappedForm, shown_receipt};
use crate::digest::Sha256Digest;
use crate::error::{Error, Result};
use crate::ids::EvidenceItemId;
use crate::port::{EscrowReceipt, EscrowRecord, EscrowedKey, FetchedKey, KeyMaterial};
use crate::ports::KeyPorts;
use crate::service::{Acted, ServiceRecord};

/// What lies in the escrow after a deposit.
struct Deposited {
    receipt: EscrowReceipt,
    kept: EscrowRecord,
}

impl Deposited {
    fn told(&self) -> KeyTold {
        KeyTold::Deposit {
            receipt: shown_receipt(self.receipt.clone()),
            original: self.kept.original.as_ref().map(WrappedForm::of),
        }
    }
}

impl Workflow<'_> {
    /// Brings a key into the escrow, unless it is there.
    pub(super) async fn take_key(&self, id: &EvidenceItemId, number: u32, ports: &KeyPorts) -> Result<()> {
        let key = self.key(id, number).await?;
        if key.kept.is_some() {
            return Ok(());
        }
        if let Some((line, deed)) = key.open.filter(|(_, deed)| *deed != KeyDeed::Deposit) {
            self.close_key_intent(&KeyAt::of(id, &key), line, deed).await?;
        }
        if key.may_lie_there && self.adopt_key(id, &key, ports).await? {
            return Ok(());
        }
        let key = self.key(id, number).await?;
        let at = self.place_in_escrow(id, &key).await?;
        self.step(&format!("{id}: taking key {number} as {}", at.name));
        let fetched = self
            .do_with_key(
                &at,
                KeyDeed::Fetch,
                ports.source.fetch(&key.needed.source),
                |fetched| KeyTold::Fetch {
                    original: fetched.original.as_ref().map(WrappedForm::of),
                },
            )
            .await?;
        self.escrow(&at, &key, fetched, ports).await
    }

    /// The name in the escrow: one of its own for this acquisition, where somebody else's key has the planned one.
    async fn place_in_escrow(&self, id: &EvidenceItemId, key: &KeyState) -> Result<KeyAt> {
        let mut at = KeyAt::of(id, key);
        if key.name_taken {
            let acquisition = self.acquisition().await;
            let digest = Sha256Digest::of(acquisition.as_str().as_bytes()).to_string();
            let own = key
                .needed
                .name
                .with_suffix(&format!("-{}", digest.get(..8).unwrap_or_default()));
            if key.name == own {
                return Err(Error::AlreadyExists {
                    object: format!("{own} in the escrow"),
                });
            }
            at.name = own;
        }
        Ok(at)
    }

    async fn escrow(&self, at: &KeyAt, key: &KeyState, fetched: FetchedKey, ports: &KeyPorts) -> Result<()> {
        let FetchedKey {
            key: plain,
            original,
            attributes,
        } = fetched;
        let acquisition = self.acquisition().await;
        let (escrowed, plain) = match &ports.wrapper {
            Some(wrapper) => {
                let wrap = wrapper.wrap(&plain, &acquisition);
                let wrapped = self
                    .do_with_key(at, KeyDeed::Wrap, wrap, |wrapped| KeyTold::Wrap {
                        wrapped: WrappedForm::of(wrapped),
                    })
                    .await?;
                (EscrowedKey::Wrapped(wrapped), Some(plain))
            }
            None => (EscrowedKey::Entrusted(plain), None),
        };
        let item = self.item(&at.item).await?;
        let record = EscrowRecord::new(acquisition, at.item.clone(), key.needed.source.clone(), escrowed)
            .with_original(original)
            .with_attributes(attributes)
            .with_label("case", self.case().await.to_string())
            .with_label("disk", item.planned.disk.to_string())
            .with_label("object", item.planned.file.to_string());
        let mut at = at.clone();
        let deposited = match self.deposit_key(&at, &record, ports).await {
            Err(error) if matches!(error.meaning(), Error::AlreadyExists { .. }) => {
                let key = self.key(&at.item, at.number).await?;
                at = self.place_in_escrow(&at.item, &key).await?;
                self.deposit_key(&at, &record, ports).await?
            }
            deposited => deposited?,
        };
        // Only what lies in the escrow is to be proven: an earlier wrapping that was adopted is unwrapped for that.
        let plain = match (record.key, plain) {
            (EscrowedKey::Entrusted(plain), _) => Some(plain),
            (EscrowedKey::Wrapped(wrapped), plain) => {
                let is_ours = matches!(&deposited.kept.key, EscrowedKey::Wrapped(kept) if *kept == wrapped);
                plain.filter(|_| is_ours)
            }
        };
        self.keep_for_proof(&at, plain).await;
        Ok(())
    }

    async fn keep_for_proof(&self, at: &KeyAt, plain: Option<KeyMaterial>) {
        if let Some(plain) = plain {
            self.key_ring().put(&at.item, at.number, plain).await;
        }
    }

    async fn deposit_key(&self, at: &KeyAt, record: &EscrowRecord, ports: &KeyPorts) -> Result<Deposited> {
        let deposit = deposit_and_read_back(at, record, ports);
        self.do_with_key(at, KeyDeed::Deposit, deposit, Deposited::told)
            .await
    }

    /// What an earlier deposit may have put into the escrow without the log coming to know of it: taken as it is, so
    /// that the key need not be read from its source again. `false` when nothing lies there.
    async fn adopt_key(&self, id: &EvidenceItemId, key: &KeyState, ports: &KeyPorts) -> Result<bool> {
        let at = KeyAt::of(id, key);
        let intent = match key.open {
            Some((line, KeyDeed::Deposit)) => Intent::of_line(line),
            _ => self.intend_with_key(&at, KeyDeed::Deposit).await?,
        };
        let found = match ports.escrow.withdraw(&at.name).await {
            Ok(acted) => self.adopt_if_ours(&at, key, acted.value, ports).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(Acted { value, service }) => {
                self.key_done(&at, intent, value.told(), service).await?;
                if let EscrowedKey::Entrusted(plain) = value.kept.key {
                    self.keep_for_proof(&at, Some(plain)).await;
                }
                Ok(true)
            }
            Err(error) => {
                self.key_failed(&at, intent, KeyDeed::Deposit, &error).await?;
                match error.meaning() {
                    Error::NotFound { .. } | Error::AlreadyExists { .. } => Ok(false),
                    _ => Err(error),
                }
            }
        }
    }

    async fn adopt_if_ours(
        &self,
        at: &KeyAt,
        key: &KeyState,
        found: EscrowRecord,
        ports: &KeyPorts,
    ) -> Result<Acted<Deposited>> {
        let is_ours = found.acquisition == self.acquisition().await
            && found.item == at.item
            && found.source.address == key.needed.source.address;
        if !is_ours {
            return Err(Error::AlreadyExists {
                object: at.name.to_string(),
            });
        }
        deposit_and_read_back(at, &found, ports).await
    }
}

/// Deposits a key, or has it adopted, and looks at what the escrow then has under the name.
async fn deposit_and_read_back(
    at: &KeyAt,
    record: &EscrowRecord,
    ports: &KeyPorts,
) -> Result<Acted<Deposited>> {
    let Acted { value, service } = ports.escrow.deposit(&at.name, record).await?;
    let read_back = match ports.escrow.withdraw(&at.name).await {
        Ok(read_back) => read_back,
        Err(error) => return Err(error.answered(service)),
    };
    let service = with_read_back(service, read_back.service);
    match expect_kept(at, record, &value, &read_back.value) {
        Ok(()) => Ok(Acted {
            value: Deposited {
                receipt: value,
                kept: read_back.value,
            },
            service,
        }),
        Err(error) => Err(error.answered(service)),
    }
}

/// The answer to the deposit, with the ids of the answer to the read-back beside its own.
fn with_read_back(mut service: ServiceRecord, read_back: ServiceRecord) -> ServiceRecord {
    for (name, value) in read_back.ids {
        service = service.with_id(format!("read-back.{name}"), value);
    }
    service
}

/// Compares what was deposited with what the escrow has. What it kept from an earlier deposit of the same key may be
/// wrapped anew; then it is what the receipt says.
fn expect_kept(at: &KeyAt, put: &EscrowRecord, receipt: &EscrowReceipt, kept: &EscrowRecord) -> Result<()> {
    let fail = |place: &str, actual: &str| {
        Err(Error::Integrity {
            object: format!("{} in the escrow", at.name),
            place: place.into(),
            expected: "what was put there".into(),
            actual: actual.into(),
        })
    };
    if !kept.is_same_key(put) {
        return fail("acquisition, item and source", "those of another key");
    }
    // What is known of the wrapping key may have been told less completely once; the wrapped form is what counts.
    let form = |record: &EscrowRecord| {
        let original = record.original.as_ref();
        original.map(|original| (original.wrapping.clone(), original.bytes.clone()))
    };
    if form(kept) != form(put) {
        return fail("original", "another one");
    }
    match (&put.key, &kept.key) {
        (EscrowedKey::Entrusted(put), EscrowedKey::Entrusted(kept)) if put.is_equal(kept) => Ok(()),
        (EscrowedKey::Wrapped(put), EscrowedKey::Wrapped(kept)) if put == kept => Ok(()),
        (EscrowedKey::Wrapped(_), EscrowedKey::Wrapped(kept))
            if receipt.wrapped_digest == Some(Sha256Digest::of(&kept.bytes)) =>
        {
            Ok(())
        }
        (EscrowedKey::Entrusted(_), EscrowedKey::Entrusted(_)) => fail("key", "another one"),
        (EscrowedKey::Wrapped(_), EscrowedKey::Wrapped(_)) => {
            fail("wrapped key", "other bytes than the receipt is of")
        }
        _ => fail("form", "another one"),
    }
}
