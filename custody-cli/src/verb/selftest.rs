//! Known answers: does this program, on this host, compute what others published?

use bytes::Bytes;
use custody_core::custody_log::{MerkleFrontier, VerifierKey};
use custody_core::digest::Sha256Digest;
use custody_core::{Remedy, canonical};
use custody_hash::{
    ChunkRun, Engine, ImageDigests, ImageLayout, ImageOptions, Piece, ZERO_CHUNK_DIGEST, backend_name,
};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::local_ports::engine;

/// Source: NIST, "Examples with Intermediate Values: SHA-256", and FIPS 180-2, appendix B; read 2026-11-21. A message,
/// how often it is repeated, its digest.
const SHA256: [(&str, usize, &str); 5] = [
    (
        "",
        1,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    (
        "abc",
        1,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ),
    (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        1,
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ),
    (
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
        1,
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
    ),
    (
        "a",
        1_000_000,
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    ),
];

/// 16 MiB of zeros and `abc`: five chunks. Computed with Python's hashlib from the definition in RFC 9162.
const IMAGE_SHA256: &str = "96e9e5e277a28a5173259a0e391c4e15900d3e829a6eb432f7076f56679ff6dc";
const IMAGE_ROOT: &str = "78a332a0ef1bdb6cc84ef47e2185cbb300b8a0a449264e4faf270cc8f846cd94";
const IMAGE_ZEROS: u64 = 16 << 20;

/// Source: google/certificate-transparency, `cpp/merkletree/merkle_tree_test.cc`, the tree over its eight test inputs.
const LOG_LINES: [&[u8]; 8] = [
    b"",
    &[0x00],
    &[0x10],
    &[0x20, 0x21],
    &[0x30, 0x31],
    &[0x40, 0x41, 0x42, 0x43],
    &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
    &[
        0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
    ],
];
const LOG_ROOT: &str = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";

/// Source: RFC 8032, section 7.1, test 2: public key, signature of the one byte 0x72.
const ED25519_KEY: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const ED25519_SIGNATURE: [&str; 2] = [
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
];
const ED25519_MESSAGE: &[u8] = &[0x72];

/// Source: RFC 6979, section A.2.5, P-256 with SHA-256, message `sample`: the key's coordinates, and r and s.
const P256_X: &str = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
const P256_Y: &str = "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
const P256_R: &str = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716";
const P256_S: &str = "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
/// RFC 5480: SEQUENCE { SEQUENCE { OID ecPublicKey, OID prime256v1 }, BIT STRING, an uncompressed point follows }.
const P256_HEAD: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
const P256_MESSAGE: &[u8] = b"sample";

/// A test, and what came of it: nothing when the answer was right.
type Known = (&'static str, Result<(), String>);

/// Runs every known answer; exit 4 when one is wrong.
pub(super) fn run() -> Result<Answer, Failure> {
    let engine = engine()?;
    let known: [Known; 6] = [
        ("SHA-256, NIST examples, through the engine", sha256(&engine)),
        (
            "chunk digests and Merkle root of an image with a hole (RFC 9162)",
            image(&engine),
        ),
        (
            "digest of a chunk of zeros, read and not read",
            zero_chunk(&engine),
        ),
        ("Merkle root of a log (RFC 6962)", log_root()),
        ("canonical JSON (RFC 8785)", canonical_json()),
        (
            "signatures: Ed25519 (RFC 8032), ECDSA P-256 (RFC 6979)",
            signatures(),
        ),
    ];
    let mut text = format!("hashing: {engine}\n");
    for (name, outcome) in &known {
        match outcome {
            Ok(()) => text.push_str(&format!("ok      {name}\n")),
            Err(wrong) => text.push_str(&format!("FAILED  {name}: {wrong}\n")),
        }
    }
    let tests: Vec<Value> = known
        .iter()
        .map(|(name, outcome)| json!({"test": name, "passed": outcome.is_ok(), "wrong": outcome.as_ref().err()}))
        .collect();
    let document = json!({"hash_backend": backend_name(), "engine": engine.to_string(), "tests": tests});
    let failed = known.iter().filter(|(_, outcome)| outcome.is_err()).count();
    let failure = (failed > 0).then(|| {
        Failure::new(
            Exit::Integrity,
            format!("{failed} known answers are wrong on this host"),
            Remedy::Escalate,
        )
        .with_next("do not use this program on this host: its processor, memory or binary is at fault")
    });
    Ok(Answer::new(text, document).with_failure(failure))
}

fn hash(engine: &Engine, pieces: Vec<Piece>) -> Result<(Vec<ChunkRun>, ImageDigests), String> {
    let hashed = (|| {
        let mut image = engine.start(ImageLayout::of_unknown_length(), ImageOptions::default())?;
        let mut runs = Vec::new();
        for piece in pieces {
            runs.extend(image.push_blocking(piece)?);
        }
        let (rest, digests) = image.finish_blocking()?;
        runs.extend(rest);
        Ok::<_, custody_hash::Error>((runs, digests))
    })();
    hashed.map_err(|error| error.to_string())
}

fn same(what: &str, expected: &str, found: Option<[u8; 32]>) -> Result<(), String> {
    let found = found
        .map(|bytes| Sha256Digest::from_bytes(bytes).to_string())
        .unwrap_or_default();
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: expected {expected}, found {found}"))
    }
}

fn sha256(engine: &Engine) -> Result<(), String> {
    SHA256.iter().try_for_each(|(message, times, expected)| {
        let bytes = Bytes::from(message.repeat(*times));
        let what = format!("{} bytes", bytes.len());
        let (_, digests) = hash(engine, vec![Piece::Data(bytes)])?;
        same(&what, expected, digests.stored_file)
    })
}

fn image(engine: &Engine) -> Result<(), String> {
    let hole = Piece::Zero {
        length_bytes: IMAGE_ZEROS,
    };
    let (_, digests) = hash(engine, vec![hole, Piece::Data(Bytes::from_static(b"abc"))])?;
    same("whole image", IMAGE_SHA256, digests.stored_file)?;
    same("root", IMAGE_ROOT, Some(digests.root))
}

fn zero_chunk(engine: &Engine) -> Result<(), String> {
    let length_bytes = custody_hash::CHUNK_BYTES;
    let length = usize::try_from(length_bytes).map_err(|error| error.to_string())?;
    let expected = Sha256Digest::from_bytes(ZERO_CHUNK_DIGEST).to_string();
    for piece in [
        Piece::Data(Bytes::from(vec![0; length])),
        Piece::Zero { length_bytes },
    ] {
        let (runs, digests) = hash(engine, vec![piece])?;
        let chunk = runs.iter().flat_map(ChunkRun::digests).next();
        same("chunk", &expected, chunk)?;
        same("file", &expected, digests.stored_file)?;
    }
    Ok(())
}

fn log_root() -> Result<(), String> {
    let mut tree = MerkleFrontier::new();
    for line in LOG_LINES {
        tree.push(line);
    }
    same("root", LOG_ROOT, Some(*tree.root().as_bytes()))
}

fn canonical_json() -> Result<(), String> {
    let record = json!({"b": [1, true, null], "a": {"z": "\u{e9}\"\\", "y": -7}});
    let expected = "{\"a\":{\"y\":-7,\"z\":\"\u{e9}\\\"\\\\\"},\"b\":[1,true,null]}";
    let found = canonical::to_bytes(&record).map_err(|error| error.to_string())?;
    if found != expected.as_bytes() {
        return Err(format!(
            "expected {expected}, found {}",
            String::from_utf8_lossy(&found)
        ));
    }
    canonical::check("record", &found).map_err(|error| error.to_string())?;
    let other = expected.replace(":-7", ": -7");
    match canonical::check("record", other.as_bytes()) {
        Ok(()) => Err(format!("{other} was taken for canonical")),
        Err(_) => Ok(()),
    }
}

fn signatures() -> Result<(), String> {
    let error = |error: custody_core::Error| error.to_string();
    let key = VerifierKey::ed25519("rfc8032", bytes32(ED25519_KEY)?).map_err(error)?;
    let signature = ED25519_SIGNATURE.map(bytes32);
    let [first, second] = signature;
    verifies(&key, ED25519_MESSAGE, &[first?, second?].concat())?;

    let spki = [P256_HEAD, &bytes32(P256_X)?, &bytes32(P256_Y)?].concat();
    let key = VerifierKey::ecdsa_p256("rfc6979", &spki).map_err(error)?;
    // DER: SEQUENCE { INTEGER r, INTEGER s }; both have their first bit set and so a zero byte before them.
    let integer = [0x02, 0x21, 0x00];
    let parts: [&[u8]; 5] = [
        &[0x30, 0x46],
        &integer,
        &bytes32(P256_R)?,
        &integer,
        &bytes32(P256_S)?,
    ];
    let signature = parts.concat();
    verifies(&key, P256_MESSAGE, &signature)
}

/// The signature is taken for this message, and not for another.
fn verifies(key: &VerifierKey, message: &[u8], signature: &[u8]) -> Result<(), String> {
    if !key.verifies(message, signature) {
        return Err(format!("{}: a good signature was refused", key.name()));
    }
    if key.verifies(b"another message", signature) {
        return Err(format!(
            "{}: a signature was taken for another message",
            key.name()
        ));
    }
    Ok(())
}

fn bytes32(text: &str) -> Result<[u8; 32], String> {
    text.parse::<Sha256Digest>()
        .map(|bytes| *bytes.as_bytes())
        .map_err(|error| error.to_string())
}
