use std::fmt;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use age::x25519;
use async_trait::async_trait;
use custody_core::ids::AcquisitionId;
use custody_core::port::{KeyMaterial, KeyWrapper, WrappedKey};
use custody_core::{Acted, Error, Result, visible};
use zeroize::Zeroizing;

use super::read_named;

/// The longest recipients or identity file.
const MAX_FILE_BYTES: usize = 1024 * 1024;
/// The longest key that is unwrapped: as long as `cryptsetup` takes key files.
const MAX_KEY_BYTES: usize = 8 << 20;
/// What a wrapped key says of how it is wrapped.
const WRAPPING: &str = "age-encryption.org/v1, X25519";
const RECIPIENTS: &str = "recipients";

/// Wraps keys to the custodians' [age](https://age-encryption.org/v1) recipients; unwraps them where it was given an
/// identity.
///
/// A wrapped key is a plain age file, so that `age -d -i identity.txt` gives the key without custody. The wrapping does
/// not bind it to an acquisition; the escrow's record beside it names that.
///
/// # Examples
/// ```
/// use custody_local::AgeWrapper;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let recipients = "# the custodians\nage1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj\n";
/// let wrapper = AgeWrapper::to_recipients("custodians.txt", recipients)?;
/// assert_eq!(wrapper.recipients().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AgeWrapper {
    recipients: Vec<x25519::Recipient>,
    identities: Arc<Vec<x25519::Identity>>,
}

impl AgeWrapper {
    /// To the recipients of a text, one a line; empty lines and lines that begin with `#` are passed over. `name` is what
    /// errors call the text.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a line that is no X25519 recipient (`age1…`), and when there is none.
    pub fn to_recipients(name: &str, text: &str) -> Result<Self> {
        let mut recipients = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let recipient = line.parse().map_err(|reason: &str| {
                Error::malformed(
                    name,
                    format!("line {number} is no age recipient (age1…): {reason}"),
                )
            })?;
            recipients.push(recipient);
        }
        if recipients.is_empty() {
            return Err(Error::malformed(
                name,
                "names no recipient: put the custodians' age1… lines in it",
            ));
        }
        Ok(Self {
            recipients,
            identities: Arc::default(),
        })
    }

    /// To the recipients of a file. Blocks.
    ///
    /// # Errors
    /// As [`to_recipients`](Self::to_recipients); and when the file cannot be read.
    pub fn from_recipients_file(path: &Path) -> Result<Self> {
        let (name, text) = read_text(path)?;
        Self::to_recipients(&name, &text)
    }

    /// Only unwraps, with the identities of a file, and wraps to their own recipients. Blocks.
    ///
    /// # Errors
    /// As [`with_identity_file`](Self::with_identity_file).
    pub fn from_identity_file(path: &Path) -> Result<Self> {
        let identities = read_identities(path)?;
        Ok(Self {
            recipients: identities.iter().map(x25519::Identity::to_public).collect(),
            identities: Arc::new(identities),
        })
    }

    /// Also unwraps, with the identities of a file (`AGE-SECRET-KEY-1…`). Blocks.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a file without identities, or with a line that is none; no part of the file is in the
    /// error.
    pub fn with_identity_file(mut self, path: &Path) -> Result<Self> {
        self.identities = Arc::new(read_identities(path)?);
        Ok(self)
    }

    /// The recipients, as text.
    #[must_use]
    pub fn recipients(&self) -> Vec<String> {
        self.recipients.iter().map(ToString::to_string).collect()
    }

    fn wrap_now(&self, key: &KeyMaterial) -> Result<WrappedKey> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Provider {
            object: self.to_string(),
            operation: "wrap a key",
            source: Some(source),
        };
        let recipients = self.recipients.iter().map(|one| one as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).map_err(|error| failed(error.into()))?;
        let mut bytes = Vec::new();
        let mut writer = encryptor
            .wrap_output(&mut bytes)
            .map_err(|error| failed(error.into()))?;
        let written = writer
            .write_all(key.expose())
            .and_then(|()| writer.finish().map(drop));
        written.map_err(|error| failed(error.into()))?;
        Ok(WrappedKey::new(WRAPPING, bytes).with_attribute(RECIPIENTS, self.recipients().join(" ")))
    }

    fn unwrap_now(&self, wrapped: &WrappedKey, object: &str) -> Result<KeyMaterial> {
        if self.identities.is_empty() {
            return Err(Error::Unsupported {
                operation: "unwrapping a key without the identity of a custodian",
                provider: self.to_string(),
            });
        }
        let decryptor =
            age::Decryptor::new_buffered(&*wrapped.bytes).map_err(|error| refused(object, &error))?;
        let identities = self.identities.iter().map(|one| one as &dyn age::Identity);
        let reader = decryptor
            .decrypt(identities)
            .map_err(|error| refused(object, &error))?;
        // Room for all of it at once: what grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(wrapped.bytes.len().min(MAX_KEY_BYTES)));
        reader
            .take(MAX_KEY_BYTES as u64)
            .read_to_end(&mut bytes)
            .map_err(|error| refused(object, &age::DecryptError::Io(error)))?;
        Ok(KeyMaterial::new(bytes))
    }
}

impl fmt::Debug for AgeWrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgeWrapper")
            .field("recipients", &self.recipients())
            .field("identities", &self.identities.len())
            .finish()
    }
}

impl fmt::Display for AgeWrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "age, {} recipients", self.recipients.len())
    }
}

#[async_trait]
impl KeyWrapper for AgeWrapper {
    async fn wrap(&self, key: &KeyMaterial, _: &AcquisitionId) -> Result<Acted<WrappedKey>> {
        self.wrap_now(key).map(Acted::local)
    }

    async fn unwrap_key(&self, key: &WrappedKey, acquisition: &AcquisitionId) -> Result<Acted<KeyMaterial>> {
        let object = format!("wrapped key of {acquisition}");
        self.unwrap_now(key, &object).map(Acted::local)
    }
}

/// What age says of a file that it does not open. A file that is for others is one that these identities cannot unwrap;
/// anything else was changed.
fn refused(object: &str, error: &age::DecryptError) -> Error {
    match error {
        age::DecryptError::NoMatchingKeys => Error::PermissionDenied {
            object: object.to_owned(),
            operation: "unwrapping: it is wrapped for other identities than those given",
            source: None,
        },
        error => Error::Integrity {
            object: object.to_owned(),
            place: "age file".into(),
            expected: "the file as it was wrapped".into(),
            actual: visible::escape(error.to_string().lines().next().unwrap_or_default()),
        },
    }
}

fn read_text(path: &Path) -> Result<(String, Zeroizing<String>)> {
    use std::os::unix::ffi::OsStrExt as _;
    let name = visible::escape_bytes(path.as_os_str().as_bytes());
    let bytes = read_named(path, MAX_FILE_BYTES)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok((name, Zeroizing::new(text.to_owned()))),
        Err(_not_text) => Err(Error::malformed(
            name,
            "is not text; an age file that is encrypted with a passphrase is decrypted with `age -d` first",
        )),
    }
}

/// The identities of a file. Its lines are secrets: errors name their numbers.
fn read_identities(path: &Path) -> Result<Vec<x25519::Identity>> {
    let (name, text) = read_text(path)?;
    let mut identities = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.parse() {
            Ok(identity) => identities.push(identity),
            Err(_no_identity) => {
                return Err(Error::malformed(
                    name,
                    format!("line {number} is no age identity (AGE-SECRET-KEY-1…)"),
                ));
            }
        }
    }
    if identities.is_empty() {
        return Err(Error::malformed(name, "holds no age identity"));
    }
    Ok(identities)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_in_the_debug_text_or_in_an_error_about_an_identity_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.txt");
        let identity = x25519::Identity::generate();
        use age::secrecy::ExposeSecret as _;
        let secret = identity.to_string().expose_secret().to_owned();
        std::fs::write(&path, format!("# created\n{secret}\n")).unwrap();
        let wrapper = AgeWrapper::from_identity_file(&path).unwrap();
        assert!(!format!("{wrapper:?} {wrapper}").contains(&secret[10..]));
        std::fs::write(&path, format!("{}x\n", &secret)).unwrap();
        let error = AgeWrapper::from_identity_file(&path).unwrap_err();
        let told = format!("{error} {error:?} {:?}", error.causes());
        assert!(!told.contains(&secret[10..]) && told.contains("line 1"), "{told}");
    }
}
