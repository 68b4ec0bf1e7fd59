use std::fmt;

use super::datum::{Datum, kind};
use super::sealed_key::SealedKey;
use crate::error::Result;
use crate::fields::Fields;
use crate::guid::Guid;
use crate::secret_bytes::SecretBytes;

/// One way to the volume's master key.
pub(crate) struct Protector {
    pub(crate) identifier: Guid,
    pub(crate) kind: ProtectorKind,
    /// The master key, encrypted by what this protector asks for.
    pub(crate) sealed: Option<SealedKey>,
    /// The key of a suspended volume, which lies beside the lock.
    pub(crate) clear_key: Option<SecretBytes>,
}

/// What a protector asks for, by the number that is stored.
///
/// Source: libbde, "BitLocker Drive Encryption (BDE) format specification", section "Key protection types".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProtectorKind(u16);

impl ProtectorKind {
    const EXTERNAL: u16 = 0x0200;

    pub(crate) const fn is_external(self) -> bool {
        self.0 & 0xff00 == Self::EXTERNAL
    }

    pub(crate) const fn is_clear(self) -> bool {
        self.0 & 0xff00 == 0
    }

    /// Whether something that a person knows opens it: a password, or a recovery password.
    pub(crate) const fn is_password(self) -> bool {
        matches!(self.0 & 0xff00, 0x0800 | 0x2000)
    }
}

impl fmt::Display for ProtectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 & 0xff00 {
            0x0000 => "clear key",
            0x0100 => "TPM",
            0x0200 => "external key",
            0x0300 => "TPM and external key",
            0x0400 | 0x0500 => "TPM and PIN",
            0x0700 => "TPM, PIN and external key",
            0x0800 => "recovery password",
            0x2000 => "password",
            _ => return write!(f, "kind {:#06x}", self.0),
        })
    }
}

const WHAT: &str = "BitLocker key protector";
/// Identifier, time, a number, and the kind, before the nested entries.
const FIXED_BYTES: usize = 28;

impl Protector {
    pub(crate) fn parse(datum: &Datum<'_>) -> Result<Self> {
        let fields = Fields::new(WHAT, datum.body);
        let nested = datum.nested(WHAT, FIXED_BYTES)?;
        let clear_key = nested.iter().find(|datum| datum.kind == kind::KEY);
        let sealed = nested.iter().find(|datum| datum.kind == kind::AES_CCM);
        Ok(Self {
            identifier: Guid::from_stored(fields.array(0)?),
            kind: ProtectorKind(fields.u16_le(26)?),
            sealed: sealed.map(SealedKey::parse).transpose()?,
            clear_key: clear_key
                .map(|datum| datum.key(WHAT))
                .transpose()?
                .map(|(_, key)| SecretBytes::copy_of(key)),
        })
    }
}
