use std::collections::BTreeSet;

use bytes::Bytes;
use futures::stream::BoxStream;

use super::{Machine, Port};
use crate::error::Result;
use crate::ids::RecordName;
use crate::service::Acted;

/// The longest machine record that is taken, in bytes. One is in memory at a time.
pub const MAX_MACHINE_RECORD_BYTES: u64 = 64 * 1024 * 1024;

/// The longest text that says what a record is, in characters.
const MAX_WHAT_CHARS: usize = 1000;

/// What somebody who runs a machine says of it in one answer, or why that answer was not to be had.
#[derive(Debug)]
pub struct MachineRecord {
    name: RecordName,
    what: String,
    result: Result<Acted<Bytes>>,
}

impl MachineRecord {
    /// The answer under this name, which tells this and came from there; in words for people.
    ///
    /// The words may hold names from outside as they are: what cannot be seen in them is written out here, and what is
    /// longer than 1000 characters is cut. Where there are none, the name stands for them.
    pub fn new(name: RecordName, what: impl AsRef<str>, result: Result<Acted<Bytes>>) -> Self {
        let words = match what.as_ref() {
            "" => name.as_str(),
            words => words,
        };
        let escaped = crate::visible::escape(words);
        Self {
            name,
            what: escaped.chars().take(MAX_WHAT_CHARS).collect(),
            result,
        }
    }

    /// The provider's word for it.
    #[must_use]
    pub const fn name(&self) -> &RecordName {
        &self.name
    }

    /// What it tells and where it came from.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The bytes as they were answered, or why there are none.
    ///
    /// # Errors
    /// The provider's: why this record was not to be had.
    pub const fn result(&self) -> std::result::Result<&Acted<Bytes>, &crate::Error> {
        self.result.as_ref()
    }

    /// Name, words and answer, for whoever stores it.
    pub fn into_parts(self) -> (RecordName, String, Result<Acted<Bytes>>) {
        (self.name, self.what, self.result)
    }
}

/// Reads what those who run a machine say of it, answer by answer: its configuration and what is attached to it, who
/// may do what with it, its console, what was done with it lately.
///
/// # Clauses
/// * `MR-01` nothing that this port does changes the machine, or what is recorded.
/// * `MR-02` a record that cannot be had is yielded with its error ([`crate::Error::PermissionDenied`],
///   [`crate::Error::NotFound`], …), and the others follow: one failure does not hide the others. What cannot even be
///   listed is yielded as a record that failed.
/// * `MR-03` each name is yielded once, and means the same in every call for the same machine.
/// * `MR-04` a name in `settled` is not yielded. It is read only where another record cannot be found without it.
/// * `MR-05` an answer of more than [`MAX_MACHINE_RECORD_BYTES`] is an error of its record, and is never cut.
/// * `MR-06` the bytes are those that were answered: not reformatted, not completed, not translated.
/// * `MR-07` neither bytes, words, errors nor service ids hold something that gives access by itself: a token, a
///   signed address. An answer that would is used and not yielded.
pub trait MachineRecords: Port {
    /// The records of this machine but the settled ones, each read when the stream comes to it.
    ///
    /// # Errors
    /// In the records (MR-02).
    ///
    /// # Cancel safety
    /// Dropping the stream leaves nothing behind.
    fn records(&self, machine: &Machine, settled: BTreeSet<RecordName>) -> BoxStream<'_, MachineRecord>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn words_from_outside_are_made_visible_and_bounded() {
        let hostile = format!("disk \u{202e}gpj\n{}", "x".repeat(5000));
        let missing = Err(Error::NotFound {
            object: "disk".into(),
        });
        let record = MachineRecord::new("disk-1.json".parse().unwrap(), hostile, missing);
        assert!(record.what().starts_with("disk \\u{202e}gpj\\u{a}xxx"));
        assert_eq!(record.what().chars().count(), MAX_WHAT_CHARS);
        assert!(record.result().is_err());
    }
}
