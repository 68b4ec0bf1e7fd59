//! What only opening a disk snapshot tells, and what is streamed although the sink's service copies: both are logged before
//! a byte is taken.

use std::fmt;

use super::state::ItemState;
use super::workflow::Workflow;
use crate::custody_log::{Act, Failure};
use crate::error::{Error, Result};
use crate::ids::ByteLength;
use crate::port::{DiskSnapshot, ImageForm, ImageReader, OpenedSource};

/// What only opening a disk snapshot tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenedForm {
    pub(crate) length: ByteLength,
    pub(crate) form: Option<ImageForm>,
}

impl fmt::Display for OpenedForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.length)?;
        match &self.form {
            Some(form) => write!(f, " of {}", form.format),
            None => Ok(()),
        }
    }
}

impl Workflow<'_> {
    /// Logs what only opening tells of a source, before a byte is taken. What an earlier opening of the same disk
    /// snapshot found must be found again.
    pub(super) async fn note_opening(
        &self,
        item: &ItemState,
        snapshot: &DiskSnapshot,
        opened: &OpenedSource,
    ) -> Result<()> {
        if snapshot.length.is_some() && opened.form.is_none() {
            return Ok(());
        }
        let found = OpenedForm {
            length: opened.image.length().into(),
            form: opened.form.clone(),
        };
        if let Some(earlier) = &item.opened
            && *earlier != found
        {
            return Err(Error::Integrity {
                object: snapshot.disk.to_string(),
                place: "length and form".into(),
                expected: format!("{earlier}, as when it was opened before"),
                actual: found.to_string(),
            });
        }
        let act = Act::SourceOpened {
            item: item.planned.item.clone(),
            attempt: item.attempt,
            length: found.length,
            form: found.form,
            attributes: opened.attributes.clone(),
        };
        self.journal().await.note(act).await.map(drop)
    }

    /// Logs why an item is streamed, before a byte is taken: the copy has another form than the service's would have.
    pub(super) async fn note_streaming(&self, item: &ItemState, why: &Error) -> Result<()> {
        let reason = Failure::from(why).in_words();
        self.step(&format!("{}: by stream: {reason}", item.planned.item));
        let act = Act::AcquireStreamed {
            item: item.planned.item.clone(),
            attempt: item.attempt,
            reason,
        };
        self.journal().await.note(act).await.map(drop)
    }
}

/// A snapshot that tells its length must open with it.
pub(super) fn expect_length(snapshot: &DiskSnapshot, image: &dyn ImageReader) -> Result<()> {
    let Some(expected) = snapshot.length.filter(|length| length.bytes() != image.length()) else {
        return Ok(());
    };
    Err(Error::Integrity {
        object: snapshot.disk.to_string(),
        place: "length".into(),
        expected: format!("{expected} bytes"),
        actual: format!("{} bytes", image.length()),
    })
}
