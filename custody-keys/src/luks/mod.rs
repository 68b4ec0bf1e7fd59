//! LUKS1 and LUKS2: what `cryptsetup` writes in front of a volume, or into a file beside it.

mod anti_forensic;
mod area_cipher;
mod cipher_spec;
mod header;
mod key_slot;
mod luks1;
mod luks2;
mod luks2_binary;
mod luks2_json;
mod password_hash;
mod slot_hash;
mod volume;

pub(crate) use volume::prove;

/// How a first header begins.
pub(crate) const MAGIC: &[u8; 6] = b"LUKS\xba\xbe";
/// How the second header of LUKS2 begins.
pub(crate) const SECOND_MAGIC: &[u8; 6] = b"SKUL\xba\xbe";

/// Whether a volume that begins so claims to be LUKS.
pub(crate) fn is_claimed_by(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || head.starts_with(SECOND_MAGIC)
}

/// Reads the bytes as a header of LUKS1, as a fuzzer does.
pub(crate) fn parse_version_1(bytes: &[u8]) {
    drop(luks1::parse(bytes, &crate::ProofLimits::default()));
}

/// Reads the bytes as either header of LUKS2, checksum put right, with its JSON, as a fuzzer does.
pub(crate) fn parse_version_2(bytes: &[u8]) {
    for place in [
        luks2_binary::Place::First,
        luks2_binary::Place::Second { at: 0x4000 },
    ] {
        let header = luks2_binary::with_checksum(bytes, place);
        if let Ok(parsed) = luks2_binary::BinaryHeader::parse(&header, place)
            && let Ok(json) = parsed.json(&header)
        {
            parse_json(json);
        }
    }
}

/// Reads the bytes as the JSON of a LUKS2 header, as a fuzzer does.
pub(crate) fn parse_json(bytes: &[u8]) {
    drop(luks2_json::parse(bytes, &crate::ProofLimits::default()));
}

/// Puts the checksum of a first header of LUKS2 right with which these bytes begin, for a fuzzer.
pub(crate) fn mend(disk: &mut [u8]) {
    let header = luks2_binary::with_checksum(disk, luks2_binary::Place::First);
    for (to, from) in disk.iter_mut().zip(header) {
        *to = from;
    }
}
