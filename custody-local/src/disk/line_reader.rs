use std::collections::VecDeque;

use bytes::Bytes;
use custody_core::Result;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use super::LineFile;
use super::line_file::MAX_LINE_BYTES;

const BLOCK_BYTES: u64 = 256 * 1024;

/// The lines in the first `end` bytes, from number `from` (counted from 0), without their line feeds.
pub(crate) fn lines(file: LineFile, end: u64, from: u64) -> BoxStream<'static, Result<Bytes>> {
    let reader = LineReader {
        file,
        at: 0,
        end,
        skip: from,
        begun: Vec::new(),
        ready: VecDeque::new(),
    };
    stream::unfold(Some(reader), |reader| async move {
        let mut reader = reader?;
        loop {
            if let Some(line) = reader.ready.pop_front() {
                return Some((Ok(line), Some(reader)));
            }
            if reader.at >= reader.end {
                return None;
            }
            let (read, outcome) = blocking::unblock(move || {
                let outcome = reader.read_block();
                (reader, outcome)
            })
            .await;
            if let Err(error) = outcome {
                return Some((Err(error), None));
            }
            reader = read;
        }
    })
    .boxed()
}

#[derive(Debug)]
struct LineReader {
    file: LineFile,
    at: u64,
    end: u64,
    skip: u64,
    /// The first part of a line whose end was not read yet.
    begun: Vec<u8>,
    ready: VecDeque<Bytes>,
}

impl LineReader {
    fn read_block(&mut self) -> Result<()> {
        let block = self.file.read(self.at, BLOCK_BYTES.min(self.end - self.at))?;
        self.at += block.len() as u64;
        let block = Bytes::from(block);
        let mut start = 0;
        for (i, _) in block.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            let mut line = block.slice(start..i);
            start = i + 1;
            if !self.begun.is_empty() {
                self.begun.extend_from_slice(&line);
                line = std::mem::take(&mut self.begun).into();
            }
            if self.skip > 0 {
                self.skip -= 1;
            } else {
                self.ready.push_back(line);
            }
        }
        self.begun.extend_from_slice(&block.slice(start..));
        if self.begun.len() as u64 > MAX_LINE_BYTES {
            return Err(self.file.line_too_long(self.at - self.begun.len() as u64));
        }
        Ok(())
    }
}
