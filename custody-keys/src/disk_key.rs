use std::fmt;

use base64ct::{Base64, Base64Unpadded, Base64Url, Base64UrlUnpadded, Encoding as _};

use crate::bitlocker::ExternalKeyFile;
use crate::error::{Error, Result};
use crate::secret_bytes::{MemoryLock, SecretBytes};

/// A disk's key in every way in which it may be meant.
///
/// A key arrives as the bytes of a vault's secret or of a file, and these may be a BitLocker external key file, the same
/// in base64 or base64url, a passphrase, a passphrase followed by a line end, or base64 of a passphrase, which is how
/// Azure Disk Encryption keeps those of Linux. All that fit are tried; the proof says which one opened the volume.
pub struct DiskKey {
    external_key_file: Option<ExternalKeyFile>,
    damaged_key_file: Option<Error>,
    passphrases: Vec<Passphrase>,
}

/// One reading of the key as a passphrase.
pub(crate) struct Passphrase {
    pub(crate) bytes: SecretBytes,
    pub(crate) reading: &'static str,
}

const AS_IT_IS: &str = "the key as it is";
const WITHOUT_LINE_END: &str = "the key without the line end behind it";
const DECODED: &str = "what the key is the base64 text of";

impl DiskKey {
    /// The longest key that is taken: as long as `cryptsetup` takes key files.
    pub const MAX_BYTES: usize = 8 << 20;

    /// The key that these bytes are.
    ///
    /// # Errors
    /// [`Error::Exceeds`] for more than [`MAX_BYTES`](Self::MAX_BYTES), [`Error::Encoding`] for no bytes at all. A key
    /// file that is damaged is no error here: the proof says so of a volume that would need it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        const WHAT: &str = "disk key";
        if bytes.is_empty() {
            return Err(Error::Encoding {
                what: WHAT,
                fault: "is empty",
            });
        }
        if bytes.len() > Self::MAX_BYTES {
            return Err(Error::Exceeds {
                what: WHAT,
                asked: bytes.len() as u64,
                limit: Self::MAX_BYTES as u64,
                unit: "bytes",
            });
        }
        let decoded = decode_base64(bytes);
        let file = [Some(bytes), decoded.as_ref().map(SecretBytes::expose)]
            .into_iter()
            .flatten()
            .find(|bytes| ExternalKeyFile::is_claimed_by(bytes))
            .map(ExternalKeyFile::parse);
        let (external_key_file, damaged_key_file) = match file {
            Some(Ok(file)) => (Some(file), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        let mut passphrases = vec![Passphrase {
            bytes: SecretBytes::copy_of(bytes),
            reading: AS_IT_IS,
        }];
        let line = bytes
            .strip_suffix(b"\n")
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        if let Some(line) = line.filter(|line| !line.is_empty()) {
            passphrases.push(Passphrase {
                bytes: SecretBytes::copy_of(line),
                reading: WITHOUT_LINE_END,
            });
        }
        if let Some(bytes) = decoded {
            passphrases.push(Passphrase {
                bytes,
                reading: DECODED,
            });
        }
        Ok(Self {
            external_key_file,
            damaged_key_file,
            passphrases,
        })
    }

    /// No key at all: a proof with it lists what is encrypted, opens nothing, and does not do the work of trying.
    pub(crate) const fn none() -> Self {
        Self {
            external_key_file: None,
            damaged_key_file: None,
            passphrases: Vec::new(),
        }
    }

    /// The BitLocker key file that it is, where it is one.
    #[must_use]
    pub const fn external_key_file(&self) -> Option<&ExternalKeyFile> {
        self.external_key_file.as_ref()
    }

    /// What is wrong with it, where it claims to be a BitLocker key file and is not a whole one.
    #[must_use]
    pub const fn damaged_key_file(&self) -> Option<&Error> {
        self.damaged_key_file.as_ref()
    }

    /// Whether all of its memory is kept out of swap.
    #[must_use]
    pub fn memory_lock(&self) -> MemoryLock {
        let file = self.external_key_file.iter().map(|file| file.key().memory_lock());
        let passphrases = self
            .passphrases
            .iter()
            .map(|passphrase| passphrase.bytes.memory_lock());
        file.chain(passphrases)
            .find(|lock| *lock != MemoryLock::Held)
            .unwrap_or(MemoryLock::Held)
    }

    pub(crate) fn passphrases(&self) -> &[Passphrase] {
        &self.passphrases
    }
}

impl fmt::Debug for DiskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DiskKey(hidden)")
    }
}

/// What these bytes are the base64 or base64url text of, padded or not, with white space anywhere in it.
fn decode_base64(text: &[u8]) -> Option<SecretBytes> {
    let mut packed = SecretBytes::zeroed(text.len());
    let mut length = 0;
    for byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        *packed.expose_mut().get_mut(length)? = *byte;
        length += 1;
    }
    let packed = packed.expose().get(..length).filter(|text| !text.is_empty())?;
    let mut decoded = SecretBytes::zeroed(length);
    type Decode = fn(&[u8], &mut [u8]) -> Option<usize>;
    let decoders: [Decode; 4] = [
        |text, out| Base64::decode(text, out).ok().map(<[u8]>::len),
        |text, out| Base64Unpadded::decode(text, out).ok().map(<[u8]>::len),
        |text, out| Base64Url::decode(text, out).ok().map(<[u8]>::len),
        |text, out| Base64UrlUnpadded::decode(text, out).ok().map(<[u8]>::len),
    ];
    let length = decoders
        .iter()
        .find_map(|decode| decode(packed, decoded.expose_mut()))?;
    decoded.expose().get(..length).map(SecretBytes::copy_of)
}
