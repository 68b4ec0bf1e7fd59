//! SHA-256 digests, each named by what it is of.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::hex;
use crate::ids::ByteLength;

/// The bytes of a chunk: every item is digested in pieces of 4 MiB.
pub const CHUNK_BYTES: u64 = 4 * 1024 * 1024;

/// A SHA-256 digest. `Display` and serde: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of the parts, one after the other.
    #[must_use]
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The digest that has these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}

impl FromStr for Sha256Digest {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        hex::decode(text).map(Self).ok_or_else(|| {
            Error::malformed(
                "sha-256 digest",
                format!("{text:?} is not 64 lower-case hexadecimal digits"),
            )
        })
    }
}

impl TryFrom<String> for Sha256Digest {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Sha256Digest> for String {
    fn from(digest: Sha256Digest) -> Self {
        digest.to_string()
    }
}

/// Which bytes of a stored file are the disk's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new relation of file and disk must break every comparison"
)]
pub enum DiskData {
    /// The file is the disk, byte for byte: a raw image, a device.
    WholeFile,
    /// The first `length` bytes are the disk's; what follows is the format's (a fixed VHD's footer).
    Prefix {
        /// The disk's length in bytes.
        length: ByteLength,
    },
    /// The disk's data were not digested apart from the file.
    NotComputed {
        /// Why.
        reason: String,
    },
}

impl DiskData {
    /// How many bytes of a file of `file_bytes` are the disk's, where that is known.
    #[must_use]
    pub fn length(&self, file_bytes: u64) -> Option<u64> {
        match self {
            Self::WholeFile => Some(file_bytes),
            Self::Prefix { length } => Some(length.bytes()),
            Self::NotComputed { .. } => None,
        }
    }
}

/// What one pass over an image gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImageDigests {
    /// Bytes of the stored file.
    pub length: ByteLength,
    /// SHA-256 of the stored file: what `sha256sum` prints. `None` where only chunks were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_file: Option<Sha256Digest>,
    /// SHA-256 of the disk's data alone. `None` where not asked for or not computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_data: Option<Sha256Digest>,
    /// How many chunks of [`CHUNK_BYTES`] there are; the last may be shorter.
    pub chunks: u64,
    /// RFC 9162 Merkle root over the chunk digests (leaf = SHA-256(0x00 || 32-byte chunk digest)).
    pub root: Sha256Digest,
    /// Digests for older tools, of the stored file, by lower-case name: `md5`, `sha1`. Hexadecimal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub side: BTreeMap<String, String>,
}

impl ImageDigests {
    /// The digests of an image of `length` bytes with this chunk root.
    #[must_use]
    pub fn new(length: u64, chunks: u64, root: Sha256Digest) -> Self {
        Self {
            length: length.into(),
            stored_file: None,
            disk_data: None,
            chunks,
            root,
            side: BTreeMap::new(),
        }
    }

    /// Sets the digest of the stored file.
    #[must_use]
    pub fn with_stored_file(mut self, digest: Sha256Digest) -> Self {
        self.stored_file = Some(digest);
        self
    }

    /// Sets the digest of the disk's data.
    #[must_use]
    pub fn with_disk_data(mut self, digest: Sha256Digest) -> Self {
        self.disk_data = Some(digest);
        self
    }

    /// Adds a digest for older tools.
    #[must_use]
    pub fn with_side(mut self, name: impl Into<String>, hexadecimal: impl Into<String>) -> Self {
        self.side.insert(name.into(), hexadecimal.into());
        self
    }
}
