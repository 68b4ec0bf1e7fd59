use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use azure_storage_blob::models::{AppendBlobClientAppendBlockOptions, AppendBlobClientCreateOptions};
use bytes::{Bytes, BytesMut};
use custody_core::extent::{ByteRange, Extent};
use custody_core::ids::ObjectName;
use custody_core::port::{
    DepositOptions, EvidenceReaderExt as _, EvidenceSink as _, ImageReader as _, LogAnchor, LogHead, LogName,
};
use custody_core::{Acted, Error, Result, ServiceRecord, layout};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::block_list::may_have_been_done;
use super::{BlobImage, BlobStore, action};
use crate::http::{Backoff, Call, Failing, Repeat};

/// The most bytes that one call appends, so that its lines come together.
///
/// Source: Microsoft's documentation of Append Block, as commonly known for all versions of the service.
const MAX_APPEND_BYTES: usize = 4 * 1024 * 1024;
/// How long a register that is busy is waited for: it is opened before disk snapshots are taken, and evidence that may
/// vanish does not wait for it.
const REGISTER_WAITS: Duration = Duration::from_secs(20);
/// Checkpoints belong to logs, not to acquisitions: the mark of what the anchor itself writes.
const ANCHOR_MARK: &str = "00000101T000000Z-00000000";

/// Where logs ended when they were last read: saves reading them from the start. Never trusted by itself: only what
/// the service answers now extends it.
#[derive(Debug, Default)]
pub(super) struct KnownHeads(Mutex<BTreeMap<ObjectName, Known>>);

#[derive(Debug, Clone, Copy)]
struct Known {
    bytes: u64,
    head: LogHead,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            bytes: 0,
            head: LogHead::EMPTY,
        }
    }
}

impl KnownHeads {
    fn known(&self, name: &ObjectName) -> Known {
        let heads = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        heads.get(name).copied().unwrap_or_default()
    }

    fn learn(&self, name: &ObjectName, known: Known) {
        let mut heads = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        heads.insert(name.clone(), known);
    }
}

impl BlobStore {
    /// Where the log ends now, in bytes and lines; `None` for one that was never written.
    async fn end_of(&self, name: &ObjectName) -> Result<Option<Known>> {
        let remote = self.remote(name)?;
        let Some(found) = remote.look().await? else {
            return Ok(None);
        };
        let length = found.value.length;
        let mut known = self.heads.known(name);
        if length < known.bytes {
            return Err(Error::Integrity {
                object: self.shown(name),
                place: "length".into(),
                expected: format!("at least {} bytes, as seen before", known.bytes),
                actual: format!("{length} bytes"),
            });
        }
        let image = BlobImage::new(remote, &found.value);
        let new = whole(&image, ByteRange::at(known.bytes, length - known.bytes)).await?;
        for line in self.lines_of(name, &new)? {
            known.head = known.head.after(&line);
        }
        known.bytes = length;
        self.heads.learn(name, known);
        Ok(Some(known))
    }

    /// Complete lines. Lines come together or not at all, so that a torn one is not ours.
    fn lines_of(&self, name: &ObjectName, bytes: &Bytes) -> Result<Vec<Bytes>> {
        let Some((last, _)) = bytes.split_last() else {
            return Ok(Vec::new());
        };
        if *last != b'\n' {
            return Err(Error::Integrity {
                object: self.shown(name),
                place: "the last line".into(),
                expected: "a line feed at its end".into(),
                actual: "none".into(),
            });
        }
        let mut rest = bytes.clone();
        let mut lines = Vec::new();
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let mut line = rest.split_to(at + 1);
            line.truncate(at);
            lines.push(line);
        }
        Ok(lines)
    }

    /// Makes the log where none is. Of two that make it, the condition lets one; it is made again only where a look
    /// finds nothing.
    pub(super) async fn create_log(&self, name: &ObjectName, mut backoff: Backoff) -> Result<()> {
        loop {
            let Err(error) = self.create_once(name).await else {
                return Ok(());
            };
            // Somebody else made it first, or we did and the answer was lost, which is as well. A policy can speak
            // before the condition does.
            if self.remote(name)?.look().await?.is_some() {
                return Ok(());
            }
            let again = may_have_been_done(&error);
            let Some(wait) = again.then(|| backoff.after(&error)).flatten() else {
                return Err(error);
            };
            self.clock().sleep(wait).await;
        }
    }

    async fn create_once(&self, name: &ObjectName) -> Result<()> {
        let call = Call::new();
        let options = AppendBlobClientCreateOptions {
            if_none_match: Some("*".into()),
            method_options: call.options(),
            ..Default::default()
        };
        let shown = self.shown(name);
        let failing = Failing {
            object: &shown,
            action: action::WRITE,
        };
        let created = self
            .append_client(name, Repeat::Never)?
            .create(Some(options))
            .await;
        created.map(drop).map_err(|error| failing.because(&call, error))
    }

    pub(super) async fn append_at(
        &self,
        name: &ObjectName,
        position: u64,
        payload: &Bytes,
    ) -> Result<ServiceRecord> {
        let call = Call::new();
        let options = AppendBlobClientAppendBlockOptions {
            append_position: Some(i64::try_from(position).unwrap_or(i64::MAX)),
            method_options: call.options(),
            ..Default::default()
        };
        let shown = self.shown(name);
        let failing = Failing {
            object: &shown,
            action: action::ADD,
        };
        let content = payload.clone().into();
        let answer = self
            .append_client(name, Repeat::Never)?
            .append_block(content, payload.len() as u64, Some(options))
            .await
            .map_err(|error| failing.because(&call, error))?;
        Ok(call.answered(answer.status(), answer.headers()))
    }

    /// The bytes at a place, if the log has that many.
    async fn has_at(&self, name: &ObjectName, position: u64, payload: &Bytes) -> Result<bool> {
        let remote = self.remote(name)?;
        let Some(found) = remote.look().await? else {
            return Ok(false);
        };
        let place = ByteRange::at(position, payload.len() as u64);
        if found.value.length < place.end() {
            return Ok(false);
        }
        let image = BlobImage::new(remote, &found.value);
        Ok(whole(&image, place).await? == *payload)
    }
}

/// The bytes of a range.
async fn whole(image: &BlobImage, range: ByteRange) -> Result<Bytes> {
    let mut bytes = BytesMut::new();
    for extent in image.read(range).await? {
        if let Extent::Data { bytes: part, .. } = extent {
            bytes.extend_from_slice(&part);
        }
    }
    Ok(bytes.freeze())
}

#[async_trait]
impl LogAnchor for BlobStore {
    async fn head(&self, log: &LogName) -> Result<LogHead> {
        let name = layout::log(log);
        Ok(self.end_of(&name).await?.unwrap_or_default().head)
    }

    async fn append(&self, log: &LogName, after: &LogHead, lines: &[Bytes]) -> Result<Acted<LogHead>> {
        let name = layout::log(log);
        let wrong = |line: &Bytes| line.is_empty() || line.contains(&b'\n');
        if lines.iter().any(wrong) {
            return Err(Error::misuse("a log line is empty or has a line feed in it"));
        }
        let payload: Bytes = lines
            .iter()
            .flat_map(|line| line.iter().copied().chain([b'\n']))
            .collect();
        if payload.len() > MAX_APPEND_BYTES {
            return Err(Error::misuse(format!(
                "{} bytes of log lines in one call; at most {MAX_APPEND_BYTES} come together",
                payload.len()
            )));
        }
        let end = self.end_of(&name).await?;
        let known = end.unwrap_or_default();
        let precondition = |found: LogHead| Error::Precondition {
            object: self.shown(&name),
            expected: after.to_string(),
            actual: found.to_string(),
        };
        if known.head != *after {
            return Err(precondition(known.head));
        }
        if payload.is_empty() {
            return Ok(Acted::local(known.head));
        }
        let backoff = || match log {
            LogName::Register => Backoff::new(self.patience()).within(REGISTER_WAITS),
            LogName::Acquisition { .. } => Backoff::new(self.patience()),
        };
        if end.is_none() {
            self.create_log(&name, backoff()).await?;
        }
        let mut backoff = backoff();
        let mut may_be_ours = false;
        loop {
            let error = match self.append_at(&name, known.bytes, &payload).await {
                Ok(service) => {
                    let head = lines.iter().fold(known.head, |head, line| head.after(line));
                    let bytes = known.bytes.saturating_add(payload.len() as u64);
                    self.heads.learn(&name, Known { bytes, head });
                    return Ok(Acted { value: head, service });
                }
                Err(error) => error,
            };
            let refused = matches!(error.meaning(), Error::Precondition { .. });
            if refused && !may_be_ours {
                // Nothing of ours was on its way: another writer came first.
                let found = self.end_of(&name).await?.unwrap_or_default().head;
                return Err(precondition(found));
            }
            if !refused && !may_have_been_done(&error) {
                return Err(error);
            }
            // What was sent may have arrived although no answer came. Lines carry salts: equal bytes are ours.
            if self.has_at(&name, known.bytes, &payload).await? {
                let head = lines.iter().fold(known.head, |head, line| head.after(line));
                let service = error.service().cloned().unwrap_or_default();
                return Ok(Acted { value: head, service });
            }
            let found = self.end_of(&name).await?.unwrap_or_default();
            if found.bytes != known.bytes {
                return Err(precondition(found.head));
            }
            may_be_ours = true;
            // Nothing of it is there: sent again to the same place, of two that arrive only one is taken.
            let Some(wait) = backoff.after(&error) else {
                return Err(error);
            };
            self.clock().sleep(wait).await;
        }
    }

    async fn put_checkpoint(&self, log: &LogName, size: u64, note: &[u8]) -> Result<Acted<()>> {
        let name = layout::checkpoint(log, size);
        let taken = || Error::AlreadyExists {
            object: self.shown(&name),
        };
        let limit = u64::try_from(MAX_APPEND_BYTES).unwrap_or(u64::MAX);
        let same = async || -> Result<Option<bool>> {
            let found = self.fetch_if_present(&name, limit).await?;
            Ok(found.map(|found| found.as_ref() == note))
        };
        match same().await? {
            Some(true) => return Ok(Acted::local(())),
            Some(false) => return Err(taken()),
            None => {}
        }
        let acquisition = match log {
            LogName::Acquisition { acquisition, .. } => acquisition.clone(),
            LogName::Register => ANCHOR_MARK.parse()?,
        };
        let mut deposit = match self
            .deposit(&name, DepositOptions::new(acquisition, note.len() as u64))
            .await
        {
            Ok(deposit) => deposit,
            Err(error) if matches!(error.meaning(), Error::AlreadyExists { .. }) => {
                return if same().await? == Some(true) {
                    Ok(Acted::local(()))
                } else {
                    Err(taken())
                };
            }
            Err(error) => return Err(error),
        };
        if !note.is_empty() {
            let bytes = Bytes::copy_from_slice(note);
            deposit.write(Extent::Data { at: 0, bytes }).await?;
        }
        match deposit.commit().await {
            Ok(acted) => Ok(Acted {
                value: (),
                service: acted.service,
            }),
            // Of two that put the same note, one finds the other's.
            Err(error)
                if matches!(error.meaning(), Error::AlreadyExists { .. }) && same().await? == Some(true) =>
            {
                Ok(Acted::local(()))
            }
            Err(error) => Err(error),
        }
    }

    fn lines(&self, log: &LogName, from: u64) -> BoxStream<'_, Result<Bytes>> {
        let name = layout::log(log);
        let read = async move {
            let remote = self.remote(&name)?;
            let lines = match remote.look().await? {
                Some(found) => {
                    let image = BlobImage::new(remote, &found.value);
                    let bytes = whole(&image, ByteRange::at(0, found.value.length)).await?;
                    self.lines_of(&name, &bytes)?
                }
                None => Vec::new(),
            };
            let skip = usize::try_from(from).unwrap_or(usize::MAX);
            Ok(stream::iter(lines.into_iter().skip(skip).map(Ok)))
        };
        stream::once(read).try_flatten().boxed()
    }
}
