use super::MAGIC;
use super::header::{LuksHeader, NumberedSlot};
use super::key_slot::{KeyDigest, KeySlot};
use super::password_hash::PasswordHash;
use super::slot_hash::SlotHash;
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::limits::ProofLimits;

pub(super) const HEADER_BYTES: usize = 592;
pub(super) const FORMAT: &str = "luks1";

const WHAT: &str = "LUKS1 header";
const SLOTS_AT: usize = 208;
const SLOT_BYTES: usize = 48;
const SLOTS: u32 = 8;
const IN_USE: u32 = 0x00ac_71f3;
const NOT_IN_USE: u32 = 0x0000_dead;
const SECTOR_BYTES: u64 = 512;

/// Reads a LUKS1 header.
///
/// Source: "LUKS1 On-Disk Format Specification" 1.2.3, section 3. Read 2026-11-28.
pub(super) fn parse(bytes: &[u8], limits: &ProofLimits) -> Result<LuksHeader> {
    let fields = Fields::new(WHAT, bytes);
    fields.slice(0, HEADER_BYTES)?;
    if fields.array(0)? != *MAGIC {
        return Err(Error::field(WHAT, "the magic", "something else", "LUKS"));
    }
    if fields.u16_be(6)? != 1 {
        return Err(Error::field(WHAT, "the version", fields.u16_be(6)?, "1"));
    }
    let cipher = format!("{}-{}", fields.text(8, 32)?, fields.text(40, 32)?);
    let hash = fields.text(72, 32)?;
    let mut slots = Vec::new();
    let mut notes = vec![format!(
        "content encrypted with {} and a key of {} bits",
        crate::outside_name(&cipher),
        u64::from(fields.u32_be(108)?) * 8
    )];
    for number in 0..SLOTS {
        let at = SLOTS_AT + SLOT_BYTES * number as usize;
        match fields.u32_be(at)? {
            IN_USE => slots.push(NumberedSlot {
                number,
                slot: slot(&fields, at, &cipher, &hash, limits),
            }),
            NOT_IN_USE => {}
            other => notes.push(format!(
                "key slot {number} is neither in use nor free: {other:#010x}"
            )),
        }
    }
    Ok(LuksHeader {
        format: FORMAT,
        identifier: fields.text(168, 40)?,
        slots,
        notes,
    })
}

fn slot(fields: &Fields<'_>, at: usize, cipher: &str, hash: &str, limits: &ProofLimits) -> Result<KeySlot> {
    let hash: SlotHash = hash.parse()?;
    let key_bytes = fields.u32_be(108)? as usize;
    let digest_iterations = fields.u32_be(164)?;
    // The digest is a PBKDF2 like the slots': the same limit holds.
    PasswordHash::Pbkdf2 {
        hash,
        iterations: digest_iterations,
        salt: Vec::new(),
    }
    .within(limits)?;
    let password_hash = PasswordHash::Pbkdf2 {
        hash,
        iterations: fields.u32_be(at + 4)?,
        salt: fields.slice(at + 8, 32)?.to_vec(),
    };
    KeySlot {
        key_bytes,
        password_hash: password_hash.within(limits)?,
        area_at: u64::from(fields.u32_be(at + 40)?) * SECTOR_BYTES,
        cipher: cipher.parse()?,
        area_key_bytes: key_bytes,
        stripes: fields.u32_be(at + 44)? as usize,
        split_hash: hash,
        digests: vec![KeyDigest {
            hash,
            iterations: digest_iterations,
            salt: fields.slice(132, 32)?.to_vec(),
            digest: fields.slice(112, 20)?.to_vec(),
        }],
    }
    .checked()
}
