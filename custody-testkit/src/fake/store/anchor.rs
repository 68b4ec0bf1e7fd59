use async_trait::async_trait;
use bytes::Bytes;
use custody_core::layout;
use custody_core::port::{LogAnchor, LogHead, LogName};
use custody_core::{Acted, Error, Result};
use futures::stream::{self, BoxStream};

use super::MemoryStore;

fn owner(log: &LogName) -> Option<custody_core::ids::AcquisitionId> {
    match log {
        LogName::Register => None,
        LogName::Acquisition { acquisition, .. } => Some(acquisition.clone()),
    }
}

impl MemoryStore {
    /// Leaves what an append leaves when the process dies in the middle of it: the first half of the
    /// bytes, staged. The next append takes them back.
    pub fn interrupt_append(&self, log: &LogName, lines: &[Bytes]) {
        let mut bytes: Vec<u8> = lines
            .iter()
            .flat_map(|line| line.iter().copied().chain([b'\n']))
            .collect();
        bytes.truncate(bytes.len().div_ceil(2));
        self.state.lock().interrupted.insert(log.clone(), bytes);
    }

    /// The bytes of an append that was cut short.
    #[must_use]
    pub fn interrupted(&self, log: &LogName) -> Option<Bytes> {
        self.state.lock().interrupted.get(log).cloned().map(Bytes::from)
    }
}

#[async_trait]
impl LogAnchor for MemoryStore {
    async fn head(&self, log: &LogName) -> Result<LogHead> {
        Ok(self
            .state
            .lock()
            .heads
            .get(log)
            .copied()
            .unwrap_or(LogHead::EMPTY))
    }

    async fn append(&self, log: &LogName, after: &LogHead, lines: &[Bytes]) -> Result<Acted<LogHead>> {
        let mut state = self.state.lock();
        let service = state.answer("append");
        let head = state.heads.get(log).copied().unwrap_or(LogHead::EMPTY);
        if head != *after {
            return Err(Error::Precondition {
                object: log.to_string(),
                expected: after.to_string(),
                actual: head.to_string(),
            }
            .answered(service));
        }
        if let Some(bad) = lines.iter().find(|line| line.is_empty() || line.contains(&b'\n')) {
            return Err(Error::misuse(format!(
                "{log}: a line of {} bytes is empty or has a line feed",
                bad.len()
            )));
        }
        state.interrupted.remove(log);
        if lines.is_empty() {
            return Ok(Acted { value: head, service });
        }
        let head = lines.iter().fold(head, |head, line| head.after(line));
        let object = layout::log(log);
        if !state.objects.contains_key(&object) {
            state.put(&object, Vec::new(), owner(log), false);
        }
        {
            let mut content = state.object(&object)?.content.lock();
            for line in lines {
                content.bytes.extend_from_slice(line);
                content.bytes.push(b'\n');
            }
        }
        state.heads.insert(log.clone(), head);
        Ok(Acted { value: head, service })
    }

    async fn put_checkpoint(&self, log: &LogName, size: u64, note: &[u8]) -> Result<Acted<()>> {
        let mut state = self.state.lock();
        let service = state.answer("checkpoint");
        let name = layout::checkpoint(log, size);
        if let Some(object) = state.objects.get(&name) {
            if object.content.lock().bytes != note {
                return Err(Error::AlreadyExists {
                    object: name.to_string(),
                }
                .answered(service));
            }
        } else {
            state.put(&name, note.to_vec(), owner(log), false);
        }
        Ok(Acted { value: (), service })
    }

    fn lines(&self, log: &LogName, from: u64) -> BoxStream<'_, Result<Bytes>> {
        let bytes = self.bytes(&layout::log(log)).unwrap_or_default();
        let skip = usize::try_from(from).unwrap_or(usize::MAX);
        let mut lines: Vec<Result<Bytes>> = bytes
            .split(|byte| *byte == b'\n')
            .map(|line| Ok(bytes.slice_ref(line)))
            .collect();
        // What follows the last line feed is no line.
        lines.pop();
        Box::pin(stream::iter(lines.into_iter().skip(skip)))
    }
}
