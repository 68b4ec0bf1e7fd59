use super::Verifier;
use super::difference::Difference;
use super::finding::{Finding, Findings};
use super::signers::Signers;
use crate::canonical;
use crate::custody_log::SealedObject;
use crate::error::Error;
use crate::ids::{AcquisitionId, CaseId, ObjectName};
use crate::layout;
use crate::manifest::{Envelope, Statement, sums};

/// How many wrong lines of the sums are named.
const MAX_NAMED_LINES: usize = 20;

/// What the seal of an acquisition must say.
#[derive(Debug)]
pub(super) struct SealDue<'a> {
    pub(super) folder: &'a ObjectName,
    pub(super) case: &'a CaseId,
    pub(super) acquisition: &'a AcquisitionId,
    /// Who must have signed; none where the log does not tell.
    pub(super) signers: Option<&'a Signers>,
    /// Every sealed object but envelope and sums, in order: the evidence, then the manifest.
    pub(super) objects: Vec<SealedObject>,
    /// The envelope, where the log tells.
    pub(super) envelope: Option<SealedObject>,
    /// The sums, where the log tells.
    pub(super) sums: Option<SealedObject>,
}

impl Verifier {
    /// Checks the signed statement and the sums of an acquisition.
    pub(super) async fn check_seal(&self, due: &SealDue<'_>, findings: &mut Findings) {
        let envelope = self.check_envelope(due, findings).await;
        self.check_sums(due, envelope, findings).await;
    }

    /// Checks the envelope; gives what it is as an object, where it could be read.
    async fn check_envelope(&self, due: &SealDue<'_>, findings: &mut Findings) -> Option<SealedObject> {
        let file = layout::segment(layout::ENVELOPE_FILE);
        let object = due.folder.join(&file);
        let bytes = match self.read_record(&object, due.envelope.as_ref()).await {
            Ok((bytes, finding)) => {
                findings.extend(finding);
                bytes
            }
            Err(finding) => {
                findings.push(finding);
                return None;
            }
        };
        let stored = SealedObject::of(file, &bytes);
        let Some(signers) = due.signers else {
            let expected = "signatures of the keys that line 1 of the log names";
            findings.push(Finding::could_not_check(
                &object,
                "signatures",
                expected,
                "no such line",
            ));
            return Some(stored);
        };
        let statement = canonical::check(object.as_str(), &bytes)
            .and_then(|()| {
                serde_json::from_slice::<Envelope>(&bytes)
                    .map_err(|error| Error::malformed(object.as_str(), format!("no envelope: {error}")))
            })
            .and_then(|envelope| envelope.verify(object.as_str(), &signers.keys));
        match statement {
            Ok(found) => {
                let manifest = layout::segment(layout::MANIFEST_FILE);
                let expected =
                    Statement::new(due.case.clone(), due.acquisition.clone(), manifest, &due.objects);
                let difference = Difference::between("statement", &expected, &found);
                findings.extend(difference.map(
                    |Difference {
                         place,
                         expected,
                         found,
                     }| { Finding::integrity(&object, place, expected, found) },
                ));
            }
            Err(error) => findings.push(Finding::of_error(&object, &error)),
        }
        Some(stored)
    }

    async fn check_sums(&self, due: &SealDue<'_>, envelope: Option<SealedObject>, findings: &mut Findings) {
        let object = due.folder.join(&layout::segment(layout::SUMS_FILE));
        let bytes = match self.read_record(&object, due.sums.as_ref()).await {
            Ok((bytes, finding)) => {
                findings.extend(finding);
                bytes
            }
            Err(finding) => {
                findings.push(finding);
                return;
            }
        };
        let mut objects = due.objects.clone();
        objects.extend(due.envelope.clone().or(envelope));
        let expected = sums(&objects);
        if expected.as_bytes() != bytes {
            findings.extend(wrong_lines(&object, expected.as_bytes(), &bytes));
        }
    }
}

/// The lines in which two texts differ.
fn wrong_lines(object: &ObjectName, expected: &[u8], found: &[u8]) -> Vec<Finding> {
    let mut expected = expected.split_inclusive(|byte| *byte == b'\n');
    let mut found = found.split_inclusive(|byte| *byte == b'\n');
    let mut wrong = Vec::new();
    for number in 1_u64.. {
        let (due, there) = (expected.next(), found.next());
        if (due.is_none() && there.is_none()) || wrong.len() == MAX_NAMED_LINES {
            break;
        }
        if due != there {
            let shown = |line: Option<&[u8]>| {
                line.map_or_else(
                    || "no line".to_owned(),
                    |line| crate::visible::escape_bytes(line.strip_suffix(b"\n").unwrap_or(line)),
                )
            };
            let cut = there.is_some_and(|line| !line.ends_with(b"\n"));
            let mut found = shown(there);
            if cut {
                found.push_str(" (without a line feed)");
            }
            wrong.push(Finding::integrity(
                object,
                format!("line {number}"),
                shown(due),
                found,
            ));
        }
    }
    wrong
}
