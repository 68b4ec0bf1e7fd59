use aes_gcm::aead::AeadInPlace as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use custody_core::port::KeyMaterial;
use custody_core::{Error, Result, visible};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// How content is encrypted: the one way that is made and read.
pub(super) const CONTENT_ENCRYPTION: &str = "A256GCM";
pub(super) const CONTENT_KEY_BYTES: usize = 32;
pub(super) const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// What stands at the head: authenticated, and in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct JweHeader {
    pub(super) alg: String,
    pub(super) enc: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kid: Option<String>,
}

/// A key that RSA alone cannot wrap: encrypted with a content key that RSA wraps. Whoever may have the content key
/// unwrapped opens it with any library for this form.
///
/// Source: RFC 7516, JSON Web Encryption, compact serialization; RFC 7518, section 5.3, AES GCM; read 2026-11-28.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Jwe {
    pub(super) header: JweHeader,
    header_text: String,
    pub(super) encrypted_key: Vec<u8>,
    nonce: [u8; NONCE_BYTES],
    ciphertext: Vec<u8>,
    tag: [u8; TAG_BYTES],
}

impl Jwe {
    /// Encrypts a key with a content key that is used once.
    pub(super) fn seal(
        header: JweHeader,
        encrypted_key: Vec<u8>,
        content_key: &[u8; CONTENT_KEY_BYTES],
        nonce: [u8; NONCE_BYTES],
        plain: &KeyMaterial,
    ) -> Result<Self> {
        let unmade = || Error::misuse("no JWE could be made of a key");
        let json = serde_json::to_string(&header).map_err(|_unwritten| unmade())?;
        let header_text = Base64UrlUnpadded::encode_string(json.as_bytes());
        let mut ciphertext = Zeroizing::new(plain.expose().to_vec());
        let tag = cipher(content_key)?
            .encrypt_in_place_detached((&nonce).into(), header_text.as_bytes(), &mut ciphertext)
            .map_err(|_too_long| unmade())?;
        Ok(Self {
            header,
            header_text,
            encrypted_key,
            nonce,
            ciphertext: ciphertext.to_vec(),
            tag: tag.into(),
        })
    }

    /// Reads the compact form.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is none; [`Error::Unsupported`] for another encryption of the content.
    pub(super) fn parse(text: &[u8]) -> Result<Self> {
        let malformed = |reason: &str| Error::malformed("wrapped key", reason);
        let text = std::str::from_utf8(text).map_err(|_not_text| malformed("it is no JWE: not text"))?;
        let mut parts = text.split('.');
        let mut part = || {
            let part = parts
                .next()
                .ok_or_else(|| malformed("it is no JWE: parts are missing"))?;
            let bytes = Base64UrlUnpadded::decode_vec(part);
            let bytes = bytes.map_err(|_undecoded| malformed("it is no JWE: a part is not base64url"))?;
            Ok::<_, Error>((part.to_owned(), bytes))
        };
        let (header_text, header) = part()?;
        let (_, encrypted_key) = part()?;
        let ((_, nonce), (_, ciphertext), (_, tag)) = (part()?, part()?, part()?);
        if parts.next().is_some() {
            return Err(malformed("it is no JWE: it has more than five parts"));
        }
        let header: JweHeader =
            serde_json::from_slice(&header).map_err(|_unread| malformed("the head of the JWE is not one"))?;
        if header.enc != CONTENT_ENCRYPTION {
            return Err(Error::Unsupported {
                operation: "decrypting a JWE that is not encrypted by A256GCM",
                provider: visible::escape(&header.enc),
            });
        }
        let sized = |_: Vec<u8>| malformed("the JWE's nonce or tag has another length than is due");
        Ok(Self {
            header,
            header_text,
            encrypted_key,
            nonce: nonce.try_into().map_err(sized)?,
            ciphertext,
            tag: tag.try_into().map_err(sized)?,
        })
    }

    /// Decrypts the key.
    ///
    /// # Errors
    /// [`Error::Integrity`] when anything of it is not what was sealed with this content key.
    pub(super) fn open(&self, content_key: &[u8]) -> Result<KeyMaterial> {
        let mut plain = Zeroizing::new(self.ciphertext.clone());
        cipher(content_key)?
            .decrypt_in_place_detached(
                (&self.nonce).into(),
                self.header_text.as_bytes(),
                &mut plain,
                (&self.tag).into(),
            )
            .map_err(|_refused| Error::Integrity {
                object: "wrapped key".into(),
                place: "the JWE's tag".into(),
                expected: "what was sealed with its content key".into(),
                actual: "something else".into(),
            })?;
        Ok(KeyMaterial::new(plain))
    }

    /// The compact form.
    pub(super) fn text(&self) -> String {
        let of = Base64UrlUnpadded::encode_string;
        format!(
            "{}.{}.{}.{}.{}",
            self.header_text,
            of(&self.encrypted_key),
            of(&self.nonce),
            of(&self.ciphertext),
            of(&self.tag)
        )
    }
}

fn cipher(content_key: &[u8]) -> Result<Aes256Gcm> {
    Aes256Gcm::new_from_slice(content_key).map_err(|_length| Error::Integrity {
        object: "wrapped key".into(),
        place: "the JWE's content key".into(),
        expected: format!("{CONTENT_KEY_BYTES} bytes"),
        actual: format!("{} bytes", content_key.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7516, appendix A.1: what others sealed.
    const EXAMPLE: &str = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AA.48V1_ALb6US04U3b.\
                           5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.\
                           XFBoMYUZodetZdvTiFvSkQ";
    const EXAMPLE_KEY: [u8; 32] = [
        177, 161, 244, 128, 84, 143, 225, 115, 63, 180, 3, 255, 107, 154, 212, 246, 138, 7, 110, 91, 112, 46,
        34, 105, 47, 130, 203, 46, 122, 234, 64, 252,
    ];

    fn sealed() -> Jwe {
        let header = JweHeader {
            alg: "RSA-OAEP-256".into(),
            enc: CONTENT_ENCRYPTION.into(),
            kid: Some("https://soc-vault.vault.azure.net/keys/escrow/1".into()),
        };
        let plain = KeyMaterial::new(Zeroizing::new(b"a key that is long".to_vec()));
        Jwe::seal(header, vec![1, 2, 3], &[7; 32], [9; 12], &plain).unwrap()
    }

    #[test]
    fn the_standards_own_example_opens() {
        let plain = Jwe::parse(EXAMPLE.as_bytes())
            .unwrap()
            .open(&EXAMPLE_KEY)
            .unwrap();
        assert_eq!(
            plain.expose(),
            b"The true sign of intelligence is not knowledge but imagination."
        );
    }

    #[test]
    fn what_is_sealed_opens_and_is_refused_once_a_letter_of_it_is_another() {
        let text = sealed().text();
        let read = Jwe::parse(text.as_bytes()).unwrap();
        assert_eq!(read, sealed());
        assert_eq!(read.open(&[7; 32]).unwrap().expose(), b"a key that is long");
        let error = read.open(&[8; 32]).unwrap_err();
        assert!(matches!(error, Error::Integrity { .. }), "{error}");
        let encrypted_key =
            text.match_indices('.').next().unwrap().0..text.match_indices('.').nth(1).unwrap().0;
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            // The wrapped content key is its vault's to refuse.
            if changed == text.as_bytes() || encrypted_key.contains(&at) {
                continue;
            }
            let opened = Jwe::parse(&changed).and_then(|jwe| jwe.open(&[7; 32]));
            assert!(opened.is_err(), "{at}");
        }
    }

    #[test]
    fn what_is_no_jwe_says_why() {
        for text in ["", "a.b", "!.AA.AA.AA.AA", "e30.AA.AA.AA.AA", "AA.AA.AA.AA.AA.AA"] {
            assert!(
                matches!(Jwe::parse(text.as_bytes()), Err(Error::Malformed { .. })),
                "{text}"
            );
        }
        let other = Base64UrlUnpadded::encode_string(br#"{"alg":"RSA-OAEP-256","enc":"A128CBC-HS256"}"#);
        let other = Jwe::parse(format!("{other}.AA.AA.AA.AA").as_bytes());
        assert!(matches!(other, Err(Error::Unsupported { .. })));
    }
}
