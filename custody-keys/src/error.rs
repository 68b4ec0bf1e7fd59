//! What can go wrong with a key or a header, and what to do about it.

use custody_core::Remedy;

/// The result of what reads a key or a header.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why bytes are not a key, or not a header that can be used.
///
/// None of them holds a byte of a key: they say offsets, sizes, type numbers and names.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end before what they announce.
    #[error("{what}: {needed} bytes are needed, {found} are there")]
    Truncated {
        /// What was read.
        what: &'static str,
        /// Where it would end.
        needed: u64,
        /// How many bytes there are.
        found: u64,
    },
    /// Bytes follow where nothing should follow.
    #[error("{what}: {found} bytes, but it says that it has {declared}")]
    Overlong {
        /// What was read.
        what: &'static str,
        /// What it says of itself.
        declared: u64,
        /// How many bytes there are.
        found: u64,
    },
    /// A field has a value that it cannot have.
    #[error("{what}: {field} is {value}, expected {expected}")]
    Field {
        /// What was read.
        what: &'static str,
        /// Which field.
        field: &'static str,
        /// The value that is there, never one of a key.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// A checksum is not that of the bytes.
    #[error("{what}: the {algorithm} checksum is not that of the bytes")]
    Checksum {
        /// What was read.
        what: &'static str,
        /// Which checksum.
        algorithm: String,
    },
    /// The file is well formed and holds no key.
    #[error("{what}: holds no key; it holds {holds}")]
    NoKey {
        /// What was read.
        what: &'static str,
        /// What it holds, by type numbers.
        holds: String,
    },
    /// The text is not an encoding of bytes.
    #[error("{what}: {fault}")]
    Encoding {
        /// What was read.
        what: &'static str,
        /// What is wrong, without the text.
        fault: &'static str,
    },
    /// It is known what this is, and it is not supported.
    #[error("{what}: {name} is not supported")]
    Unsupported {
        /// What was read.
        what: &'static str,
        /// What is not supported, by its own name.
        name: String,
    },
    /// It asks for more than is allowed to be spent on it.
    #[error("{what}: asks for {asked} {unit}, at most {limit} are allowed")]
    Exceeds {
        /// What asks.
        what: &'static str,
        /// How much it asks for.
        asked: u64,
        /// The limit, of [`ProofLimits`](crate::ProofLimits) or of the format.
        limit: u64,
        /// In what.
        unit: &'static str,
    },
    /// The operating system refused memory or a thread.
    #[error("{what}: the operating system refused it")]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// What it said, where it said anything.
        #[source]
        source: Option<std::io::Error>,
    },
}

impl Error {
    /// What the reader of it does next.
    #[must_use]
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::Refused { .. } => Remedy::Retry,
            Self::Checksum { .. } => Remedy::Escalate,
            _ => Remedy::FixRequest,
        }
    }

    pub(crate) fn field(
        what: &'static str,
        field: &'static str,
        value: impl std::fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::Field {
            what,
            field,
            value: format!("{value}"),
            expected: expected.into(),
        }
    }
}
