//! The clauses of [`KeySource`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use custody_core::Result;
use custody_core::ids::SnapshotName;
use custody_core::port::{
    DiskDescription, DiskSnapshot, KeyReference, KeyRequirement, KeySource, SnapshotKind,
};

use super::clause::{ClauseFailure, Conforms, ensure, suite};
use super::secret::hides;

/// A source of keys and what is in it.
pub struct KeySourceHarness {
    source: Arc<dyn KeySource>,
    plain: Vec<DiskDescription>,
    other: Vec<DiskDescription>,
    keys: Vec<(KeyReference, Vec<u8>)>,
    snapshots: Vec<DiskSnapshot>,
    keep: Vec<Box<dyn Any>>,
}

impl KeySourceHarness {
    /// This source, with these keys: at least two versions of one key.
    #[must_use]
    pub fn new(source: Arc<dyn KeySource>, keys: Vec<(KeyReference, Vec<u8>)>) -> Self {
        Self {
            source,
            plain: Vec::new(),
            other: Vec::new(),
            keys,
            snapshots: Vec::new(),
            keep: Vec::new(),
        }
    }

    /// Disks of which the provider says that no key is needed.
    #[must_use]
    pub fn with_plain(mut self, disks: Vec<DiskDescription>) -> Self {
        self.plain = disks;
        self
    }

    /// Disks that need a key, or of which nobody says anything.
    #[must_use]
    pub fn with_other(mut self, disks: Vec<DiskDescription>) -> Self {
        self.other = disks;
        self
    }

    /// The snapshots of those disks, where the source asks them; others are made up.
    #[must_use]
    pub fn with_snapshots(mut self, snapshots: Vec<DiskSnapshot>) -> Self {
        self.snapshots = snapshots;
        self
    }

    async fn requirement(&self, disk: &DiskDescription) -> Result<KeyRequirement> {
        let known = self.snapshots.iter().find(|snapshot| snapshot.disk == disk.disk);
        let made_up = || -> Result<DiskSnapshot> {
            let name: SnapshotName = disk.name.parse()?;
            let kind = SnapshotKind::Made;
            Ok(DiskSnapshot::new(name, disk.disk.clone(), kind, 1000))
        };
        let snapshot = known.cloned().map_or_else(made_up, Ok)?;
        Ok(self.source.requirement(disk, &snapshot).await?.value)
    }

    /// Keeps something alive as long as the harness: a temporary directory.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }
}

impl fmt::Debug for KeySourceHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySourceHarness(..)")
    }
}

/// `KS-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn ks_01_no_key_is_needed_only_where_that_is_said(harness: &KeySourceHarness) -> Conforms {
    if harness.plain.is_empty() || harness.other.is_empty() {
        return Err(ClauseFailure::not_offered(
            "disks of both kinds (`with_plain`, `with_other`)",
        ));
    }
    for disk in &harness.plain {
        let told = harness.requirement(disk).await?;
        ensure!(
            told == KeyRequirement::None,
            "{} needs no key, told is {told:?}",
            disk.name
        );
    }
    for disk in &harness.other {
        let told = harness.requirement(disk).await?;
        ensure!(
            told != KeyRequirement::None,
            "nobody says that {} needs no key",
            disk.name
        );
        if let KeyRequirement::Keys(keys) = &told {
            ensure!(!keys.is_empty(), "{} needs keys, and none is named", disk.name);
        }
    }
    Ok(())
}

/// `KS-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn ks_02_exactly_the_named_version_is_fetched(harness: &KeySourceHarness) -> Conforms {
    ensure!(harness.keys.len() >= 2, "the suite needs two versions of a key");
    for (reference, due) in &harness.keys {
        let key = harness.source.fetch(reference).await?.value;
        ensure!(key.key.expose() == due, "{} gives another key", reference.address);
    }
    for (reference, _) in &harness.keys {
        let absent = KeyReference::new(format!("{}0", reference.address));
        let outcome = harness.source.fetch(&absent).await;
        ensure!(
            outcome.is_err(),
            "{}, which is not there, gives a key",
            absent.address
        );
    }
    Ok(())
}

/// `KS-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn ks_03_no_key_is_shown(harness: &KeySourceHarness) -> Conforms {
    for (reference, secret) in &harness.keys {
        let fetched = harness.source.fetch(reference).await?;
        let mut texts = vec![
            (
                "Debug of the source",
                format!("{:?} {:#?}", harness.source, harness.source),
            ),
            ("Display of the source", harness.source.to_string()),
            (
                "Debug of the key",
                format!("{:?} {:#?}", fetched.value, fetched.value),
            ),
            ("the service's answer", format!("{:?}", fetched.service)),
            ("the reference", format!("{reference:?}")),
        ];
        for disk in harness.plain.iter().chain(&harness.other) {
            texts.push(("a requirement", format!("{:?}", harness.requirement(disk).await)));
        }
        let absent = KeyReference::new(format!("{}0", reference.address));
        if let Err(error) = harness.source.fetch(&absent).await {
            texts.push(("an error", format!("{error} {error:?} {:?}", error.causes())));
        }
        hides(secret, &texts)?;
    }
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `KeySource` as tests, on a [`KeySourceHarness`](crate::conformance::key_source::KeySourceHarness).
    key_source_conformance, key_source, KeySourceHarness, [
        ks_01_no_key_is_needed_only_where_that_is_said,
        ks_02_exactly_the_named_version_is_fetched,
        ks_03_no_key_is_shown,
    ]
}
