use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use super::hash::AGAIN;
use super::hash_algorithm::SumKind;
use super::hash_source::open;
use super::sum_line::{ListLine, ListReader, SumLine};
use crate::failure::Failure;
use crate::printable;

/// The longest line that is read: a path has at most 4096 bytes, each of which may be written as two.
const MAX_LINE_BYTES: u64 = 16 * 1024;

/// Lines of one file that are checked by one reading of it: as many as there are digests, and some.
const LINES_OF_A_FILE: usize = 16;

/// A list of digests that is being read.
pub(super) struct SumList {
    shown: String,
    lines: Box<dyn BufRead>,
    reader: ListReader,
    is_input: bool,
    at_line: u64,
    sums: u64,
    /// What was read and not yet handed out: a line of another file, or why there is no next line.
    ahead: Option<Result<SumLine, Failure>>,
}

/// A line as it is read.
enum RawLine {
    Line(Vec<u8>),
    /// Longer than any list has. Nothing of it is a line of its own.
    TooLong,
}

impl SumList {
    /// Opens a list; `-` is standard input.
    pub(super) fn open(list: &Path, untagged: SumKind) -> Result<Self, Failure> {
        let is_input = list.as_os_str() == "-";
        let lines: Box<dyn BufRead> = if is_input {
            Box::new(io::stdin().lock())
        } else {
            Box::new(BufReader::new(open(list.as_os_str())?))
        };
        Ok(Self {
            shown: printable::path(list),
            lines,
            reader: ListReader::new(untagged),
            is_input,
            at_line: 0,
            sums: 0,
            ahead: None,
        })
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether it comes from standard input, which then holds nothing else.
    pub(super) const fn is_input(&self) -> bool {
        self.is_input
    }

    /// How many lines with a digest were read.
    pub(super) const fn sums(&self) -> u64 {
        self.sums
    }

    /// The next lines, one after the other, that name one file; none at the end. Numbers of malformed lines are told.
    pub(super) fn next_file(
        &mut self,
        mut malformed: impl FnMut(u64),
    ) -> Result<Option<Vec<SumLine>>, Failure> {
        let Some(first) = self.next_sum(&mut malformed)? else {
            return Ok(None);
        };
        let mut sums = vec![first];
        while sums.len() < LINES_OF_A_FILE {
            match self.next_sum(&mut malformed) {
                Ok(Some(next)) if sums.last().is_some_and(|last| last.name == next.name) => sums.push(next),
                Ok(None) => break,
                Ok(Some(other)) => {
                    self.ahead = Some(Ok(other));
                    break;
                }
                Err(failure) => {
                    self.ahead = Some(Err(failure));
                    break;
                }
            }
        }
        Ok(Some(sums))
    }

    fn next_sum(&mut self, malformed: &mut impl FnMut(u64)) -> Result<Option<SumLine>, Failure> {
        if let Some(ahead) = self.ahead.take() {
            return ahead.map(Some);
        }
        loop {
            let line = next_line(&mut self.lines);
            let line = line.map_err(|error| Failure::system(&self.shown, "read", error).with_next(AGAIN))?;
            let Some(line) = line else {
                return Ok(None);
            };
            self.at_line += 1;
            let line = match line {
                RawLine::Line(line) => self.reader.read(&line),
                RawLine::TooLong => ListLine::Malformed,
            };
            match line {
                ListLine::Sum(sum) => {
                    self.sums += 1;
                    return Ok(Some(sum));
                }
                ListLine::Blank => {}
                ListLine::Malformed => malformed(self.at_line),
            }
        }
    }
}

/// The next line without its line feed; none at the end.
fn next_line(lines: &mut impl BufRead) -> io::Result<Option<RawLine>> {
    let mut line = Vec::new();
    if lines.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_none() && line.len() as u64 == MAX_LINE_BYTES {
        lines.skip_until(b'\n')?;
        return Ok(Some(RawLine::TooLong));
    }
    Ok(Some(RawLine::Line(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: impl Into<Vec<u8>>) -> SumList {
        SumList {
            shown: "list".to_owned(),
            lines: Box::new(io::Cursor::new(text.into())),
            reader: ListReader::new(SumKind::SHA256),
            is_input: false,
            at_line: 0,
            sums: 0,
            ahead: None,
        }
    }

    /// The names, each with the number of its lines, and the numbers of the malformed lines.
    fn read(text: impl Into<Vec<u8>>) -> (Vec<(String, usize)>, Vec<u64>) {
        let (mut list, mut files, mut malformed) = (list(text), Vec::new(), Vec::new());
        while let Some(sums) = list.next_file(|number| malformed.push(number)).unwrap() {
            files.push((sums[0].name.to_string_lossy().into_owned(), sums.len()));
        }
        (files, malformed)
    }

    #[test]
    fn lines_that_follow_one_another_and_name_one_file_come_together() {
        let digest = "0".repeat(64);
        let text = format!(
            "# of two files\n{digest}  a\nSHA256 (a) = {digest}\njunk\n\n{digest}  a\n{digest}  b\n{digest}  a"
        );
        let expected = [("a".to_owned(), 3), ("b".to_owned(), 1), ("a".to_owned(), 1)];
        assert_eq!(read(text), (expected.to_vec(), vec![4]));
        assert_eq!(read(""), (vec![], vec![]));
    }

    #[test]
    fn nothing_of_a_line_that_is_too_long_is_taken_for_a_line() {
        let sum = format!("{}  forged", "0".repeat(64));
        for before in [
            MAX_LINE_BYTES - 1,
            MAX_LINE_BYTES,
            MAX_LINE_BYTES + 1,
            3 * MAX_LINE_BYTES,
        ] {
            let long = "x".repeat(usize::try_from(before).unwrap());
            let text = format!("{long}{sum}\n{sum}2\n");
            let expected = [("forged2".to_owned(), 1)];
            assert_eq!(read(text), (expected.to_vec(), vec![1]), "{before}");
        }
    }

    #[test]
    fn what_was_read_before_a_fault_is_handed_out_before_it() {
        struct Faulty;
        impl io::Read for Faulty {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("torn"))
            }
        }
        let text = format!("{}  a\n", "0".repeat(64));
        let mut list = list("");
        list.lines = Box::new(BufReader::new(io::Read::chain(io::Cursor::new(text), Faulty)));
        assert_eq!(list.next_file(|_| {}).unwrap().unwrap().len(), 1);
        assert!(list.next_file(|_| {}).is_err());
    }
}
