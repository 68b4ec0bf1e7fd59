//! Proving that the keys in the escrow open the stored copies.

use std::sync::Arc;

use super::item::Verified;
use super::key_deeds::KeyAt;
use super::key_state::KeyState;
use super::state::Stage;
use super::stopping_image::StoppingImage;
use super::workflow::Workflow;
use crate::custody_log::{Act, Failure, KeyDeed, KeyTold, shown_proof, stated_encryption};
use crate::digest::DiskData;
use crate::error::{Error, Result};
use crate::ids::EvidenceItemId;
use crate::port::{EscrowedKey, KeyMaterial, KeyProof, ProofVerdict, VolumeProof};
use crate::ports::KeyPorts;

/// Why a volume that was found without a key is not said to be closed.
const NO_KEY_AT_HAND: &str = "no key is at hand";

impl Workflow<'_> {
    /// Tries the keys of an item on its stored copy, once that is verified. A copy for which no key is at hand is looked
    /// through for encrypted volumes.
    pub(super) async fn prove_keys(&self, id: &EvidenceItemId) -> Result<()> {
        let Some(ports) = self.ports().keys.as_ref() else {
            return Ok(());
        };
        let item = self.item(id).await?;
        if self.is_being_sealed().await || item.keys.given_up.is_some() {
            return Ok(());
        }
        let Stage::Verified(verified) = &item.stage else {
            return Ok(());
        };
        let mut ended = Ok(());
        for key in &item.keys.keys {
            if key.kept.as_ref().is_some_and(|kept| kept.proof.is_none()) {
                self.go_on(id.as_str())?;
                ended = ended.and(self.prove_key(id, key, verified, ports).await);
            }
        }
        let told = item.keys.need.is_some();
        if told && item.keys.keys.is_empty() && item.keys.found.is_none() {
            self.go_on(id.as_str())?;
            ended = self.look_for_volumes(id, verified, ports).await;
        }
        ended
    }

    async fn prove_key(
        &self,
        id: &EvidenceItemId,
        key: &KeyState,
        verified: &Verified,
        ports: &KeyPorts,
    ) -> Result<()> {
        let number = key.needed.key;
        self.step(&format!("{id}: trying key {number} on the stored copy"));
        let plain = match self.key_ring().take(id, number).await {
            Some(plain) => Ok(plain),
            None => self.key_from_escrow(&KeyAt::of(id, key), ports).await,
        };
        let proof = match plain {
            Ok(plain) => self.proof(id, verified, &plain, ports).await,
            // The public part of a wrapping key does not unwrap: the custodians can, and prove it later.
            Err(error) if matches!(error.meaning(), Error::Unsupported { .. }) => {
                let reason = format!(
                    "the key was wrapped in an earlier run, and cannot be unwrapped here: {}",
                    Failure::from(&error).in_words()
                );
                Ok(KeyProof::new(ProofVerdict::CannotTell { reason }))
            }
            // A line tells of that already.
            Err(error) => return Err(error),
        };
        self.note_proof(id, Some(number), proof).await
    }

    async fn look_for_volumes(
        &self,
        id: &EvidenceItemId,
        verified: &Verified,
        ports: &KeyPorts,
    ) -> Result<()> {
        let nothing = KeyMaterial::new(Vec::new().into());
        let proof = self.proof(id, verified, &nothing, ports).await.map(without_a_key);
        self.note_proof(id, None, proof).await
    }

    async fn proof(
        &self,
        id: &EvidenceItemId,
        verified: &Verified,
        key: &KeyMaterial,
        ports: &KeyPorts,
    ) -> Result<KeyProof> {
        let acquired = verified.acquired();
        let (snapshotted, copy) = (acquired.snapshotted(), acquired.copy());
        if let DiskData::NotComputed { reason } = snapshotted.data(copy.form.as_ref()) {
            let reason = format!("the stored copy is not the disk byte for byte: {reason}");
            return Ok(KeyProof::new(ProofVerdict::CannotTell { reason }));
        }
        let stored = self.ports().reader.open(&self.object(&copy.file)).await?;
        let stored = StoppingImage::new(stored, Arc::clone(&self.ports().stop), id);
        let proof = ports.prover.prove(Arc::new(stored), key).await?;
        let need = self.item(id).await?.keys.need;
        Ok(
            match stated_encryption(&snapshotted.description.encryption, need.as_ref()) {
                Some(statement) => proof.where_encryption_is_stated(&statement),
                None => proof,
            },
        )
    }

    async fn note_proof(&self, id: &EvidenceItemId, key: Option<u32>, proof: Result<KeyProof>) -> Result<()> {
        let item = id.clone();
        match proof {
            Ok(proof) => {
                if let Some(number) = key {
                    self.step(&format!("{id}: key {number} {}", verdict_words(&proof.verdict)));
                }
                let proof = shown_proof(proof);
                let act = Act::KeyProof { item, key, proof };
                self.journal().await.note(act).await.map(drop)
            }
            // It is tried by the run that goes on, and nothing was found out that a line could tell.
            Err(error) if matches!(error.meaning(), Error::Stopped { .. }) => Err(error),
            Err(error) => {
                let failure = Failure::from(&error);
                let service = error.service().cloned().unwrap_or_default();
                let act = Act::KeyProofFailed { item, key, failure };
                self.journal().await.note_answered(act, service).await?;
                Err(error)
            }
        }
    }

    async fn key_from_escrow(&self, at: &KeyAt, ports: &KeyPorts) -> Result<KeyMaterial> {
        if let Some((line, deed)) = self.key(&at.item, at.number).await?.open {
            self.close_key_intent(at, line, deed).await?;
        }
        let withdraw = ports.escrow.withdraw(&at.name);
        let record = self
            .do_with_key(at, KeyDeed::Withdraw, withdraw, |_| KeyTold::Withdraw)
            .await?;
        let wrapped = match record.key {
            EscrowedKey::Entrusted(plain) => return Ok(plain),
            EscrowedKey::Wrapped(wrapped) => wrapped,
        };
        let wrapper = ports.wrapper.as_ref().ok_or_else(|| Error::Unsupported {
            operation: "unwrapping a key",
            provider: "these ports".into(),
        })?;
        let unwrap = wrapper.unwrap_key(&wrapped, &record.acquisition);
        self.do_with_key(at, KeyDeed::Unwrap, unwrap, |_| KeyTold::Unwrap)
            .await
    }
}

/// What is found without a key was not tried, so that nothing is said of whether it opens.
fn without_a_key(proof: KeyProof) -> KeyProof {
    let untried = || ProofVerdict::CannotTell {
        reason: NO_KEY_AT_HAND.into(),
    };
    let volumes: Vec<VolumeProof> = proof
        .volumes
        .into_iter()
        .map(|mut volume| {
            if volume.verdict == ProofVerdict::DoesNotOpen {
                volume.verdict = untried();
            }
            volume
        })
        .collect();
    let mut told = if volumes.is_empty() {
        KeyProof::new(proof.verdict)
    } else {
        KeyProof::of_volumes(volumes)
    };
    told.notes = proof.notes;
    told
}

/// A verdict for a person.
fn verdict_words(verdict: &ProofVerdict) -> String {
    match verdict {
        ProofVerdict::Opens => "opens the stored copy".into(),
        ProofVerdict::DoesNotOpen => "does NOT open the stored copy".into(),
        ProofVerdict::NotEncrypted => "is for nothing: no encrypted volume was found".into(),
        ProofVerdict::CannotTell { reason } => format!("could not be tried: {reason}"),
    }
}
