//! Checkpoints: signed by every signer, put at the anchor, adopted when they lie there already.

use std::sync::Arc;

use crate::custody_log::{Checkpoint, SignedNote, VerifierKey};
use crate::error::{Error, Result};
use crate::ids::ObjectName;
use crate::layout;
use crate::port::{EvidenceReaderExt as _, LogName, SealSigner};
use crate::ports::Ports;

const MAX_NOTE_BYTES: u64 = 64 * 1024;

/// Signs checkpoints with every signer of a bundle.
#[derive(Debug, Clone)]
pub(super) struct NoteSigner {
    signers: Vec<Arc<dyn SealSigner>>,
}

impl NoteSigner {
    pub(super) fn new(ports: &Ports) -> Self {
        Self {
            signers: ports.signers.clone(),
        }
    }

    /// The keys of all signers.
    pub(super) fn keys(&self) -> Vec<VerifierKey> {
        self.signers
            .iter()
            .map(|signer| signer.verifier_key().clone())
            .collect()
    }

    /// Signs the checkpoint and puts it at the anchor. A note that lies there already, of the same checkpoint and
    /// signed in full by our keys or by one of the `others`, is adopted.
    pub(super) async fn anchor(
        &self,
        ports: &Ports,
        log: &LogName,
        checkpoint: &Checkpoint,
        others: &[Vec<VerifierKey>],
    ) -> Result<()> {
        let name = layout::checkpoint(log, checkpoint.size);
        // A signature need not come out the same twice, so what lies there is adopted, not written again.
        if self.adopt(ports, &name, checkpoint, others).await? {
            return Ok(());
        }
        let mut note = SignedNote::of(checkpoint);
        for signer in &self.signers {
            let signature = signer.sign(note.body().as_bytes()).await?.value;
            note = note.with_signature(signer.verifier_key(), signature);
        }
        // What a signer gave is not taken on faith: a checkpoint that does not verify must not be anchored.
        note.verify(name.as_str(), &self.keys())?;
        match ports
            .anchor
            .put_checkpoint(log, checkpoint.size, note.to_text().as_bytes())
            .await
        {
            Err(error) if matches!(error.meaning(), Error::AlreadyExists { .. }) => {
                if self.adopt(ports, &name, checkpoint, others).await? {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            other => other.map(drop),
        }
    }

    async fn adopt(
        &self,
        ports: &Ports,
        name: &ObjectName,
        checkpoint: &Checkpoint,
        others: &[Vec<VerifierKey>],
    ) -> Result<bool> {
        let Some(stored) = ports.reader.fetch_if_present(name, MAX_NOTE_BYTES).await? else {
            return Ok(false);
        };
        let note = SignedNote::parse(name.as_str(), &stored)?;
        let ours = note.verify(name.as_str(), &self.keys());
        let found = match others
            .iter()
            .find_map(|keys| note.verify(name.as_str(), keys).ok())
        {
            Some(found) => found,
            None => ours?,
        };
        if found == *checkpoint {
            return Ok(true);
        }
        Err(Error::Integrity {
            object: name.to_string(),
            place: "checkpoint".into(),
            expected: format!("root {}", checkpoint.root),
            actual: format!("root {} of {} lines", found.root, found.size),
        })
    }
}
