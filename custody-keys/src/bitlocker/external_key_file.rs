use std::fmt;

use super::datum::{Datum, kind, role};
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::guid::Guid;
use crate::secret_bytes::SecretBytes;

/// A BitLocker external key file, `<GUID>.BEK`: what Azure Disk Encryption keeps in a Key Vault secret, and what
/// `manage-bde -recoverykey` takes.
///
/// Source: libbde, "BitLocker Drive Encryption (BDE) format specification", section "Startup key"; checked against
/// the files of cryptsetup's test images. Read 2026-11-28.
///
/// `Debug` and every error tell what the file says of itself, never the key. Bytes that are not such a file may be a
/// passphrase: of a header that is not whole no value is told, and of what lies behind it no size.
pub struct ExternalKeyFile {
    identifier: Guid,
    description: Option<String>,
    key: SecretBytes,
    unknown: Vec<String>,
}

const WHAT: &str = "BitLocker external key file";
const HEADER_BYTES: usize = 48;
const KEY_BYTES: usize = 32;
/// Identifier and time, before the nested entries.
const EXTERNAL_KEY_FIXED_BYTES: usize = 24;

impl ExternalKeyFile {
    /// The longest file that is looked at. Real ones have 124 to 200 bytes.
    pub const MAX_BYTES: usize = 64 << 10;

    /// Whether the bytes claim to be such a file, well formed or not: the fixed fields of its header.
    #[must_use]
    pub fn is_claimed_by(bytes: &[u8]) -> bool {
        let fields = Fields::new(WHAT, bytes);
        matches!((fields.u32_le(4), fields.u32_le(8)), (Ok(1), Ok(48)))
    }

    /// Reads the file.
    ///
    /// Entries of other kinds than the external key and its description are kept by number in
    /// [`unknown_entries`](Self::unknown_entries): newer versions of Windows add some.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Overlong`], [`Error::Field`] for a file that is not of this form,
    /// [`Error::NoKey`] for one without an external key, [`Error::Exceeds`] for one beyond
    /// [`MAX_BYTES`](Self::MAX_BYTES).
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(Error::Exceeds {
                what: WHAT,
                asked: bytes.len() as u64,
                limit: Self::MAX_BYTES as u64,
                unit: "bytes",
            });
        }
        Self::check_header(bytes)?;
        // Which entry it is, and of what size it says to be, may be read from the key itself: neither is told.
        let Ok(entries) = Datum::all(WHAT, bytes.get(HEADER_BYTES..).unwrap_or_default()) else {
            return Err(Self::damaged("the chain of its entries"));
        };
        let is_key = |entry: &&Datum<'_>| entry.role == role::STARTUP_KEY && entry.kind == kind::EXTERNAL_KEY;
        let mut keys = entries.iter().filter(is_key);
        let Some(found) = keys.next() else {
            return Err(Error::NoKey {
                what: WHAT,
                holds: list(entries.iter()),
            });
        };
        if keys.next().is_some() {
            return Err(Error::field(
                WHAT,
                "the number of external keys",
                "more than one",
                "one",
            ));
        }
        let mut file = Self::external_key(found)?;
        file.unknown
            .extend(entries.iter().filter(|entry| !is_key(entry)).map(Datum::numbers));
        Ok(file)
    }

    fn damaged(place: &'static str) -> Error {
        Error::field(WHAT, place, "broken", "entries that fill it, one after another")
    }

    fn check_header(bytes: &[u8]) -> Result<()> {
        let fields = Fields::new(WHAT, bytes);
        fields.slice(0, HEADER_BYTES)?;
        let (size, version) = (fields.u32_le(0)?, fields.u32_le(4)?);
        let (header, copy) = (fields.u32_le(8)?, fields.u32_le(12)?);
        // These sixteen bytes together tell a header from a passphrase: before that, none of them is told.
        for (field, is_so, expected) in [
            ("the version", version == 1, "1"),
            ("the size of the header", header == 48, "48"),
            ("the second size", size == copy, "the same as the first"),
        ] {
            if !is_so {
                return Err(Error::field(WHAT, field, "another", expected));
            }
        }
        let (declared, found) = (u64::from(size), bytes.len() as u64);
        if declared > found {
            return Err(Error::Truncated {
                what: WHAT,
                needed: declared,
                found,
            });
        }
        if declared < found {
            return Err(Error::Overlong {
                what: WHAT,
                declared,
                found,
            });
        }
        Ok(())
    }

    fn external_key(entry: &Datum<'_>) -> Result<Self> {
        let Ok(identifier) = Fields::new(WHAT, entry.body).array(0) else {
            return Err(Self::damaged("the name of its external key"));
        };
        let Ok(nested) = entry.nested(WHAT, EXTERNAL_KEY_FIXED_BYTES) else {
            return Err(Self::damaged("the chain of entries in its external key"));
        };
        let mut keys = nested.iter().filter(|datum| datum.kind == kind::KEY);
        let Some(key) = keys.next() else {
            return Err(Error::NoKey {
                what: WHAT,
                holds: format!("an external key of {}", list(nested.iter())),
            });
        };
        if keys.next().is_some() {
            return Err(Error::field(
                WHAT,
                "the number of keys in the external key",
                "more than one",
                "one",
            ));
        }
        let bytes = key.key(WHAT).map(|(_, bytes)| bytes).unwrap_or_default();
        if bytes.len() != KEY_BYTES {
            return Err(Error::field(WHAT, "the length of the key", "another", "32 bytes"));
        }
        let known =
            |datum: &&Datum<'_>| matches!(datum.kind, kind::KEY | kind::TEXT) && datum.role == role::PROPERTY;
        Ok(Self {
            identifier: Guid::from_stored(identifier),
            description: nested
                .iter()
                .find(|datum| datum.kind == kind::TEXT)
                .map(Datum::text),
            key: SecretBytes::copy_of(bytes),
            unknown: nested
                .iter()
                .filter(|datum| !known(datum))
                .map(Datum::numbers)
                .collect(),
        })
    }

    /// The protector of a volume that this key belongs to; also the file's name.
    #[must_use]
    pub const fn identifier(&self) -> Guid {
        self.identifier
    }

    /// What the file says of itself: `ExternalKey`, or `BitLocker Extension Key Protector` for Azure Disk Encryption.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Entries that are not understood, by role and type.
    #[must_use]
    pub fn unknown_entries(&self) -> &[String] {
        &self.unknown
    }

    /// The key. Never print, log or store what this returns.
    #[must_use]
    pub const fn key(&self) -> &SecretBytes {
        &self.key
    }
}

impl fmt::Debug for ExternalKeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalKeyFile")
            .field("identifier", &format_args!("{}", self.identifier))
            .field("description", &self.description)
            .field("key", &self.key)
            .field("unknown", &self.unknown)
            .finish()
    }
}

fn list<'a>(entries: impl Iterator<Item = &'a Datum<'a>>) -> String {
    let numbers: Vec<String> = entries.take(8).map(Datum::numbers).collect();
    if numbers.is_empty() {
        return "no entry".to_owned();
    }
    numbers.join(", ")
}
