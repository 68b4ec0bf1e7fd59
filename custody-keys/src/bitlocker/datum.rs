use crate::error::{Error, Result};
use crate::fields::Fields;

/// One entry of BitLocker metadata: size, role, type, flags, and what it holds, which may be further entries.
///
/// Source: libbde, "BitLocker Drive Encryption (BDE) format specification", section "FVE metadata entry"; the roles and
/// types by the names that dissect.fve gives them. Read 2026-11-28.
#[derive(Clone, Copy)]
pub(crate) struct Datum<'a> {
    pub(crate) role: u16,
    pub(crate) kind: u16,
    pub(crate) body: &'a [u8],
}

/// Roles: what an entry is for.
pub(crate) mod role {
    pub(crate) const PROPERTY: u16 = 0x0000;
    pub(crate) const VOLUME_MASTER_KEY: u16 = 0x0002;
    pub(crate) const VOLUME_KEY: u16 = 0x0003;
    pub(crate) const STARTUP_KEY: u16 = 0x0006;
    pub(crate) const DESCRIPTION: u16 = 0x0007;
}

/// Types: how an entry is laid out.
pub(crate) mod kind {
    pub(crate) const KEY: u16 = 0x0001;
    pub(crate) const TEXT: u16 = 0x0002;
    pub(crate) const AES_CCM: u16 = 0x0005;
    pub(crate) const VOLUME_MASTER_KEY: u16 = 0x0008;
    pub(crate) const EXTERNAL_KEY: u16 = 0x0009;
}

const HEADER_BYTES: usize = 8;
/// Well above every role and type that is known.
const LARGEST_NUMBER: u16 = 0xff;

impl<'a> Datum<'a> {
    /// The entries that fill these bytes, one after another.
    pub(crate) fn all(what: &'static str, bytes: &'a [u8]) -> Result<Vec<Self>> {
        let mut data = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let fields = Fields::new(what, rest);
            let size = usize::from(fields.u16_le(0)?);
            if size < HEADER_BYTES {
                return Err(Error::field(what, "an entry's size", size, "at least 8"));
            }
            let whole = fields.slice(0, size)?;
            data.push(Self {
                role: fields.u16_le(2)?,
                kind: fields.u16_le(4)?,
                body: whole.get(HEADER_BYTES..).unwrap_or_default(),
            });
            rest = rest.get(size..).unwrap_or_default();
        }
        Ok(data)
    }

    /// The entries in its body, after a fixed part of this length.
    pub(crate) fn nested(&self, what: &'static str, fixed: usize) -> Result<Vec<Self>> {
        let fields = Fields::new(what, self.body);
        Self::all(what, fields.slice(fixed, self.body.len().saturating_sub(fixed))?)
    }

    /// The text of a [`kind::TEXT`] entry, up to its first zero; what cannot be seen is written out.
    pub(crate) fn text(&self) -> String {
        let units: Vec<u16> = self
            .body
            .chunks_exact(2)
            .map(|pair| {
                u16::from_le_bytes([
                    pair.first().copied().unwrap_or(0),
                    pair.last().copied().unwrap_or(0),
                ])
            })
            .take_while(|unit| *unit != 0)
            .take(256)
            .collect();
        custody_core::visible::escape(&String::from_utf16_lossy(&units))
    }

    /// The key in a [`kind::KEY`] entry, and the number of what it is for; flags follow that.
    pub(crate) fn key(&self, what: &'static str) -> Result<(u16, &'a [u8])> {
        let fields = Fields::new(what, self.body);
        let purpose = fields.u16_le(0)?;
        Ok((purpose, fields.slice(4, self.body.len().saturating_sub(4))?))
    }

    /// Its role and type, as they are named in an error or a note, where they are numbers that such entries have. Others
    /// may be bytes of a key, in a file that is damaged.
    pub(crate) fn numbers(&self) -> String {
        if self.role > LARGEST_NUMBER || self.kind > LARGEST_NUMBER {
            return "one whose role and type no entry has".to_owned();
        }
        format!("role {:#06x} type {:#06x}", self.role, self.kind)
    }
}
