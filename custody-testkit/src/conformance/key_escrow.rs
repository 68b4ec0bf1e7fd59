//! The clauses of [`KeyEscrow`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use custody_core::ids::{AcquisitionId, Segment};
use custody_core::port::{EscrowRecord, EscrowedKey, KeyEscrow, KeyMaterial, KeyReference, WrappedKey};
use custody_core::{Error, Result, layout};
use futures::StreamExt as _;
use zeroize::Zeroizing;

use super::clause::{ClauseFailure, Conforms, ensure, refused, suite};
use crate::fake::pattern;

/// An empty escrow.
pub struct EscrowHarness {
    escrow: Arc<dyn KeyEscrow>,
    keep: Vec<Box<dyn Any>>,
}

impl EscrowHarness {
    /// This escrow, in which nothing is.
    #[must_use]
    pub fn new(escrow: Arc<dyn KeyEscrow>) -> Self {
        Self {
            escrow,
            keep: Vec::new(),
        }
    }

    /// Keeps something alive as long as the harness: a temporary directory.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }

    async fn listed(&self, of: &AcquisitionId) -> Result<Vec<String>> {
        let mut stream = self.escrow.list(of);
        let mut names = Vec::new();
        while let Some(receipt) = stream.next().await {
            names.push(receipt?.name);
        }
        names.sort();
        Ok(names)
    }
}

impl fmt::Debug for EscrowHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EscrowHarness({})", self.escrow)
    }
}

fn ours() -> Result<AcquisitionId> {
    "20261121T203015Z-0123abcd".parse()
}

fn wrapped(seed: u8) -> EscrowedKey {
    let key = WrappedKey::new("wrapped for a test", pattern(200, seed));
    EscrowedKey::Wrapped(key.with_attribute("fingerprint", "made up"))
}

fn plain(seed: u8) -> EscrowedKey {
    EscrowedKey::Entrusted(KeyMaterial::new(Zeroizing::new(pattern(156, seed))))
}

/// The key of a number, of the item of the same number.
fn record(of: AcquisitionId, number: u8, key: EscrowedKey) -> Result<EscrowRecord> {
    let item = format!("item-{number}").parse()?;
    let source = KeyReference::new(format!("vault/key/{number}")).with_attribute("kind", "disk key");
    let original =
        WrappedKey::new("RSA-OAEP by a made-up key", pattern(256, number)).with_attribute("n", "public");
    let attributes = [("contentType".to_owned(), "Wrapped BEK".to_owned())].into();
    Ok(EscrowRecord::new(of, item, source, key)
        .with_original(Some(original))
        .with_attributes(attributes)
        .with_label("case", "2026-0042")
        .with_label("disk", format!("disk-{number}")))
}

/// What of the second record is another than in the first.
fn difference(kept: &EscrowRecord, due: &EscrowRecord) -> Option<&'static str> {
    let same_key = match (&kept.key, &due.key) {
        (EscrowedKey::Wrapped(kept), EscrowedKey::Wrapped(due)) => kept == due,
        (EscrowedKey::Entrusted(kept), EscrowedKey::Entrusted(due)) => kept.is_equal(due),
        _ => false,
    };
    [
        ("key", same_key),
        ("acquisition", kept.acquisition == due.acquisition),
        ("item", kept.item == due.item),
        ("source", kept.source.address == due.source.address),
        ("original", kept.original == due.original),
        ("attributes", kept.attributes == due.attributes),
        ("labels", kept.labels == due.labels),
    ]
    .into_iter()
    .find_map(|(what, same)| (!same).then_some(what))
}

fn name(text: &str) -> Segment {
    layout::segment(text)
}

/// `KE-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn ke_01_what_was_deposited_is_withdrawn(harness: &EscrowHarness) -> Conforms {
    for number in 1..4 {
        let name = name(&format!("disk-{number}-key"));
        let due = record(ours()?, number, wrapped(number))?;
        let receipt = harness.escrow.deposit(&name, &due).await?.value;
        ensure!(
            receipt.name == name.as_str(),
            "the receipt for {name} is for {}",
            receipt.name
        );
        let kept = harness.escrow.withdraw(&name).await?.value;
        if let Some(what) = difference(&kept, &due) {
            return Err(ClauseFailure::new(format!("{name} gives another {what}")));
        }
    }
    let outcome = harness.escrow.withdraw(&name("nobody-s")).await;
    refused!(outcome, Error::NotFound { .. }, "withdrawing what is not there");
    Ok(())
}

/// `KE-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn ke_02_a_taken_name_keeps_its_key(harness: &EscrowHarness) -> Conforms {
    let name = name("disk-1-key");
    let first = record(ours()?, 1, wrapped(1))?;
    let receipt = harness.escrow.deposit(&name, &first).await?.value;
    // Wrapped anew: other bytes, the same key.
    for again in [wrapped(1), wrapped(9)] {
        match harness.escrow.deposit(&name, &record(ours()?, 1, again)?).await {
            Err(error) => {
                return Err(ClauseFailure::new(format!(
                    "the same key again is refused: {error}"
                )));
            }
            Ok(acted) => ensure!(
                acted.value.wrapped_digest == receipt.wrapped_digest,
                "the receipt is not of what is kept"
            ),
        }
    }
    for other in [
        record(ours()?, 2, wrapped(1))?,
        record("20261121T203015Z-ffffffff".parse()?, 1, wrapped(1))?,
    ] {
        let outcome = harness.escrow.deposit(&name, &other).await;
        refused!(
            outcome,
            Error::AlreadyExists { .. },
            "another key under a taken name"
        );
    }
    let kept = harness.escrow.withdraw(&name).await?.value;
    if let Some(what) = difference(&kept, &first) {
        return Err(ClauseFailure::new(format!("the first key's {what} was replaced")));
    }
    Ok(())
}

/// `KE-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn ke_03_every_key_of_the_acquisition_is_listed_once(harness: &EscrowHarness) -> Conforms {
    let other: AcquisitionId = "20261121T203015Z-ffffffff".parse()?;
    let none = harness.listed(&ours()?).await?;
    ensure!(none.is_empty(), "nothing was deposited, listed are {none:?}");
    for (number, text, of) in [
        (1, "a-key", ours()?),
        (2, "b-key", other.clone()),
        (3, "c-key", ours()?),
        (4, "c-key-2", ours()?),
    ] {
        let record = record(of, number, wrapped(number))?;
        harness.escrow.deposit(&name(text), &record).await?;
    }
    let due: Vec<String> = ["a-key", "c-key", "c-key-2"]
        .map(|text| name(text).to_string())
        .into();
    let listed = harness.listed(&ours()?).await?;
    ensure!(listed == due, "listed are {listed:?}, due are {due:?}");
    let listed = harness.listed(&other).await?;
    ensure!(
        listed == [name("b-key").to_string()],
        "of another acquisition, listed are {listed:?}"
    );
    Ok(())
}

/// `KE-04`.
///
/// # Errors
/// How the clause is broken.
pub async fn ke_04_a_key_in_plain_form_is_guarded_or_refused(harness: &EscrowHarness) -> Conforms {
    let name = name("plain-key");
    let due = record(ours()?, 1, plain(1))?;
    match harness.escrow.deposit(&name, &due).await {
        Err(error) if matches!(error.meaning(), Error::Unsupported { .. }) => {
            let listed = harness.listed(&ours()?).await?;
            ensure!(listed.is_empty(), "refused was a key, and kept is {listed:?}");
            return Ok(());
        }
        outcome => drop(outcome?),
    }
    let kept = harness.escrow.withdraw(&name).await?.value;
    if let Some(what) = difference(&kept, &due) {
        return Err(ClauseFailure::new(format!("{name} gives another {what}")));
    }
    harness
        .escrow
        .deposit(&name, &record(ours()?, 1, plain(1))?)
        .await?;
    let outcome = harness
        .escrow
        .deposit(&name, &record(ours()?, 1, plain(2))?)
        .await;
    refused!(
        outcome,
        Error::AlreadyExists { .. },
        "other bytes as the same key"
    );
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `KeyEscrow` as tests, on an [`EscrowHarness`](crate::conformance::key_escrow::EscrowHarness).
    key_escrow_conformance, key_escrow, EscrowHarness, [
        ke_01_what_was_deposited_is_withdrawn,
        ke_02_a_taken_name_keeps_its_key,
        ke_03_every_key_of_the_acquisition_is_listed_once,
        ke_04_a_key_in_plain_form_is_guarded_or_refused,
    ]
}
