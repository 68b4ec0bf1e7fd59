use std::fmt;

use serde::{Deserialize, Serialize};

/// What a verification came to. Of several, the later one here outranks the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "exit codes and reports must decide on every outcome"
)]
pub enum Outcome {
    /// Every byte in scope is what the record says, and signers that the caller trusts signed the record.
    Proven,
    /// Nothing is wrong, but something is not established: the signers, an object that no record covers, evidence that
    /// was not read because the caller did not ask for it.
    NotProven,
    /// Something could not be checked, or is not finished: a read error, unread sectors, an open acquisition, a stop.
    CouldNotCheck,
    /// Something is not what the record says.
    IntegrityFailure,
}

impl Outcome {
    /// The process exit code: 0 proven, 1 not proven, 3 could not check, 4 integrity failure.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Proven => 0,
            Self::NotProven => 1,
            Self::CouldNotCheck => 3,
            Self::IntegrityFailure => 4,
        }
    }

    /// The words for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::NotProven => "not proven",
            Self::CouldNotCheck => "could not check",
            Self::IntegrityFailure => "integrity failure",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrity_outranks_could_not_check_outranks_not_proven_outranks_proven() {
        let ranked = [
            Outcome::Proven,
            Outcome::NotProven,
            Outcome::CouldNotCheck,
            Outcome::IntegrityFailure,
        ];
        assert!(ranked.is_sorted());
        assert_eq!(ranked.map(Outcome::exit_code), [0, 1, 3, 4]);
    }
}
