//! The clauses of [`KeyEscrow`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use custody_core::ids::{AcquisitionId, Segment};
use custody_core::port::{EscrowRecord, KeyEscrow};
use custody_core::{Error, Result, layout};
use futures::StreamExt as _;

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

fn record(of: AcquisitionId, seed: u8) -> EscrowRecord {
    EscrowRecord::new(of, "wrapped for a test", pattern(200, seed))
}

fn name(text: &str) -> Segment {
    layout::segment(text)
}

/// `KE-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn ke_01_what_was_deposited_is_withdrawn(harness: &EscrowHarness) -> Conforms {
    for seed in 0..3 {
        let (name, record) = (name(&format!("disk-{seed}-key")), record(ours()?, seed));
        let receipt = harness.escrow.deposit(&name, &record).await?.value;
        ensure!(
            receipt.name == name.as_str(),
            "the receipt for {name} is for {}",
            receipt.name
        );
        let found = harness.escrow.withdraw(&name).await?.value;
        ensure!(found == record, "{name} gives another record");
    }
    let outcome = harness.escrow.withdraw(&name("nobody's")).await;
    refused!(outcome, Error::NotFound { .. }, "withdrawing what is not there");
    Ok(())
}

/// `KE-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn ke_02_a_taken_name_keeps_its_record(harness: &EscrowHarness) -> Conforms {
    let (name, first) = (name("disk-0-key"), record(ours()?, 1));
    harness.escrow.deposit(&name, &first).await?;
    if let Err(error) = harness.escrow.deposit(&name, &first).await {
        return Err(ClauseFailure::new(format!(
            "the same record again is refused: {error}"
        )));
    }
    for other in [
        record(ours()?, 2),
        record("20261121T203015Z-ffffffff".parse()?, 1),
    ] {
        let outcome = harness.escrow.deposit(&name, &other).await;
        refused!(
            outcome,
            Error::AlreadyExists { .. },
            "another record under a taken name"
        );
        let found = harness.escrow.withdraw(&name).await?.value;
        ensure!(found != other, "the first record was replaced");
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
    for (text, of) in [
        ("a-key", ours()?),
        ("b-key", other.clone()),
        ("c-key", ours()?),
        ("c-key-2", ours()?),
    ] {
        harness.escrow.deposit(&name(text), &record(of, 1)).await?;
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

suite! { ($)
    /// Mounts the clauses of `KeyEscrow` as tests, on an [`EscrowHarness`](crate::conformance::key_escrow::EscrowHarness).
    key_escrow_conformance, key_escrow, EscrowHarness, [
        ke_01_what_was_deposited_is_withdrawn,
        ke_02_a_taken_name_keeps_its_record,
        ke_03_every_key_of_the_acquisition_is_listed_once,
    ]
}
