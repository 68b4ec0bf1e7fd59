use std::collections::BTreeMap;

use base64ct::{Base64, Encoding as _};
use serde::Deserialize;

use super::header::{LuksHeader, NumberedSlot};
use super::key_slot::{KeyDigest, KeySlot};
use super::password_hash::{PasswordHash, Variant};
use crate::error::{Error, Result};
use crate::limits::ProofLimits;

pub(super) const FORMAT: &str = "luks2";

const WHAT: &str = "LUKS2 metadata";
/// As many as a header has key slots at most in practice; each costs a password hash.
const MAX_DIGESTS_OF_A_SLOT: usize = 32;
/// What a header may list. `cryptsetup` takes 32 key slots, 32 segments and 8 digests.
///
/// Source: cryptsetup, `lib/luks2/luks2.h`: `LUKS2_KEYSLOTS_MAX`, `LUKS2_SEGMENT_MAX`, `LUKS2_DIGEST_MAX`. Read 2026-11-28.
const MAX_SLOTS: usize = 512;
const MAX_SEGMENTS: usize = 128;
const MAX_DIGESTS: usize = 128;
const MAX_JSON_BYTES: usize = 4 << 20;

/// The parts of the JSON area that say how key slots are opened. Members that are not understood are left alone, as the
/// specification asks.
///
/// Source: "LUKS2 On-Disk Format Specification" 1.1.1, chapter 3. Read 2026-11-28.
#[derive(Deserialize)]
struct Metadata {
    keyslots: BTreeMap<String, serde_json::Value>,
    segments: BTreeMap<String, Segment>,
    digests: BTreeMap<String, Digest>,
    #[serde(default)]
    config: Config,
}

#[derive(Deserialize)]
struct Keyslot {
    key_size: usize,
    area: Area,
    kdf: Kdf,
    af: AntiForensic,
    #[serde(default = "normal")]
    priority: u8,
}

const fn normal() -> u8 {
    1
}

#[derive(Deserialize)]
struct Area {
    offset: String,
    size: String,
    encryption: String,
    key_size: usize,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Kdf {
    #[serde(rename = "pbkdf2")]
    Pbkdf2 {
        hash: String,
        iterations: u32,
        salt: String,
    },
    #[serde(rename = "argon2i")]
    Argon2i(Argon2),
    #[serde(rename = "argon2id")]
    Argon2id(Argon2),
}

#[derive(Deserialize)]
struct Argon2 {
    time: u32,
    memory: u32,
    cpus: u32,
    salt: String,
}

#[derive(Deserialize)]
struct AntiForensic {
    #[serde(rename = "type")]
    kind: String,
    stripes: usize,
    hash: String,
}

#[derive(Deserialize)]
struct Segment {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    encryption: Option<String>,
}

#[derive(Deserialize)]
struct Digest {
    #[serde(rename = "type")]
    kind: String,
    keyslots: Vec<String>,
    segments: Vec<String>,
    #[serde(default)]
    hash: String,
    #[serde(default)]
    iterations: u32,
    #[serde(default)]
    salt: String,
    #[serde(default)]
    digest: String,
}

#[derive(Default, Deserialize)]
struct Config {
    #[serde(default)]
    requirements: Requirements,
}

#[derive(Default, Deserialize)]
struct Requirements {
    #[serde(default)]
    mandatory: Vec<String>,
}

/// Reads the JSON area; the identifier is the binary header's, and is put in by the caller.
pub(super) fn parse(json: &[u8], limits: &ProofLimits) -> Result<LuksHeader> {
    if json.len() > MAX_JSON_BYTES {
        return Err(Error::Exceeds {
            what: WHAT,
            asked: json.len() as u64,
            limit: MAX_JSON_BYTES as u64,
            unit: "bytes",
        });
    }
    // The message of serde_json names types and places, and may quote a string: none of them is a key.
    let metadata: Metadata = serde_json::from_slice(json)
        .map_err(|error| Error::field(WHAT, "the JSON", error, "LUKS2 metadata"))?;
    metadata.within_bounds()?;
    let mut notes = metadata.notes();
    let mut slots = Vec::new();
    for (name, value) in &metadata.keyslots {
        let Ok(number) = name.parse::<u32>() else {
            return Err(Error::field(
                WHAT,
                "the name of a key slot",
                crate::outside_name(name),
                "a number",
            ));
        };
        match value.get("type").and_then(serde_json::Value::as_str) {
            Some("luks2") => {}
            // Not for passphrases: what a re-encryption in progress needs.
            Some("reencrypt") => continue,
            other => {
                let kind = crate::outside_name(other.unwrap_or("none"));
                notes.push(format!("key slot {number} is of type {kind}, which is not tried"));
                continue;
            }
        }
        let digests = metadata.digests_of(name, limits);
        if matches!(&digests, Ok(digests) if digests.is_empty()) {
            notes.push(format!(
                "key slot {number} holds a key of no segment, and is not tried"
            ));
            continue;
        }
        let keyslot = Keyslot::deserialize(value)
            .map_err(|error| Error::field(WHAT, "a key slot", error, "a key slot of type luks2"));
        let priority = keyslot.as_ref().map_or(1, |keyslot| keyslot.priority);
        let slot = keyslot.and_then(|keyslot| keyslot.slot(digests?, limits));
        slots.push((priority, NumberedSlot { number, slot }));
    }
    slots.sort_by_key(|(priority, slot)| (std::cmp::Reverse(*priority), slot.number));
    Ok(LuksHeader {
        format: FORMAT,
        identifier: String::new(),
        slots: slots.into_iter().map(|(_, slot)| slot).collect(),
        notes,
    })
}

impl Metadata {
    /// Refuses lists that no header has, with the number.
    fn within_bounds(&self) -> Result<()> {
        let longest = |list: fn(&Digest) -> usize| self.digests.values().map(list).max().unwrap_or_default();
        for (asked, limit, unit) in [
            (self.keyslots.len(), MAX_SLOTS, "key slots"),
            (self.segments.len(), MAX_SEGMENTS, "segments"),
            (self.digests.len(), MAX_DIGESTS, "digests"),
            (
                longest(|digest| digest.keyslots.len()),
                MAX_SLOTS,
                "key slots of a digest",
            ),
            (
                longest(|digest| digest.segments.len()),
                MAX_SEGMENTS,
                "segments of a digest",
            ),
        ] {
            if asked > limit {
                return Err(Error::Exceeds {
                    what: WHAT,
                    asked: asked as u64,
                    limit: limit as u64,
                    unit,
                });
            }
        }
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (name, segment) in self.segments.iter().take(16) {
            let name = crate::outside_name(name);
            notes.push(match &segment.encryption {
                Some(cipher) => format!("segment {name} encrypted with {}", crate::outside_name(cipher)),
                None => format!(
                    "segment {name} is {} and not encrypted",
                    crate::outside_name(&segment.kind)
                ),
            });
        }
        for requirement in self.config.requirements.mandatory.iter().take(16) {
            let requirement = crate::outside_name(requirement);
            notes.push(if requirement.starts_with("online-reencrypt") {
                format!("a re-encryption was under way ({requirement}): parts of the volume may be as they were before it")
            } else if requirement == "offline-reencrypt" {
                "a re-encryption was under way with the volume closed: it must be finished before the volume opens"
                    .to_owned()
            } else {
                format!("opening the volume requires {requirement}")
            });
        }
        notes
    }

    /// The digests that a key from this slot must fit one of, if it is to open a segment.
    fn digests_of(&self, slot: &str, limits: &ProofLimits) -> Result<Vec<KeyDigest>> {
        let mut digests = Vec::new();
        for digest in self.digests.values() {
            let opens_a_segment = digest
                .segments
                .iter()
                .any(|name| self.segments.contains_key(name));
            if opens_a_segment && digest.keyslots.iter().any(|name| name == slot) {
                digests.push(digest.key_digest(limits)?);
                if digests.len() > MAX_DIGESTS_OF_A_SLOT {
                    return Err(Error::Exceeds {
                        what: WHAT,
                        asked: digests.len() as u64,
                        limit: MAX_DIGESTS_OF_A_SLOT as u64,
                        unit: "digests of a key slot",
                    });
                }
            }
        }
        Ok(digests)
    }
}

impl Digest {
    fn key_digest(&self, limits: &ProofLimits) -> Result<KeyDigest> {
        if self.kind != "pbkdf2" {
            return Err(Error::Unsupported {
                what: WHAT,
                name: format!("digest {}", crate::outside_name(&self.kind)),
            });
        }
        let hash = self.hash.parse()?;
        PasswordHash::Pbkdf2 {
            hash,
            iterations: self.iterations,
            salt: Vec::new(),
        }
        .within(limits)?;
        Ok(KeyDigest {
            hash,
            iterations: self.iterations,
            salt: decode(&self.salt)?,
            digest: decode(&self.digest)?,
        })
    }
}

impl Keyslot {
    fn slot(self, digests: Vec<KeyDigest>, limits: &ProofLimits) -> Result<KeySlot> {
        if self.af.kind != "luks1" {
            return Err(Error::Unsupported {
                what: WHAT,
                name: format!("key splitting {}", crate::outside_name(&self.af.kind)),
            });
        }
        let slot = KeySlot {
            key_bytes: self.key_size,
            password_hash: self.kdf.password_hash()?.within(limits)?,
            area_at: number(&self.area.offset)?,
            cipher: self.area.encryption.parse()?,
            area_key_bytes: self.area.key_size,
            stripes: self.af.stripes,
            split_hash: self.af.hash.parse()?,
            digests,
        }
        .checked()?;
        let size = number(&self.area.size)?;
        if slot.area_bytes() > size {
            let expected = format!("at least {}", slot.area_bytes());
            return Err(Error::field(
                WHAT,
                "the size of a key slot's area",
                size,
                expected,
            ));
        }
        Ok(slot)
    }
}

impl Kdf {
    fn password_hash(&self) -> Result<PasswordHash> {
        let argon2 = |variant, argon2: &Argon2| {
            Ok(PasswordHash::Argon2 {
                variant,
                passes: argon2.time,
                memory_kib: argon2.memory,
                lanes: argon2.cpus,
                salt: decode(&argon2.salt)?,
            })
        };
        match self {
            Self::Pbkdf2 {
                hash,
                iterations,
                salt,
            } => Ok(PasswordHash::Pbkdf2 {
                hash: hash.parse()?,
                iterations: *iterations,
                salt: decode(salt)?,
            }),
            Self::Argon2i(fields) => argon2(Variant::I, fields),
            Self::Argon2id(fields) => argon2(Variant::Id, fields),
        }
    }
}

fn number(text: &str) -> Result<u64> {
    text.parse()
        .map_err(|_number| Error::field(WHAT, "a place or a size", crate::outside_name(text), "a number"))
}

fn decode(text: &str) -> Result<Vec<u8>> {
    Base64::decode_vec(text).map_err(|_form| Error::Encoding {
        what: WHAT,
        fault: "a salt or a digest is not base64",
    })
}
