use std::fmt;

use async_trait::async_trait;
use custody_core::digest::Sha256Digest;
use custody_core::port::{Clock as _, TimestampAuthority};
use custody_core::{Acted, Error, Result, ServiceRecord};

use super::clock::FakeClock;
use crate::shared::Shared;

/// Gives RFC 3161 responses of the right shape that nobody signed: `TimeStampResp`, status granted, with
/// the SHA-256 of the message as imprint. A verifier that checks the authority's signature rejects them.
#[derive(Debug, Clone)]
pub struct FakeTimestamps {
    clock: FakeClock,
    state: Shared<State>,
}

#[derive(Default)]
struct State {
    stamped: Vec<Sha256Digest>,
    refusal: Option<String>,
}

/// 1.2.840.113549.1.7.2, signedData. Source: RFC 5652 section 5.1.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.2.840.113549.1.9.16.1.4, id-ct-TSTInfo. Source: RFC 3161 section 2.4.2.
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
/// 2.16.840.1.101.3.4.2.1, SHA-256. Source: RFC 5754 section 2.2.
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// 1.3.6.1.4.1.0, a policy that stands for nothing.
const NO_POLICY: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x00];

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXPLICIT_0: u8 = 0xa0;

/// One DER element: tag, definite length, the parts as content.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).expect("a token has less than 64 KiB");
    let [high, low] = length.to_be_bytes();
    let mut bytes = vec![tag];
    match length {
        0..=0x7f => bytes.push(low),
        0x80..=0xff => bytes.extend([0x81, low]),
        _ => bytes.extend([0x82, high, low]),
    }
    bytes.extend(content);
    bytes
}

impl FakeTimestamps {
    /// An authority with this clock.
    #[must_use]
    pub fn new(clock: FakeClock) -> Self {
        Self {
            clock,
            state: Shared::default(),
        }
    }

    /// Refuses every request from now on, in these words.
    pub fn refuse(&self, reason: &str) {
        self.state.lock().refusal = Some(reason.to_owned());
    }

    /// Answers again.
    pub fn answer(&self) {
        self.state.lock().refusal = None;
    }

    /// The digests of the messages that were stamped, in order.
    #[must_use]
    pub fn stamped(&self) -> Vec<Sha256Digest> {
        self.state.lock().stamped.clone()
    }

    fn response(&self, imprint: Sha256Digest, serial: u32) -> Vec<u8> {
        let algorithm = der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, &[SHA_256])]);
        let time = self.clock.now().compact().replace('T', "");
        // The leading zero keeps the serial number positive.
        let serial = [&[0], serial.to_be_bytes().as_slice()].concat();
        let info = der(
            SEQUENCE,
            &[
                &der(INTEGER, &[&[1]]),
                &der(OBJECT_IDENTIFIER, &[NO_POLICY]),
                &der(SEQUENCE, &[&algorithm, &der(OCTET_STRING, &[imprint.as_bytes()])]),
                &der(INTEGER, &[minimal(&serial)]),
                &der(GENERALIZED_TIME, &[time.as_bytes()]),
            ],
        );
        let content = der(
            SEQUENCE,
            &[
                &der(OBJECT_IDENTIFIER, &[TST_INFO]),
                &der(EXPLICIT_0, &[&der(OCTET_STRING, &[&info])]),
            ],
        );
        let signed = der(
            SEQUENCE,
            &[
                &der(INTEGER, &[&[3]]),
                &der(SET, &[&algorithm]),
                &content,
                &der(SET, &[]),
            ],
        );
        let token = der(
            SEQUENCE,
            &[
                &der(OBJECT_IDENTIFIER, &[SIGNED_DATA]),
                &der(EXPLICIT_0, &[&signed]),
            ],
        );
        der(SEQUENCE, &[&der(SEQUENCE, &[&der(INTEGER, &[&[0]])]), &token])
    }
}

/// The shortest form of a big-endian integer, as DER demands it.
fn minimal(bytes: &[u8]) -> &[u8] {
    match bytes {
        [0, rest @ ..] if rest.first().is_some_and(|next| next & 0x80 == 0) => minimal(rest),
        _ => bytes,
    }
}

impl fmt::Display for FakeTimestamps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fake time-stamp authority")
    }
}

#[async_trait]
impl TimestampAuthority for FakeTimestamps {
    async fn stamp(&self, message: &[u8]) -> Result<Acted<Vec<u8>>> {
        let imprint = Sha256Digest::of(message);
        let serial = {
            let mut state = self.state.lock();
            if let Some(reason) = &state.refusal {
                return Err(Error::Provider {
                    object: self.to_string(),
                    operation: "stamp",
                    source: Some(reason.clone().into()),
                });
            }
            state.stamped.push(imprint);
            u32::try_from(state.stamped.len()).unwrap_or(u32::MAX)
        };
        Ok(Acted {
            value: self.response(imprint, serial),
            service: ServiceRecord::none().with_status("granted"),
        })
    }
}
