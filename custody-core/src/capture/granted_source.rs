//! A source that may have to be read for longer than one grant lives.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};

use super::footer;
use super::opening::expect_length;
use super::state::ItemState;
use super::workflow::Workflow;
use crate::custody_log::FOOTER_BYTES;
use crate::error::{Error, Result};
use crate::extent::{ByteRange, Extent};
use crate::ids::Segment;
use crate::port::{DiskSnapshot, GrantExpiry, ImageReader, ReadGrant};

/// How long before a grant's end a refusal is put down to that end: clocks that count in seconds.
const END_TOLERANCE_MS: i64 = 60_000;

/// The image of a disk snapshot, read under a grant that is given anew when it ended by itself.
///
/// Reading goes on where it was, from the same disk snapshot. A grant that was refused before its end is not renewed:
/// somebody took it away, and a custodian decides.
pub(super) struct GrantedSource<'a> {
    workflow: &'a Workflow<'a>,
    item: &'a ItemState,
    snapshot: &'a DiskSnapshot,
    /// What it was opened as first: length and name stay.
    first: Arc<dyn ImageReader>,
    /// The copy that the service makes under the first grant. When that came to nothing, there is nothing to read on for.
    fed: Option<Segment>,
    current: Mutex<Current<'a>>,
}

struct Current<'a> {
    opened: Opened,
    /// A renewal that was begun. It writes to the log and asks the provider, so it is carried to its end, also when the
    /// read that began it is not wanted any more; and whichever read wants it drives it, because the others may not be
    /// polled meanwhile.
    under_way: Option<Shared<BoxFuture<'a, Renewed>>>,
}

/// What came of a renewal. All who wait for it are told why it failed, with the same meaning: whichever of them is
/// heard first decides what becomes of the item.
#[derive(Debug, Clone)]
enum Renewed {
    Opened(Opened),
    Failed(Arc<Error>),
}

#[derive(Debug, Clone)]
struct Opened {
    image: Arc<dyn ImageReader>,
    expiry: Option<GrantExpiry>,
    /// How often it was opened before.
    renewals: u64,
}

impl<'a> GrantedSource<'a> {
    /// The image as it was opened under this grant.
    pub(super) fn new(
        workflow: &'a Workflow<'a>,
        item: &'a ItemState,
        snapshot: &'a DiskSnapshot,
        image: Arc<dyn ImageReader>,
        grant: &ReadGrant,
    ) -> Self {
        Self {
            workflow,
            item,
            snapshot,
            first: image.clone(),
            fed: None,
            current: Mutex::new(Current {
                opened: Opened {
                    image,
                    expiry: grant.expiry(),
                    renewals: 0,
                },
                under_way: None,
            }),
        }
    }

    /// The service's own copy under this name is fed by the grant too.
    pub(super) fn feeding(mut self, file: Segment) -> Self {
        self.fed = Some(file);
        self
    }

    /// The image as it was opened first: what is told of it is the same whenever it is opened.
    pub(super) fn image(&self) -> &dyn ImageReader {
        self.first.as_ref()
    }

    /// Reads a range.
    pub(super) async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        let opened = self.current().opened.clone();
        match opened.image.read(range).await {
            Err(error) => self.renewed(&opened, error).await?.read(range).await,
            read => read,
        }
    }

    /// Reads the footer that begins at `at`.
    pub(super) async fn footer(&self, at: u64) -> Result<[u8; FOOTER_BYTES]> {
        let opened = self.current().opened.clone();
        match footer::read(opened.image.as_ref(), at).await {
            Err(error) => footer::read(self.renewed(&opened, error).await?.as_ref(), at).await,
            read => read,
        }
    }

    /// The image under another grant, where the one that it was read under ended; of several reads that find so, one
    /// asks for it. Otherwise the error.
    async fn renewed(&self, refused: &Opened, error: Error) -> Result<Arc<dyn ImageReader>> {
        if !matches!(error.meaning(), Error::PermissionDenied { .. }) {
            return Err(error);
        }
        let under_way = {
            let mut current = self.current();
            if current.opened.renewals != refused.renewals {
                return Ok(current.opened.image.clone());
            }
            match current.under_way.clone() {
                Some(under_way) => under_way,
                None => {
                    let now = self.workflow.ports().clock.now().unix_millis();
                    let latest = now.saturating_add(END_TOLERANCE_MS);
                    if (current.opened.expiry).is_none_or(|expiry| expiry.time().unix_millis() > latest) {
                        return Err(error);
                    }
                    let renewals = current.opened.renewals + 1;
                    let renewal = renew(
                        self.workflow,
                        self.item,
                        self.snapshot,
                        self.fed.clone(),
                        renewals,
                    );
                    let renewal = renewal.map(Renewed::from).boxed().shared();
                    current.under_way.insert(renewal).clone()
                }
            }
        };
        self.carry_on(under_way).await
    }

    /// Carries a renewal that was begun to its end. To be called when no more is read; whoever stops in the middle of a
    /// pass leaves the log as it is only then.
    pub(super) async fn settle(&self) {
        let Some(under_way) = self.current().under_way.clone() else {
            return;
        };
        if let Err(error) = self.carry_on(under_way).await {
            self.workflow
                .step(&format!("{}: {error}", self.item.planned.item));
        }
    }

    async fn carry_on(&self, under_way: Shared<BoxFuture<'a, Renewed>>) -> Result<Arc<dyn ImageReader>> {
        let renewed = under_way.clone().await;
        let mut current = self.current();
        match renewed {
            Renewed::Opened(opened) => {
                if current.opened.renewals < opened.renewals {
                    current.opened = opened;
                    current.under_way = None;
                }
                Ok(current.opened.image.clone())
            }
            Renewed::Failed(why) => {
                let is_this = |now: &Shared<_>| now.ptr_eq(&under_way);
                if current.under_way.as_ref().is_some_and(is_this) {
                    current.under_way = None;
                }
                Err(once_more(&why))
            }
        }
    }

    /// Never held while something is waited for.
    fn current(&self) -> MutexGuard<'_, Current<'a>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Result<Opened>> for Renewed {
    fn from(renewed: Result<Opened>) -> Self {
        match renewed {
            Ok(opened) => Self::Opened(opened),
            Err(error) => Self::Failed(Arc::new(error)),
        }
    }
}

/// The same failure, for another who waited: its meaning, and its causes as text.
fn once_more(error: &Error) -> Error {
    let causes = error.causes();
    let source = || (!causes.is_empty()).then(|| causes.join(": ").into());
    let told = match error.meaning() {
        Error::Integrity {
            object,
            place,
            expected,
            actual,
        } => Error::Integrity {
            object: object.clone(),
            place: place.clone(),
            expected: expected.clone(),
            actual: actual.clone(),
        },
        Error::NotFound { object } => Error::NotFound {
            object: object.clone(),
        },
        Error::PermissionDenied {
            object, operation, ..
        } => Error::PermissionDenied {
            object: object.clone(),
            operation,
            source: source(),
        },
        Error::Throttled { object, retry_after } => Error::Throttled {
            object: object.clone(),
            retry_after: *retry_after,
        },
        Error::Stopped { object } => Error::Stopped {
            object: object.clone(),
        },
        Error::Unsupported { operation, provider } => Error::Unsupported {
            operation,
            provider: provider.clone(),
        },
        Error::Provider {
            object, operation, ..
        } => Error::Provider {
            object: object.clone(),
            operation,
            source: source(),
        },
        other => Error::Provider {
            object: other.to_string(),
            operation: "granting access anew",
            source: source(),
        },
    };
    match error.service() {
        Some(service) => told.answered(service.clone()),
        None => told,
    }
}

/// Grants access anew and opens the disk snapshot under it.
async fn renew(
    workflow: &Workflow<'_>,
    item: &ItemState,
    snapshot: &DiskSnapshot,
    fed: Option<Segment>,
    renewals: u64,
) -> Result<Opened> {
    let id = &item.planned.item;
    if let Some(file) = fed
        && let Some(error) = workflow.import_failure(&file).await
    {
        return Err(error);
    }
    workflow.step(&format!(
        "{id}: access to its disk snapshot ended while it was read: it is granted anew"
    ));
    let grant = workflow.grant(item).await?;
    let opened = workflow.ports().source.open(snapshot, &grant).await?;
    expect_length(snapshot, opened.image.as_ref())?;
    // As it stands now: what the first opening told is in it.
    let item = workflow.item(id).await?;
    workflow.note_opening(&item, snapshot, &opened).await?;
    Ok(Opened {
        image: opened.image,
        expiry: grant.expiry(),
        renewals,
    })
}

impl fmt::Debug for GrantedSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantedSource")
            .field("image", &self.first)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for GrantedSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i09_who_waited_for_a_failed_renewal_is_told_the_same() {
        let changed = Error::Integrity {
            object: "disk".into(),
            place: "length".into(),
            expected: "1".into(),
            actual: "2".into(),
        };
        let told = once_more(&changed);
        assert!(matches!(told.meaning(), Error::Integrity { .. }));
        assert_eq!(
            (told.to_string(), told.remedy()),
            (changed.to_string(), changed.remedy())
        );
        let denied = Error::PermissionDenied {
            object: "disk".into(),
            operation: "read",
            source: Some("no".into()),
        };
        let told = once_more(&denied);
        assert_eq!(
            (told.to_string(), told.remedy()),
            (denied.to_string(), denied.remedy())
        );
        assert_eq!(told.causes(), ["no"]);
        let gone = once_more(&Error::NoSpace {
            object: "disk".into(),
            source: None,
        });
        assert!(gone.to_string().contains("disk: no space left"), "{gone}");
    }
}
