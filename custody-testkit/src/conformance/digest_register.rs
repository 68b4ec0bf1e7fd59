//! The clauses of [`DigestRegister`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use custody_core::digest::Sha256Digest;
use custody_core::ids::AcquisitionId;
use custody_core::port::{DigestEntry, DigestRegister};
use custody_core::{Error, Result};

use super::clause::{ClauseFailure, Conforms, ensure, refused, suite};

/// An empty register.
pub struct RegisterHarness {
    register: Arc<dyn DigestRegister>,
    blind: Option<Arc<dyn DigestRegister>>,
    keep: Vec<Box<dyn Any>>,
}

impl RegisterHarness {
    /// This register, in which nothing is.
    #[must_use]
    pub fn new(register: Arc<dyn DigestRegister>) -> Self {
        Self {
            register,
            blind: None,
            keep: Vec::new(),
        }
    }

    /// A register that cannot be asked.
    #[must_use]
    pub fn with_blind(mut self, register: Arc<dyn DigestRegister>) -> Self {
        self.blind = Some(register);
        self
    }

    /// Keeps something alive as long as the harness: a temporary directory.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }
}

impl fmt::Debug for RegisterHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegisterHarness({})", self.register)
    }
}

const NAME: &str = "202611212030-disk-0-hash-SHA256";

fn acquisition() -> Result<AcquisitionId> {
    "20261121T203015Z-0123abcd".parse()
}

fn entry(name: &str, digest: Sha256Digest) -> Result<DigestEntry> {
    let entry = DigestEntry::new(name, digest, acquisition()?);
    Ok(entry.with_label("case", "2026-0042").with_label("disk", "disk-0"))
}

/// `DR-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn dr_01_the_same_digest_again_is_adopted(harness: &RegisterHarness) -> Conforms {
    let digest = Sha256Digest::of(b"disk");
    for time in ["once", "again", "a third time"] {
        if let Err(error) = harness.register.put(&entry(NAME, digest)?).await {
            return Err(ClauseFailure::new(format!("putting a digest {time}: {error}")));
        }
    }
    Ok(())
}

/// `DR-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn dr_02_another_digest_is_refused_and_the_first_stays(harness: &RegisterHarness) -> Conforms {
    let (first, second) = (Sha256Digest::of(b"disk"), Sha256Digest::of(b"another disk"));
    harness.register.put(&entry(NAME, first)?).await?;
    for whose in [acquisition()?, "20261121T203015Z-ffffffff".parse()?] {
        let outcome = harness.register.put(&DigestEntry::new(NAME, second, whose)).await;
        refused!(
            outcome,
            Error::AlreadyExists { .. },
            "another digest under the same name"
        );
        let found = harness.register.find(NAME).await?;
        ensure!(found != Some(second), "the first digest was replaced");
    }
    Ok(())
}

/// `DR-03`: what was put.
///
/// # Errors
/// How the clause is broken.
pub async fn dr_03_what_was_put_is_found(harness: &RegisterHarness) -> Conforms {
    let none = harness.register.find(NAME).await?;
    ensure!(none.is_none(), "nothing was put, found is {none:?}");
    for number in 0..3_u8 {
        let name = format!("{NAME}-{number}");
        let digest = Sha256Digest::of(&[number]);
        harness.register.put(&entry(&name, digest)?).await?;
        let found = harness.register.find(&name).await?;
        ensure!(found == Some(digest), "put was {digest}, found is {found:?}");
    }
    let other = harness.register.find(NAME).await?;
    ensure!(
        other.is_none(),
        "under a name that begins alike, found is {other:?}"
    );
    Ok(())
}

/// `DR-03`: what cannot be told.
///
/// # Errors
/// How the clause is broken.
pub async fn dr_03_what_cannot_be_told_is_an_error(harness: &RegisterHarness) -> Conforms {
    let Some(blind) = &harness.blind else {
        return Err(ClauseFailure::not_offered(
            "a register that cannot be asked (`with_blind`)",
        ));
    };
    let told = blind.find(NAME).await;
    ensure!(told.is_err(), "a register that cannot be asked says {told:?}");
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `DigestRegister` as tests, on a [`RegisterHarness`](crate::conformance::digest_register::RegisterHarness).
    digest_register_conformance, digest_register, RegisterHarness, [
        dr_01_the_same_digest_again_is_adopted,
        dr_02_another_digest_is_refused_and_the_first_stays,
        dr_03_what_was_put_is_found,
        dr_03_what_cannot_be_told_is_an_error,
    ]
}
