//! The clauses of [`Rights`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use custody_core::port::{Machine, Rights, RightsFinding};

use super::clause::{ClauseFailure, Conforms, ensure, suite};

/// A machine of which it is known which rights a capture lacks.
pub struct RightsHarness {
    rights: Arc<dyn Rights>,
    machine: Machine,
    missing: Vec<(String, String)>,
    blind: Vec<String>,
    fingerprint: Option<Box<dyn Fn() -> String>>,
    keep: Vec<Box<dyn Any>>,
}

impl RightsHarness {
    /// For a capture of this machine, these rights are missing and all others are held: each with a part of the place's
    /// name, and the right's name.
    #[must_use]
    pub fn new(rights: Arc<dyn Rights>, machine: Machine, missing: Vec<(String, String)>) -> Self {
        Self {
            rights,
            machine,
            missing,
            blind: Vec::new(),
            fingerprint: None,
            keep: Vec::new(),
        }
    }

    /// Places whose rights cannot be told: a part of each one's name.
    #[must_use]
    pub fn with_blind(mut self, scopes: Vec<String>) -> Self {
        self.blind = scopes;
        self
    }

    /// What tells everything that checking must not change.
    #[must_use]
    pub fn fingerprinted_by(mut self, fingerprint: impl Fn() -> String + 'static) -> Self {
        self.fingerprint = Some(Box::new(fingerprint));
        self
    }

    /// Keeps something alive as long as the harness: a server.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }

    /// The missing rights that are told.
    async fn told(&self) -> Vec<(String, String)> {
        let findings = self.rights.check(&self.machine).await;
        let missing = findings.into_iter().filter_map(|finding| match finding {
            RightsFinding::Missing { scope, right, .. } => Some((scope, right)),
            RightsFinding::Unchecked { .. } => None,
        });
        missing.collect()
    }

    fn is_due(&self, scope: &str, right: &str) -> bool {
        let mut due = self.missing.iter();
        due.any(|(place, due)| scope.contains(place) && right == due)
    }
}

impl fmt::Debug for RightsHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RightsHarness({})", self.rights)
    }
}

/// `RI-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn ri_01_checking_changes_nothing(harness: &RightsHarness) -> Conforms {
    let Some(fingerprint) = &harness.fingerprint else {
        return Err(ClauseFailure::not_offered(
            "what checking must not change (`fingerprinted_by`)",
        ));
    };
    let before = fingerprint();
    harness.told().await;
    let after = fingerprint();
    ensure!(before == after, "before checking {before}, behind it {after}");
    Ok(())
}

/// `RI-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn ri_02_a_right_that_is_missing_is_named_once(harness: &RightsHarness) -> Conforms {
    ensure!(
        !harness.missing.is_empty(),
        "the harness knows of no missing right"
    );
    let told = harness.told().await;
    for (place, right) in &harness.missing {
        let named = told
            .iter()
            .filter(|(scope, named)| scope.contains(place) && named == right);
        let count = named.count();
        ensure!(
            count == 1,
            "{right} is missing at {place} and named {count} times"
        );
    }
    Ok(())
}

/// `RI-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn ri_03_a_right_that_is_held_is_not_named(harness: &RightsHarness) -> Conforms {
    for (scope, right) in harness.told().await {
        ensure!(
            harness.is_due(&scope, &right),
            "{right} at {scope} is held, and named as missing"
        );
    }
    Ok(())
}

/// `RI-04`.
///
/// # Errors
/// How the clause is broken.
pub async fn ri_04_what_could_not_be_told_is_said_with_the_reason(harness: &RightsHarness) -> Conforms {
    if harness.blind.is_empty() {
        return Err(ClauseFailure::not_offered(
            "a place whose rights cannot be told (`with_blind`)",
        ));
    }
    let findings = harness.rights.check(&harness.machine).await;
    for place in &harness.blind {
        let said = findings.iter().any(|finding| {
            matches!(finding, RightsFinding::Unchecked { scope, reason } if scope.contains(place) && !reason.is_empty())
        });
        ensure!(
            said,
            "the rights at {place} cannot be told, and that is not said with a reason"
        );
    }
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `Rights` as tests, on a [`RightsHarness`](crate::conformance::rights::RightsHarness).
    rights_conformance, rights, RightsHarness, [
        ri_01_checking_changes_nothing,
        ri_02_a_right_that_is_missing_is_named_once,
        ri_03_a_right_that_is_held_is_not_named,
        ri_04_what_could_not_be_told_is_said_with_the_reason,
    ]
}
