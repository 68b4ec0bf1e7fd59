//! The clauses of [`TimestampAuthority`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use custody_core::digest::Sha256Digest;
use custody_core::port::TimestampAuthority;

use super::clause::{ClauseFailure, Conforms, ensure, suite};
use crate::fake::pattern;

/// An authority.
pub struct AuthorityHarness {
    authority: Arc<dyn TimestampAuthority>,
    unwilling: Option<Arc<dyn TimestampAuthority>>,
    keep: Vec<Box<dyn Any>>,
}

impl AuthorityHarness {
    /// This authority, which answers.
    #[must_use]
    pub fn new(authority: Arc<dyn TimestampAuthority>) -> Self {
        Self {
            authority,
            unwilling: None,
            keep: Vec::new(),
        }
    }

    /// An authority that refuses, or does not answer.
    #[must_use]
    pub fn with_unwilling(mut self, authority: Arc<dyn TimestampAuthority>) -> Self {
        self.unwilling = Some(authority);
        self
    }

    /// Keeps something alive as long as the harness: a server.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }
}

impl fmt::Debug for AuthorityHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorityHarness({})", self.authority)
    }
}

/// One DER element: its tag, its content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (
                length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
                rest,
            )
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// The elements inside one another: the content of the first element, of its `steps[0]`-th child, …
fn descend<'a>(bytes: &'a [u8], steps: &[(usize, u8)]) -> Option<&'a [u8]> {
    let mut content = bytes;
    for (skip, due) in steps {
        let mut rest = content;
        for _ in 0..*skip {
            rest = element(rest)?.2;
        }
        let (tag, inside, _) = element(rest)?;
        if tag != *due {
            return None;
        }
        content = inside;
    }
    Some(content)
}

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const EXPLICIT_0: u8 = 0xa0;
/// 2.16.840.1.101.3.4.2.1, SHA-256. Source: RFC 5754 section 2.2.
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// The imprint of a `TimeStampResp` that was granted. Source: RFC 3161 sections 2.4.1 and 2.4.2.
fn imprint(response: &[u8]) -> Option<&[u8]> {
    let (SEQUENCE, _, []) = element(response)? else {
        return None;
    };
    let status = descend(response, &[(0, SEQUENCE), (0, SEQUENCE), (0, INTEGER)])?;
    if !matches!(status, [0 | 1]) {
        return None;
    }
    // TimeStampResp, token, [0], SignedData, encapsulated content, [0], octets of a TSTInfo.
    let info = descend(
        response,
        &[
            (0, SEQUENCE),
            (1, SEQUENCE),
            (1, EXPLICIT_0),
            (0, SEQUENCE),
            (2, SEQUENCE),
            (1, EXPLICIT_0),
            (0, OCTET_STRING),
        ],
    )?;
    let algorithm = [
        (0, SEQUENCE),
        (2, SEQUENCE),
        (0, SEQUENCE),
        (0, OBJECT_IDENTIFIER),
    ];
    if descend(info, &algorithm)? != SHA_256 {
        return None;
    }
    descend(info, &[(0, SEQUENCE), (2, SEQUENCE), (1, OCTET_STRING)])
}

/// `TA-01`, as far as the form and the imprint: the authority's signature is for `openssl ts -verify`.
///
/// # Errors
/// How the clause is broken.
pub async fn ta_01_the_token_is_over_the_message(harness: &AuthorityHarness) -> Conforms {
    for message in [Vec::new(), b"checkpoint\n".to_vec(), pattern(10_000, 1)] {
        let response = harness.authority.stamp(&message).await?.value;
        let Some(found) = imprint(&response) else {
            return Err(ClauseFailure::new(format!(
                "{} bytes that are no granted TimeStampResp with a SHA-256 imprint",
                response.len()
            )));
        };
        let due = Sha256Digest::of(&message);
        ensure!(found == due.as_bytes(), "the imprint is {found:?}, due is {due}");
    }
    Ok(())
}

/// `TA-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn ta_02_no_answer_is_an_error(harness: &AuthorityHarness) -> Conforms {
    let Some(unwilling) = &harness.unwilling else {
        return Err(ClauseFailure::not_offered(
            "an authority that refuses (`with_unwilling`)",
        ));
    };
    let answer = unwilling.stamp(b"checkpoint\n").await;
    ensure!(answer.is_err(), "an authority that refuses gives {answer:?}");
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `TimestampAuthority` as tests, on an [`AuthorityHarness`](crate::conformance::timestamp_authority::AuthorityHarness).
    timestamp_authority_conformance, timestamp_authority, AuthorityHarness, [
        ta_01_the_token_is_over_the_message,
        ta_02_no_answer_is_an_error,
    ]
}
