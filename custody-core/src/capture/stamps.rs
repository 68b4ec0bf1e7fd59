//! A time-stamp token over the seal's checkpoint, where an authority answers.

use std::sync::Arc;

use super::workflow::Workflow;
use crate::custody_log::{Act, Checkpoint, Failure, SealedObject};
use crate::error::Result;
use crate::layout;
use crate::port::{EvidenceReaderExt as _, TimestampAuthority};
use crate::service::ServiceRecord;

const MAX_NOTE_BYTES: u64 = 64 * 1024;
const MAX_TOKEN_BYTES: u64 = 1024 * 1024;

impl Workflow<'_> {
    /// Time-stamps the note of a checkpoint, once an acquisition. An authority that does not answer is logged, and is
    /// never a reason to leave evidence unsealed.
    pub(super) async fn stamp(&self, checkpoint: &Checkpoint) -> Result<()> {
        let Some(authority) = self.ports().timestamps.clone() else {
            return Ok(());
        };
        let state = self.state().await;
        if state.stamp_settled {
            return Ok(());
        }
        // A run that was stopped here may have stored the token of an earlier checkpoint: that one is meant.
        let size = state.stamp_intent.unwrap_or(checkpoint.size);
        let intent = self.journal().await.intend(Act::StampIntent { size }).await?;
        let (act, service) = match self.token(&authority, size).await {
            Ok((token, service)) => (Act::StampDone { size, token }, service),
            Err(error) => {
                self.step(&format!("no time stamp: {error}"));
                let service = error.service().cloned().unwrap_or_default();
                (
                    Act::StampFailed {
                        size,
                        failure: Failure::from(&error),
                    },
                    service,
                )
            }
        };
        self.journal().await.answer(intent, act, service).await
    }

    async fn token(
        &self,
        authority: &Arc<dyn TimestampAuthority>,
        size: u64,
    ) -> Result<(SealedObject, ServiceRecord)> {
        let log = self.journal().await.log().clone();
        let note = self
            .ports()
            .reader
            .fetch(&layout::checkpoint(&log, size), MAX_NOTE_BYTES)
            .await?;
        let file = layout::time_stamp(size);
        if let Some(stored) = self
            .ports()
            .reader
            .fetch_if_present(&self.object(&file), MAX_TOKEN_BYTES)
            .await?
        {
            return Ok((SealedObject::of(file, &stored), ServiceRecord::none()));
        }
        let token = authority.stamp(&note).await?;
        Ok((self.put_once(&file, token.value).await?, token.service))
    }
}
