//! What is measured: sixteen messages that lie as a reader lays them, and everyone's way to hash them.

use custody_hash::probe::{Family, Probe, families};
use sha2::Digest as _;

/// As many as the widest kernel takes.
pub const LANES: usize = 16;

/// Messages that do not begin at equal distances of a power of two, which would fall into one set of the first cache.
const SKEW_BYTES: usize = 320;

/// Sixteen messages without a pattern.
pub struct Messages {
    bytes: Vec<u8>,
    each: usize,
}

impl Messages {
    /// Of so many bytes each.
    #[must_use]
    pub fn new(each: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let bytes = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        });
        Self { bytes: bytes.take((each + SKEW_BYTES) * LANES).collect(), each }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<&[u8]> {
        self.bytes.chunks(self.each + SKEW_BYTES).map(|slot| &slot[..self.each]).collect()
    }
}

/// One thing to measure.
pub struct Contender {
    /// Whose and what.
    pub name: String,
    /// How many messages it hashes in a call.
    pub messages: usize,
    /// The call. What it returns is looked at by nobody, and must be made all the same.
    pub run: Box<dyn Fn(&[&[u8]]) -> Vec<u8>>,
}

/// Everyone, on one thread.
#[must_use]
pub fn contenders() -> Vec<Contender> {
    let mut all = others();
    for family in families() {
        for probe in [
            Probe::Messages(1),
            Probe::Messages(2),
            Probe::Messages(4),
            Probe::Messages(16),
            Probe::Fused(1),
            Probe::Fused(2),
            Probe::Zeros(1),
            Probe::Zeros(4),
        ] {
            all.extend(ours(family, probe));
        }
    }
    all.push(Contender {
        name: "custody-hash hash_many x16".to_owned(),
        messages: LANES,
        run: Box::new(|messages| custody_hash::hash_many(messages).concat()),
    });
    all
}

fn ours(family: Family, probe: Probe) -> Option<Contender> {
    let (kind, messages) = match probe {
        Probe::Messages(messages) => ("", messages),
        Probe::Fused(messages) => (" fused", messages),
        Probe::Zeros(messages) => (" zeros", messages),
        _ => return None,
    };
    let short = [[0_u8; 64]; LANES];
    let short: Vec<&[u8]> = short.iter().map(<[u8; 64]>::as_slice).collect();
    family.run(probe, &short)?;
    Some(Contender {
        name: format!("custody-hash {}{kind} x{messages}", family.name()),
        messages,
        run: Box::new(move |lanes| {
            let states = family.run(probe, lanes).unwrap_or_default();
            states.iter().flatten().flat_map(|word| word.to_le_bytes()).collect()
        }),
    })
}

fn others() -> Vec<Contender> {
    let one = |name: &str, hash: fn(&[u8]) -> Vec<u8>| Contender {
        name: name.to_owned(),
        messages: 1,
        run: Box::new(move |messages| hash(messages[0])),
    };
    vec![
        one("sha2", |bytes| sha2::Sha256::digest(bytes).to_vec()),
        one("ring", |bytes| ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().to_vec()),
        one("aws-lc-rs", |bytes| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()),
        one("blake3 (another function)", |bytes| blake3::hash(bytes).as_bytes().to_vec()),
        Contender {
            name: "tape-sha256 hash_many x16".to_owned(),
            messages: LANES,
            run: Box::new(|messages| {
                let mut digests = [[0; 32]; LANES];
                tape_sha256::hash_many(messages, &mut digests);
                digests.concat()
            }),
        },
    ]
}
