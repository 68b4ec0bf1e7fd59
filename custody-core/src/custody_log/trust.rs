use std::collections::BTreeSet;

use super::verifier_key::VerifierKey;
use crate::error::{Error, Result};

/// The keys that must all sign a log for it to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignerSet(BTreeSet<VerifierKey>);

impl SignerSet {
    /// These keys, all of them.
    ///
    /// # Errors
    /// [`Error::Malformed`] when there is none.
    pub fn new(keys: impl IntoIterator<Item = VerifierKey>) -> Result<Self> {
        let keys: BTreeSet<_> = keys.into_iter().collect();
        if keys.is_empty() {
            return Err(Error::malformed("signer set", "names no key"));
        }
        Ok(Self(keys))
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.0.iter()
    }
}

/// Whose signatures a verifier accepts: any one of these sets, each in full.
///
/// Never read from a store. The file form has one set a line, its keys in note form
/// (`<name>+<key id>+<base64>`) with spaces between; empty lines and lines that begin with `#` are
/// passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust(Vec<SignerSet>);

const MAX_TRUST_LINES: usize = 10_000;

impl Trust {
    /// Nobody: the best answer is then "consistent, signer not established".
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// Adds a set.
    #[must_use]
    pub fn with(mut self, set: SignerSet) -> Self {
        self.0.push(set);
        self
    }

    /// Adds all sets of another.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Reads the file form.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the line.
    pub fn parse(object: &str, text: &str) -> Result<Self> {
        let mut sets = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if i >= MAX_TRUST_LINES {
                return Err(Error::malformed(
                    object,
                    format!("has more than {MAX_TRUST_LINES} lines"),
                ));
            }
            let keys: Result<Vec<VerifierKey>> = line.split_whitespace().map(str::parse).collect();
            let keys = keys.map_err(|error| Error::malformed(object, format!("line {}: {error}", i + 1)))?;
            sets.push(SignerSet::new(keys)?);
        }
        if sets.is_empty() {
            return Err(Error::malformed(
                object,
                "names no key: one line of <name>+<key id>+<base64> is needed",
            ));
        }
        Ok(Self(sets))
    }

    /// Whether exactly these signers are one of the accepted sets.
    #[must_use]
    pub fn accepts(&self, signers: &SignerSet) -> bool {
        self.0.contains(signers)
    }

    /// The sets.
    #[must_use]
    pub fn sets(&self) -> &[SignerSet] {
        &self.0
    }
}
