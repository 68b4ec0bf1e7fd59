//! The clauses of [`SourceAccess`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use custody_core::extent::ByteRange;
use custody_core::port::{Clock, DiskSnapshot, GrantOptions, ImageReader, ReadGrant, SourceAccess};
use custody_core::{Error, Result};

use super::clause::{ClauseFailure, Conforms, ensure, refused, suite};
use super::image_reader::{self, ImageHarness};

/// How long the clauses ask grants to last.
const LIFETIME: Duration = Duration::from_secs(3600);

/// A disk snapshot that was taken, the access to it, and ways to meddle with its source.
pub struct AccessHarness {
    access: Arc<dyn SourceAccess>,
    snapshot: DiskSnapshot,
    bytes: Vec<u8>,
    clock: Arc<dyn Clock>,
    advance: Option<Box<dyn Fn(Duration)>>,
    write: Option<Box<dyn Fn()>>,
    vanish: Option<Box<dyn Fn()>>,
    keep: Vec<Box<dyn Any>>,
}

impl AccessHarness {
    /// Access to this snapshot, which holds exactly these bytes; the clock is the one that grants end by.
    #[must_use]
    pub fn new(
        access: Arc<dyn SourceAccess>,
        snapshot: DiskSnapshot,
        bytes: impl Into<Vec<u8>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            access,
            snapshot,
            bytes: bytes.into(),
            clock,
            advance: None,
            write: None,
            vanish: None,
            keep: Vec::new(),
        }
    }

    /// This lets time pass, where a test can. Without it, that a grant ends by itself is taken from its
    /// expiry alone.
    #[must_use]
    pub fn advanced_by(mut self, advance: impl Fn(Duration) + 'static) -> Self {
        self.advance = Some(Box::new(advance));
        self
    }

    /// This writes to the source without changing its length.
    #[must_use]
    pub fn written_by(mut self, write: impl Fn() + 'static) -> Self {
        self.write = Some(Box::new(write));
        self
    }

    /// This takes the source away.
    #[must_use]
    pub fn vanishing_by(mut self, vanish: impl Fn() + 'static) -> Self {
        self.vanish = Some(Box::new(vanish));
        self
    }

    /// Keeps something alive as long as the harness: a temporary directory.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }

    async fn grant(&self) -> Result<ReadGrant> {
        Ok(self
            .access
            .grant(&self.snapshot, GrantOptions::lasting(LIFETIME))
            .await?
            .value)
    }

    async fn open(&self) -> Result<Arc<dyn ImageReader>> {
        let grant = self.grant().await?;
        Ok(self.access.open(&self.snapshot, &grant).await?.image)
    }

    /// That the grant gives no bytes.
    async fn gives_nothing(&self, grant: &ReadGrant, when: &str) -> Conforms {
        let read = async {
            let image = self.access.open(&self.snapshot, grant).await?.image;
            image.read(ByteRange::at(0, image.length().min(512))).await
        };
        ensure!(read.await.is_err(), "{when}, the grant still gives bytes");
        Ok(())
    }
}

impl fmt::Debug for AccessHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessHarness({})", self.access)
    }
}

/// `SA-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn sa_01_a_grant_ends_no_later_than_asked(harness: &AccessHarness) -> Conforms {
    let grant = harness.grant().await?;
    let Some(expiry) = grant.expiry() else {
        ensure!(
            grant.expose_secret().is_empty(),
            "a grant with a secret does not end by itself"
        );
        return Ok(());
    };
    let now = harness.clock.now().unix_millis();
    let left = expiry.time().unix_millis().saturating_sub(now);
    let asked = i64::try_from(LIFETIME.as_millis()).unwrap_or(i64::MAX);
    ensure!(
        left <= asked,
        "asked for {asked} ms, granted for another {left} ms"
    );
    harness.access.open(&harness.snapshot, &grant).await?;
    if let Some(advance) = &harness.advance {
        advance(LIFETIME + Duration::from_secs(1));
        harness.gives_nothing(&grant, "after its end").await?;
    }
    Ok(())
}

/// `SA-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn sa_02_revoking_ends_every_grant(harness: &AccessHarness) -> Conforms {
    let revoke = async |when: &str| -> Conforms {
        match harness.access.revoke(&harness.snapshot).await {
            Ok(_) => Ok(()),
            Err(error) => Err(ClauseFailure::new(format!("revoking {when}: {error}"))),
        }
    };
    revoke("where there is no grant").await?;
    let grants = [
        harness.grant().await?,
        harness.grant().await?,
        harness.grant().await?,
    ];
    revoke("three grants").await?;
    for grant in grants.iter().filter(|grant| grant.expiry().is_some()) {
        harness.gives_nothing(grant, "after revoking").await?;
    }
    revoke("again").await
}

/// `SA-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn sa_03_what_is_opened_is_a_sound_image(harness: &AccessHarness) -> Conforms {
    let reader = harness.open().await?;
    if let Some(told) = harness.snapshot.length {
        ensure!(
            reader.length() == told.bytes(),
            "{told} bytes were told, {} are opened",
            reader.length()
        );
    }
    let image = ImageHarness::new(reader, harness.bytes.clone());
    image_reader::ir_01_the_length_is_constant(&image).await?;
    image_reader::ir_02_spans_cover_exactly_the_range_asked_for(&image).await?;
    image_reader::ir_03_what_is_told_as_zero_reads_as_zeros(&image).await?;
    image_reader::ir_04_a_read_answers_exactly_the_range(&image).await?;
    image_reader::ir_04_a_read_outside_the_image_is_misuse(&image).await?;
    image_reader::ir_07_concurrent_reads_give_the_same_bytes(&image).await
}

/// `SA-04`.
///
/// # Errors
/// How the clause is broken.
pub async fn sa_04_reading_changes_nothing_that_is_pinned(harness: &AccessHarness) -> Conforms {
    let before = harness.access.state(&harness.snapshot).await?;
    let reader = harness.open().await?;
    let whole = ByteRange::at(0, reader.length());
    for _ in 0..2 {
        reader.read(whole).await?;
    }
    drop(reader);
    harness.access.revoke(&harness.snapshot).await?;
    let changes = before.changes_until(&harness.access.state(&harness.snapshot).await?);
    ensure!(changes.is_empty(), "reading changed {changes:?}");
    Ok(())
}

/// `SA-05`.
///
/// # Errors
/// How the clause is broken.
pub async fn sa_05_a_written_source_differs_in_something_pinned(harness: &AccessHarness) -> Conforms {
    let Some(write) = &harness.write else {
        return Err(ClauseFailure::not_offered(
            "a way to write to the source (`written_by`)",
        ));
    };
    let before = harness.access.state(&harness.snapshot).await?;
    if let Some(length) = harness.snapshot.length {
        ensure!(
            before.pinned.values().any(|value| *value == length.to_string()),
            "the length {length} is not pinned: {:?}",
            before.pinned
        );
    }
    write();
    let after = harness.access.state(&harness.snapshot).await?;
    ensure!(
        !before.changes_until(&after).is_empty(),
        "the source was written to, and {after:?} tells nothing"
    );
    Ok(())
}

/// `SA-06`: not what was described.
///
/// # Errors
/// How the clause is broken.
pub async fn sa_06_another_source_is_refused(harness: &AccessHarness) -> Conforms {
    let grant = harness.grant().await?;
    let mut other = harness.snapshot.clone();
    other.length = Some((harness.bytes.len() as u64 + 512).into());
    refused!(
        harness.access.open(&other, &grant).await,
        Error::Integrity { .. } | Error::Precondition { .. },
        "opening a source that is described as longer than it is"
    );
    Ok(())
}

/// `SA-06`: gone.
///
/// # Errors
/// How the clause is broken.
pub async fn sa_06_a_source_that_is_gone_is_not_found(harness: &AccessHarness) -> Conforms {
    let Some(vanish) = &harness.vanish else {
        return Err(ClauseFailure::not_offered(
            "a way to take the source away (`vanishing_by`)",
        ));
    };
    let grant = harness.grant().await?;
    vanish();
    let outcome = harness.access.open(&harness.snapshot, &grant).await;
    refused!(outcome, Error::NotFound { .. }, "opening a source that is gone");
    let outcome = harness.access.state(&harness.snapshot).await;
    refused!(
        outcome,
        Error::NotFound { .. },
        "the state of a source that is gone"
    );
    Ok(())
}

/// `SA-07`.
///
/// # Errors
/// How the clause is broken.
pub async fn sa_07_what_is_opened_again_is_the_same(harness: &AccessHarness) -> Conforms {
    let grant = harness.grant().await?;
    let first = harness.access.open(&harness.snapshot, &grant).await?;
    let again = harness.access.open(&harness.snapshot, &grant).await?;
    let (length, again_length) = (first.image.length(), again.image.length());
    ensure!(
        length == again_length && first.form == again.form,
        "opened first: {length} bytes of {:?}; opened again: {again_length} bytes of {:?}",
        first.form,
        again.form
    );
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `SourceAccess` as tests, on an [`AccessHarness`](crate::conformance::source_access::AccessHarness).
    source_access_conformance, source_access, AccessHarness, [
        sa_01_a_grant_ends_no_later_than_asked,
        sa_02_revoking_ends_every_grant,
        sa_03_what_is_opened_is_a_sound_image,
        sa_04_reading_changes_nothing_that_is_pinned,
        sa_05_a_written_source_differs_in_something_pinned,
        sa_06_another_source_is_refused,
        sa_06_a_source_that_is_gone_is_not_found,
        sa_07_what_is_opened_again_is_the_same,
    ]
}
