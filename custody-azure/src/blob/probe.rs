use bytes::Bytes;
use custody_core::extent::Extent;
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{DepositOptions, EvidenceReaderExt as _, EvidenceSink as _};
use custody_core::{Error, Result, layout};

use super::BlobStore;
use crate::http::Backoff;

/// What was really written into a container to see whether it can be, each with what came of it.
///
/// Nothing of it is evidence, and nothing deletes it: no right to delete is needed, and a retention policy would keep
/// it in any case.
#[derive(Debug)]
#[non_exhaustive]
pub struct Probe {
    /// The folder of what was written.
    pub folder: ObjectName,
    /// A small object was stored.
    pub stored: Result<()>,
    /// It was read back, and is what was stored.
    pub read_back: Result<()>,
    /// A line was appended to a blob that already had one: what a log anchor does.
    pub appended: Result<()>,
}

impl BlobStore {
    /// Writes one small object and two log lines below `probe/`, under a fresh name, and reads the object back.
    ///
    /// # Errors
    /// When no name could be made. What the service refused stands in the [`Probe`].
    ///
    /// # Cancel safety
    /// Dropping the future may leave any of the two objects behind.
    pub async fn probe(&self) -> Result<Probe> {
        let mut random = [0; 4];
        self.entropy.fill(&mut random)?;
        let id = AcquisitionId::new(self.clock().now(), random);
        let folder = layout::probe_folder(&id);
        let content = Bytes::from(format!("custody probe {id}: not evidence\n"));
        let object = folder.join(&layout::segment(layout::PROBE_OBJECT));
        let stored = self.put_probe(&object, id, &content).await;
        let read_back = match &stored {
            Ok(()) => self.compare_probe(&object, &content).await,
            Err(_) => Err(Error::NotFound {
                object: self.shown(&object),
            }),
        };
        let appended = self
            .append_probe(&folder.join(&layout::segment(layout::PROBE_LINES)), &content)
            .await;
        Ok(Probe {
            folder,
            stored,
            read_back,
            appended,
        })
    }

    async fn put_probe(&self, object: &ObjectName, id: AcquisitionId, content: &Bytes) -> Result<()> {
        let options = DepositOptions::new(id, content.len() as u64);
        let mut deposit = self.deposit(object, options).await?;
        let bytes = content.clone();
        deposit.write(Extent::Data { at: 0, bytes }).await?;
        deposit.commit().await.map(drop)
    }

    async fn compare_probe(&self, object: &ObjectName, content: &Bytes) -> Result<()> {
        let found = self.fetch(object, layout::PROBE_MAX_BYTES).await?;
        if found == *content {
            return Ok(());
        }
        Err(Error::Integrity {
            object: self.shown(object),
            place: "whole object".into(),
            expected: format!("the {} bytes that were stored", content.len()),
            actual: format!("{} other bytes", found.len()),
        })
    }

    async fn append_probe(&self, lines: &ObjectName, content: &Bytes) -> Result<()> {
        self.create_log(lines, Backoff::new(self.patience())).await?;
        self.append_at(lines, 0, content).await?;
        self.append_at(lines, content.len() as u64, content)
            .await
            .map(drop)
    }
}
