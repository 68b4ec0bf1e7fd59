//! What can go wrong, and what the reader of it can do.

use std::io;

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no digest.
///
/// None of these is ever a digest of something else: an image that failed yields no digests at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A state was to be saved or resumed that nobody can store.
    #[error("the state of {what} cannot be saved")]
    CannotSave {
        /// Of what.
        what: &'static str,
    },
    /// The chunk list could not be read.
    #[error("line {line} of the chunk list cannot be read")]
    ChunkListRead {
        /// Counted from 1.
        line: u64,
        /// What the reader said.
        source: io::Error,
    },
    /// A line is not what `split -b 4M --filter=sha256sum` prints.
    #[error("line {line} of the chunk list {fault}")]
    ChunkListSyntax {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The disk data was declared to be longer than the file that holds it.
    #[error(
        "disk data of {disk_data_bytes} bytes does not fit into a stored file of {stored_file_bytes} bytes"
    )]
    DataBeyondImage {
        /// Declared length of the disk data.
        disk_data_bytes: u64,
        /// Declared length of the stored file or, where none was declared, its actual length.
        stored_file_bytes: u64,
    },
    /// Whoever receives chunk digests as they become final could not take one.
    #[error("chunk digests could not be handed on")]
    Deposit {
        /// What the receiver said.
        source: io::Error,
    },
    /// Two side digests carry the same name, so their values could not be told apart.
    #[error("side digest {name} is asked for twice")]
    DuplicateSideDigest {
        /// The name.
        name: String,
    },
    /// The stream ended before the declared length.
    #[error("image declared as {declared_bytes} bytes ended after {received_bytes}")]
    EndedEarly {
        /// Declared length of the stored file.
        declared_bytes: u64,
        /// Bytes received in all.
        received_bytes: u64,
    },
    /// The stream went on after the declared length.
    #[error("image declared as {declared_bytes} bytes has {piece_bytes} more after {received_bytes}")]
    GoesOn {
        /// Declared length of the stored file; [`MAX_IMAGE_BYTES`](crate::MAX_IMAGE_BYTES) where none was declared.
        declared_bytes: u64,
        /// Bytes accepted before the piece.
        received_bytes: u64,
        /// Length of the piece, or of what was too much of it.
        piece_bytes: u64,
    },
    /// A digest panicked: a side digest given by the caller, or this crate.
    #[error("{lane} panicked: {message}")]
    LanePanicked {
        /// Which digest.
        lane: String,
        /// What it said.
        message: String,
    },
    /// An image that is read at any place has to have a declared length.
    #[error("the length of the image is not declared")]
    LengthUnknown,
    /// A chunk list has another number of lines than the image has chunks.
    #[error("the chunk list has {listed} digests for an image of {chunks} chunks")]
    ListLength {
        /// Digests in the list, as far as it was read.
        listed: u64,
        /// Chunks of the image.
        chunks: u64,
    },
    /// A proof does not lead from the digest to the root.
    #[error("the digest is not proven to be leaf {leaf} of the tree of {leaves}")]
    NotIncluded {
        /// The leaf, counted from 0.
        leaf: u64,
        /// Leaves of the tree.
        leaves: u64,
    },
    /// A saved state cannot be used.
    #[error("the saved state {fault}")]
    SavedState {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The image could not be read.
    #[error("image cannot be read at byte {at_bytes}")]
    Read {
        /// Bytes read before.
        at_bytes: u64,
        /// What the reader said.
        source: io::Error,
    },
    /// The operating system refused a thread.
    #[error("cannot start thread {name}")]
    Thread {
        /// Name of the thread.
        name: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// SHA-256 is not defined for a message of that length.
    #[error("an image of {declared_bytes} bytes is longer than SHA-256 is defined for")]
    TooLong {
        /// Declared length of the stored file.
        declared_bytes: u64,
    },
    /// A Merkle tree holds at most 2^64 - 1 leaves.
    #[error("the Merkle tree is full")]
    TreeFull,
}

impl Error {
    /// What the caller can do about it.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::ChunkListRead { .. } | Self::Deposit { .. } | Self::Read { .. } | Self::Thread { .. } => {
                Remedy::Retry
            }
            Self::ChunkListSyntax { .. }
            | Self::EndedEarly { .. }
            | Self::GoesOn { .. }
            | Self::ListLength { .. }
            | Self::NotIncluded { .. }
            | Self::SavedState { .. } => Remedy::Escalate,
            Self::CannotSave { .. }
            | Self::DataBeyondImage { .. }
            | Self::DuplicateSideDigest { .. }
            | Self::LengthUnknown
            | Self::TooLong { .. }
            | Self::TreeFull => Remedy::FixRequest,
            Self::LanePanicked { .. } => Remedy::ReportBug,
        }
    }
}

/// What to do after an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// The material is not what it was said to be: a person must look, no retry will help.
    Escalate,
    /// The request contradicts itself.
    FixRequest,
    /// A defect in this crate or in a side digest.
    ReportBug,
    /// The machine failed, not the material: hash the image again from its start.
    Retry,
}
