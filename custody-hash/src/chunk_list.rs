//! The chunk list as text: what `split -b 4M --filter=sha256sum` prints.
//!
//! One line per chunk, in order: 64 lower-case hexadecimal digits, two spaces, a minus sign and a newline. Every line
//! has [`ChunkListLine::BYTES`], so line *n* of a list can be found without reading the ones before it.
//!
//! ```
//! use custody_hash::chunk_list::{ChunkListLine, ChunkListReader, write_run};
//! use custody_hash::{ChunkRun, ZERO_CHUNK_DIGEST};
//!
//! let mut list = Vec::new();
//! write_run(&ChunkRun::Zero { chunks: 2 }, &mut list)?;
//! assert_eq!(list.len(), 2 * ChunkListLine::BYTES);
//!
//! let digests: Vec<_> = ChunkListReader::new(list.as_slice()).collect::<Result<_, _>>()?;
//! assert_eq!(digests, [ZERO_CHUNK_DIGEST; 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{
    fmt,
    io::{self, Read, Write},
};

use crate::{ChunkRun, Error, Result};

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
const LINE_END: &[u8; 4] = b"  -\n";

/// One line of a chunk list, without its newline when displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkListLine {
    digest: [u8; 32],
}

impl ChunkListLine {
    /// The length of a line, its newline included.
    pub const BYTES: usize = 68;

    /// The line for a chunk.
    #[must_use]
    pub const fn new(digest: [u8; 32]) -> Self {
        Self { digest }
    }

    /// The digest of the chunk.
    #[must_use]
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The line as it stands in the file, newline included.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut line = [0; Self::BYTES];
        let (digits, end) = line.split_at_mut(2 * self.digest.len());
        for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(self.digest) {
            *pair = [hex_digit(byte >> 4), hex_digit(byte & 0xf)];
        }
        end.copy_from_slice(LINE_END);
        line
    }

    /// Reads a line. There is one way to write a digest; upper-case digits, for one, are a fault.
    fn parse(line: &[u8; Self::BYTES]) -> Result<Self, &'static str> {
        let (digits, end) = line.split_at(Self::BYTES - LINE_END.len());
        if end != LINE_END {
            return Err("does not end with two spaces, a minus sign and a newline after 64 digits");
        }
        let mut digest = [0; 32];
        for (byte, [high, low]) in digest.iter_mut().zip(digits.as_chunks().0) {
            match (hex_value(*high), hex_value(*low)) {
                (Some(high), Some(low)) => *byte = high << 4 | low,
                _ => return Err("has something else than lower-case hexadecimal digits"),
            }
        }
        Ok(Self { digest })
    }
}

impl fmt::Display for ChunkListLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("  -")
    }
}

/// Writes the lines of a run.
///
/// # Errors
/// What the writer says; some of the lines may have been written.
pub fn write_run(run: &ChunkRun, to: &mut impl Write) -> io::Result<()> {
    run.digests()
        .try_for_each(|digest| to.write_all(&ChunkListLine::new(digest).to_bytes()))
}

/// The digests of a chunk list, one after the other, in constant memory.
///
/// Reads a line at a time: hand it something buffered. It ends after the first error.
#[derive(Debug)]
pub struct ChunkListReader<R> {
    from: Option<R>,
    line: u64,
}

impl<R: Read> ChunkListReader<R> {
    /// Reads a list from its start.
    #[must_use]
    pub const fn new(from: R) -> Self {
        Self {
            from: Some(from),
            line: 0,
        }
    }

    fn read_line(from: &mut R, line: u64) -> Result<Option<[u8; 32]>> {
        let mut bytes = [0; ChunkListLine::BYTES];
        let mut filled = 0;
        while filled < bytes.len() {
            match from.read(bytes.split_at_mut(filled).1) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => {
                    return Err(Error::ChunkListSyntax {
                        line,
                        fault: "is cut short",
                    });
                }
                Ok(more) => filled += more,
                Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::ChunkListRead { line, source }),
            }
        }
        match ChunkListLine::parse(&bytes) {
            Ok(parsed) => Ok(Some(parsed.digest)),
            Err(fault) => Err(Error::ChunkListSyntax { line, fault }),
        }
    }
}

impl<R: Read> Iterator for ChunkListReader<R> {
    type Item = Result<[u8; 32]>;

    fn next(&mut self) -> Option<Self::Item> {
        self.line += 1;
        let read = Self::read_line(self.from.as_mut()?, self.line).transpose();
        if !matches!(read, Some(Ok(_))) {
            self.from = None;
        }
        read
    }
}

fn hex_digit(value: u8) -> u8 {
    HEX_DIGITS.get(usize::from(value)).copied().unwrap_or(b'?')
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  -";

    fn read(list: &str) -> Vec<Result<[u8; 32]>> {
        ChunkListReader::new(list.as_bytes()).collect()
    }

    #[test]
    fn a_line_is_what_sha256sum_prints_for_its_standard_input() {
        let line = ChunkListLine::new(<crate::sha256::Sha256>::digest(b""));
        assert_eq!(line.to_string(), EMPTY);
        assert_eq!(line.to_bytes(), format!("{EMPTY}\n").as_bytes());
    }

    #[test]
    fn runs_come_back_as_they_were_written() {
        let mut list = Vec::new();
        write_run(&ChunkRun::Data(vec![[1; 32], [0xfe; 32]]), &mut list).unwrap();
        write_run(&ChunkRun::Zero { chunks: 3 }, &mut list).unwrap();
        let digests: Vec<_> = ChunkListReader::new(list.as_slice())
            .map(Result::unwrap)
            .collect();
        assert_eq!(digests[..2], [[1; 32], [0xfe; 32]]);
        assert_eq!(digests[2..], [crate::ZERO_CHUNK_DIGEST; 3]);
    }

    #[test]
    fn every_flaw_is_refused_by_line_and_ends_the_list() {
        let good = format!("{EMPTY}\n");
        let flawed = [
            good.to_uppercase(),
            good.replace("  -", " *-"),
            good.replace("  -\n", "  -\r"),
            good.replacen('e', "g", 1),
            EMPTY.to_owned(),
            "\n".to_owned(),
        ];
        for flaw in flawed {
            let lines = read(&format!("{good}{flaw}"));
            assert!(
                matches!(lines[..], [Ok(_), Err(Error::ChunkListSyntax { line: 2, .. })]),
                "{flaw:?}"
            );
        }
        assert!(read("").is_empty());
    }
}
