//! Small objects beside an item, each put under its name once.

use super::extent_lists::ExtentLists;
use super::workflow::Workflow;
use crate::custody_log::{SealedObject, UnreadSummary, ZeroSummary};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::ids::Segment;
use crate::layout;
use crate::port::{DepositOptions, EvidenceReaderExt as _};

impl Workflow<'_> {
    /// Puts it under its name once: the same bytes again are adopted.
    pub(super) async fn put_once(&self, file: &Segment, bytes: Vec<u8>) -> Result<SealedObject> {
        let name = self.object(file);
        let object = SealedObject::of(file.clone(), &bytes);
        if let Some(stored) = self
            .ports()
            .reader
            .fetch_if_present(&name, bytes.len() as u64)
            .await?
        {
            if stored == bytes {
                return Ok(object);
            }
            return Err(Error::AlreadyExists {
                object: name.to_string(),
            });
        }
        let options = DepositOptions::new(self.acquisition().await, bytes.len() as u64);
        let mut deposit = self.ports().sink.deposit(&name, options).await?;
        let extent = Extent::Data {
            at: 0,
            bytes: bytes.into(),
        };
        if !extent.range().is_empty() {
            deposit.write(extent).await?;
        }
        deposit.commit().await?;
        Ok(object)
    }

    /// The lists of what was not read, where something was not.
    pub(super) async fn put_extent_lists(
        &self,
        file: &Segment,
        lists: &ExtentLists,
        length: u64,
    ) -> Result<(ZeroSummary, UnreadSummary)> {
        let mut zeros = lists.zero_summary();
        if zeros.ranges > 0 {
            let name = file.with_suffix(layout::ZERO_RANGES_SUFFIX);
            zeros.list = Some(self.put_once(&name, lists.zero_list().into_bytes()).await?);
        }
        let mut unread = lists.unread_summary();
        if unread.sectors > 0 {
            let name = file.with_suffix(layout::MAP_SUFFIX);
            let map = lists.ddrescue_map(length);
            unread.map = Some(self.put_once(&name, map.into_bytes()).await?);
        }
        Ok((zeros, unread))
    }
}
