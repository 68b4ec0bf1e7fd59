use std::collections::HashMap;

use azure_core::http::RequestContent;
use azure_storage_blob::models::{BlockBlobClientCommitBlockListOptions, BlockLookupList};
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::Receipt;
use custody_core::{Acted, Error, Result, hex};

use super::facts::{ACQUISITION, BlobFacts, DEPOSIT};
use super::{BlobStore, action};
use crate::http::{Backoff, Call, Failing, Repeat, refusal_of};

/// The list of staged blocks that makes a blob of them.
pub(super) struct BlockList {
    pub(super) store: BlobStore,
    pub(super) name: ObjectName,
    pub(super) acquisition: AcquisitionId,
    pub(super) length: u64,
    /// Names this deposit's blocks, so that they never mix with those of another under the same name.
    pub(super) nonce: [u8; 8],
}

impl BlockList {
    pub(super) fn id(&self, number: u32) -> Vec<u8> {
        [self.nonce.as_slice(), &number.to_be_bytes()].concat()
    }

    /// Makes the blob of the first so many blocks, unless something is under its name.
    pub(super) async fn commit(self, blocks: u32) -> Result<Acted<Receipt>> {
        let mut call = Call::new();
        let mut outcome = self.commit_blocks(blocks, &call).await;
        let remote = self.store.remote(&self.name)?;
        let mut backoff = Backoff::new(self.store.patience());
        while let Err(error) = &outcome {
            if !may_have_been_done(error) || remote.look().await?.is_some() {
                break;
            }
            // Not there: it may be sent again, and of two that arrive the condition lets only one be carried out.
            let Some(wait) = backoff.after(error) else { break };
            self.store.clock().sleep(wait).await;
            call = Call::new();
            outcome = self.commit_blocks(blocks, &call).await;
        }
        let Some(found) = remote.look().await? else {
            return Err(outcome.err().unwrap_or_else(|| Error::NotFound {
                object: self.store.shown(&self.name),
            }));
        };
        if !self.is_this(&found.value) {
            return Err(self.taken().answered(found.service));
        }
        if found.value.length != self.length {
            return Err(Error::Integrity {
                object: self.store.shown(&self.name),
                place: "length".into(),
                expected: format!("{} bytes", self.length),
                actual: format!("{} bytes", found.value.length),
            });
        }
        Ok(Acted {
            value: found.value.receipt(&self.name),
            service: found.service,
        })
    }

    #[expect(
        clippy::field_reassign_with_default,
        reason = "the library's type can be made no other way"
    )]
    async fn commit_blocks(&self, blocks: u32, call: &Call) -> Result<()> {
        let shown = self.store.shown(&self.name);
        let failing = Failing {
            object: &shown,
            action: action::WRITE,
        };
        let mut list = BlockLookupList::default();
        list.latest = Some((0..blocks).map(|number| self.id(number)).collect());
        let content = RequestContent::try_from(list).map_err(|error| failing.because(call, error))?;
        let metadata = HashMap::from([
            (ACQUISITION.to_owned(), self.acquisition.to_string()),
            (DEPOSIT.to_owned(), hex::encode(&self.nonce)),
        ]);
        let options = BlockBlobClientCommitBlockListOptions {
            if_none_match: Some("*".into()),
            metadata: Some(metadata),
            blob_content_type: Some("application/octet-stream".into()),
            method_options: call.options(),
            ..Default::default()
        };
        self.store
            .block_client(&self.name, Repeat::Never)?
            .commit_block_list(content, Some(options))
            .await
            .map_err(|error| failing.because(call, error))?;
        Ok(())
    }

    fn is_this(&self, facts: &BlobFacts) -> bool {
        facts.deposit.as_deref() == Some(hex::encode(&self.nonce).as_str())
    }

    pub(super) fn taken(&self) -> Error {
        Error::AlreadyExists {
            object: self.store.shown(&self.name),
        }
    }
}

/// Whether a call that failed so may have been carried out all the same.
pub(super) fn may_have_been_done(error: &Error) -> bool {
    match error.meaning() {
        Error::Throttled { .. } => true,
        Error::Provider { .. } => refusal_of(error).is_none_or(|refusal| refusal.status >= 500),
        _ => false,
    }
}
