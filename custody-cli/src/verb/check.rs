//! `custody hash --check`.

use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use custody_core::digest::Sha256Digest;
use custody_core::{Error, Remedy};
use custody_hash::Engine;
use serde_json::{Value, json};

use super::hash::{AGAIN, digest, for_reader};
use super::hash_reads::Holes;
use super::hash_source::{Digested, open};
use crate::answer::Answer;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printable;
use crate::sum_line::{SumLine, escape};

/// The longest line that is read: a path has at most 4096 bytes, each of which may be written as two.
const MAX_LINE_BYTES: u64 = 16 * 1024;

/// What checking came to so far.
#[derive(Debug, Default)]
struct Tally {
    documents: Vec<Value>,
    checked: u64,
    mismatched: u64,
    unreadable: u64,
    malformed: u64,
}

/// Checks every file that these lists name.
pub(super) fn run(
    lists: &[PathBuf],
    holes: Holes,
    engine: &Engine,
    console: &Console,
) -> Result<Answer, Failure> {
    let mut tally = Tally::default();
    let mut bad_list = None;
    for list in lists {
        // What the other lists tell counts all the same, and a mismatch more than a list that cannot be read.
        if let Err(failure) = tally.check_list(list, holes, engine, console) {
            if !console.is_json() && lists.len() > 1 {
                console.err(&failure.to_text());
            }
            bad_list.get_or_insert(failure);
        }
    }
    let failure = tally.failure();
    let text = String::new();
    let document = json!({
        "files": tally.documents,
        "matched": tally.checked - tally.mismatched,
        "mismatched": tally.mismatched,
        "unreadable": tally.unreadable,
        "malformed_lines": tally.malformed,
    });
    Ok(Answer::new(text, document)
        .with_failure(failure)
        .or_failure(bad_list))
}

/// The next line without its line feed; a longer one than any list has comes in pieces, none of which is a line of one.
fn next_line(lines: &mut dyn BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if lines.take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(Some(line))
}

impl Tally {
    fn check_list(
        &mut self,
        list: &Path,
        holes: Holes,
        engine: &Engine,
        console: &Console,
    ) -> Result<(), Failure> {
        let shown = printable::path(list);
        let before = (self.checked, self.unreadable);
        let is_input = list.as_os_str() == "-";
        let mut lines: Box<dyn BufRead> = if is_input {
            Box::new(io::stdin().lock())
        } else {
            Box::new(BufReader::new(open(list.as_os_str())?))
        };
        while let Some(line) =
            next_line(&mut lines).map_err(|error| Failure::system(&shown, "read", error).with_next(AGAIN))?
        {
            match SumLine::parse(&line) {
                Some(sum) if is_input && sum.name == "-" => {
                    let itself = Error::malformed("-", "standard input holds the list itself");
                    self.take(&sum, &Err(itself.into()), console);
                }
                Some(sum) => self.take(&sum, &digest(&sum.name, holes, engine, console), console),
                None => self.malformed += 1,
            }
        }
        if before == (self.checked, self.unreadable) {
            return Err(Error::malformed(shown, "has no line of the form <SHA-256>  <file>").into());
        }
        Ok(())
    }

    fn take(&mut self, sum: &SumLine, found: &Result<Digested, Failure>, console: &Console) {
        let (word, mut document) = match found {
            Ok(digested) => {
                self.checked += 1;
                let found = digested.digests.stored_file.map(Sha256Digest::from_bytes);
                if found == Some(sum.sha256) {
                    ("OK", json!({"outcome": "matched"}))
                } else {
                    self.mismatched += 1;
                    (
                        "FAILED",
                        json!({"outcome": "mismatched", "expected": sum.sha256, "found": found}),
                    )
                }
            }
            Err(_) => {
                self.unreadable += 1;
                ("FAILED open or read", json!({"outcome": "unreadable"}))
            }
        };
        if let Value::Object(members) = &mut document {
            members.insert("file".into(), json!(printable::name(&sum.name)));
        }
        if !console.is_json() {
            if let Err(failure) = found {
                console.err(&failure.to_text());
            }
            // As sha256sum does: names are written out here only where a line feed would break the line.
            let raw = std::os::unix::ffi::OsStrExt::as_bytes(sum.name.as_os_str());
            let mut line = if raw.contains(&b'\n') {
                [b"\\", escape(&sum.name).1.as_slice()].concat()
            } else {
                raw.to_vec()
            };
            line.extend_from_slice(format!(": {word}\n").as_bytes());
            console.out(&for_reader(line, console));
        }
        self.documents.push(document);
    }

    fn failure(&self) -> Option<Failure> {
        let mut faults = Vec::new();
        let mut count = |number: u64, what: &str| {
            if number > 0 {
                faults.push(format!("{number} {what}"));
            }
        };
        count(self.mismatched, "with another digest than listed");
        count(self.unreadable, "that could not be read");
        count(self.malformed, "malformed lines");
        let (exit, remedy) = match (self.mismatched, self.unreadable + self.malformed) {
            (0, 0) => return None,
            (0, _) => (Exit::Incomplete, Remedy::FixRequest),
            _ => (Exit::Integrity, Remedy::Escalate),
        };
        Some(Failure::new(
            exit,
            format!("not every listed file matched: {}", faults.join(", ")),
            remedy,
        ))
    }
}
