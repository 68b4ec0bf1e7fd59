//! What of a source was not read: zeros on someone's word, and sectors that failed.

use std::fmt;

use crate::custody_log::{UnreadRange, UnreadSummary, ZeroSummary};
use crate::error::{Error, Result};
use crate::extent::{ByteRange, Extent, ReadFault, ZeroWord};

/// How many unread ranges stand in the log and the manifest; the map file has them all.
const MAX_LISTED_RANGES: usize = 1000;

/// Collects the ranges of one pass, neighbours joined.
#[derive(Debug)]
pub(super) struct ExtentLists {
    sector_bytes: u32,
    zeros: Vec<(ByteRange, ZeroWord)>,
    unread: Vec<UnreadRange>,
}

impl ExtentLists {
    /// How many zero ranges are taken on someone's word: the longest; others are read. Bounds memory.
    pub(super) const MAX_ZERO_RANGES: usize = 1 << 16;

    /// How many unread ranges are told apart. Bounds memory: a medium with more is not to be worn down here.
    const MAX_UNREAD_RANGES: usize = 1 << 18;

    pub(super) const fn new(sector_bytes: u32) -> Self {
        Self {
            sector_bytes,
            zeros: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// Notes an extent; they come in order.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when more ranges failed than can be told apart.
    pub(super) fn note(&mut self, object: &dyn fmt::Display, extent: &Extent) -> Result<()> {
        match extent {
            Extent::Data { .. } => {}
            Extent::Zero { range, word } => match self.zeros.last_mut() {
                Some((last, same)) if last.end() == range.start() && same == word => {
                    *last = ByteRange::at(last.start(), last.length() + range.length());
                }
                _ => self.zeros.push((*range, *word)),
            },
            Extent::Unread { range, fault } => return self.note_unread(object, *range, fault),
        }
        Ok(())
    }

    fn note_unread(&mut self, object: &dyn fmt::Display, range: ByteRange, fault: &ReadFault) -> Result<()> {
        let full = self.unread.len() == Self::MAX_UNREAD_RANGES;
        let joined = self.unread.last_mut().filter(|last| {
            last.range.end() == range.start() && last.error == fault.error && last.tries == fault.tries
        });
        let whole = joined.as_ref().map_or(range, |last| {
            ByteRange::at(last.range.start(), last.range.length() + range.length())
        });
        let next = UnreadRange::new(whole, self.sector_bytes, fault.error.clone(), fault.tries);
        match joined {
            Some(last) => *last = next,
            None if full => {
                let reason = format!(
                    "after {} other ranges that failed: stop wearing this medium down, image it with a tool made for that",
                    Self::MAX_UNREAD_RANGES
                );
                return Err(Error::Unreadable {
                    object: object.to_string(),
                    range,
                    source: Some(reason.into()),
                });
            }
            None => self.unread.push(next),
        }
        Ok(())
    }

    pub(super) fn zero_summary(&self) -> ZeroSummary {
        ZeroSummary {
            ranges: self.zeros.len() as u64,
            bytes: self
                .zeros
                .iter()
                .map(|(range, _)| range.length())
                .sum::<u64>()
                .into(),
            list: None,
        }
    }

    /// `<start> <length> <word>` a line.
    pub(super) fn zero_list(&self) -> String {
        let mut text = String::new();
        for (range, word) in &self.zeros {
            let word = match word {
                ZeroWord::FileSystemHole => "file-system-hole",
                ZeroWord::ServicePageList => "service-page-list",
                ZeroWord::ImageFormat => "image-format",
            };
            text.push_str(&format!("{} {} {word}\n", range.start(), range.length()));
        }
        text
    }

    pub(super) fn unread_summary(&self) -> UnreadSummary {
        UnreadSummary {
            sectors: self.unread.iter().map(|range| range.sectors).sum(),
            bytes: self
                .unread
                .iter()
                .map(|range| range.range.length())
                .sum::<u64>()
                .into(),
            ranges: self.unread.iter().take(MAX_LISTED_RANGES).cloned().collect(),
            map: None,
        }
    }

    /// A map file as ddrescue writes it: `+` read (or zero on someone's word, see the zero list), `-` bad sector.
    /// Source: GNU ddrescue manual, chapter "Mapfile structure", read 2026-11-21.
    pub(super) fn ddrescue_map(&self, length: u64) -> String {
        let mut text =
            String::from("# Mapfile. Created by custody\n# current_pos  current_status  current_pass\n");
        text.push_str(&format!("0x{length:08X}     +               1\n"));
        text.push_str("#      pos        size  status\n");
        let mut next = 0;
        let mut line = |start: u64, end: u64, status: char| {
            if end > start {
                text.push_str(&format!("0x{start:08X}  0x{:08X}  {status}\n", end - start));
            }
        };
        let mut unread = self.unread.iter().peekable();
        while let Some(first) = unread.next() {
            let mut end = first.range.end();
            // Neighbours that failed in different ways are one run of bad sectors to ddrescue.
            while let Some(more) = unread.next_if(|more| more.range.start() == end) {
                end = more.range.end();
            }
            line(next, first.range.start(), '+');
            line(first.range.start(), end, '-');
            next = end;
        }
        line(next, length, '+');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_joined_and_the_map_covers_everything() {
        let mut lists = ExtentLists::new(512);
        let unread = |start, fault: &str| Extent::Unread {
            range: ByteRange::at(start, 512),
            fault: ReadFault::new(fault, 3),
        };
        for extent in [
            unread(512, "EIO"),
            unread(1024, "EIO"),
            unread(1536, "ENODATA"),
            unread(4096, "EIO"),
        ] {
            lists.note(&"disk", &extent).unwrap();
        }
        let summary = lists.unread_summary();
        assert_eq!(
            (summary.sectors, summary.bytes.bytes(), summary.ranges.len()),
            (4, 2048, 3)
        );
        assert_eq!(summary.ranges[0].first_sector, 1);
        let map = lists.ddrescue_map(8192);
        let body: Vec<&str> = map.lines().skip(4).collect();
        assert_eq!(
            body,
            [
                "0x00000000  0x00000200  +",
                "0x00000200  0x00000600  -",
                "0x00000800  0x00000800  +",
                "0x00001000  0x00000200  -",
                "0x00001200  0x00000E00  +",
            ]
        );
    }

    #[test]
    fn zero_ranges_of_one_word_are_joined() {
        let mut lists = ExtentLists::new(512);
        for start in [0, 512, 4096] {
            let extent = Extent::Zero {
                range: ByteRange::at(start, 512),
                word: ZeroWord::FileSystemHole,
            };
            lists.note(&"disk", &extent).unwrap();
        }
        assert_eq!(
            lists.zero_list(),
            "0 1024 file-system-hole\n4096 512 file-system-hole\n"
        );
        assert_eq!(lists.zero_summary().bytes.bytes(), 1536);
    }

    #[test]
    fn a_medium_with_too_many_bad_ranges_is_refused_before_memory_is() {
        let mut lists = ExtentLists::new(512);
        let unread = |number: usize| Extent::Unread {
            range: ByteRange::at(1024 * number as u64, 512),
            fault: ReadFault::new("EIO", 3),
        };
        for number in 0..ExtentLists::MAX_UNREAD_RANGES {
            lists.note(&"disk", &unread(number)).unwrap();
        }
        let error = lists.note(&"disk", &unread(1 << 20)).unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }), "{error}");
        assert_eq!(lists.unread_summary().ranges.len(), MAX_LISTED_RANGES);
    }
}
