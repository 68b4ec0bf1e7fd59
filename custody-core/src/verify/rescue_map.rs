use super::finding::Finding;
use crate::custody_log::UnreadSummary;
use crate::extent::ByteRange;
use crate::ids::ObjectName;

/// Compares a ddrescue map with the summary of unread sectors in the record.
///
/// Source: GNU ddrescue manual 1.28, "Mapfile structure", read 2026-11-21: comment lines; one line with the current
/// position, status and pass; then `<position> <size> <status>` for consecutive blocks. `+` was read; nothing else was.
pub(super) fn check(
    object: &ObjectName,
    text: &[u8],
    item_bytes: u64,
    recorded: &UnreadSummary,
) -> Option<Finding> {
    let unread = match unread_ranges(text, item_bytes) {
        Ok(unread) => unread,
        Err((line, found)) => {
            return Some(Finding::integrity(
                object,
                format!("line {line}"),
                "<position> <size> <status> of the block behind the one before, up to the end of the item",
                found,
            ));
        }
    };
    let bytes: u64 = unread.iter().map(|range| range.length()).sum();
    if bytes != recorded.bytes.bytes() {
        return Some(Finding::integrity(
            object,
            "sum of all blocks that were not read",
            format!("{} bytes, as the record says", recorded.bytes),
            format!("{bytes} bytes"),
        ));
    }
    // The record names the first ranges only: what lies behind the last of them is not compared.
    let named = joined(recorded.ranges.iter().map(|unread| unread.range));
    let end = named.last().map_or(0, |range| range.end());
    let mapped = joined(
        unread
            .iter()
            .filter_map(|range| range.intersect(ByteRange::at(0, end))),
    );
    let differing = named.iter().zip(&mapped).find(|(named, mapped)| named != mapped);
    match differing {
        Some((named, mapped)) => Some((named.to_string(), mapped.to_string())),
        None if named.len() != mapped.len() => {
            Some((format!("{} runs", named.len()), format!("{} runs", mapped.len())))
        }
        None => None,
    }
    .map(|(expected, found)| {
        let expected = format!("{expected}, as the record says");
        Finding::integrity(object, "blocks that were not read", expected, found)
    })
}

/// Neighbours joined.
fn joined(ranges: impl Iterator<Item = ByteRange>) -> Vec<ByteRange> {
    let mut joined: Vec<ByteRange> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.end() == range.start() => {
                *last = ByteRange::at(last.start(), last.length() + range.length());
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// The blocks that were not read; or the line that is none, and what it is.
fn unread_ranges(text: &[u8], item_bytes: u64) -> Result<Vec<ByteRange>, (usize, String)> {
    let shown = |line: &[u8]| crate::visible::escape_bytes(line);
    let mut unread = Vec::new();
    let mut next = 0;
    let mut status_seen = false;
    let mut number = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        number += 1;
        let Some(line) = line.strip_suffix(b"\n") else {
            return Err((number, format!("{} (without a line feed)", shown(line))));
        };
        if line.starts_with(b"#") {
            continue;
        }
        if !std::mem::replace(&mut status_seen, true) {
            continue;
        }
        let block = std::str::from_utf8(line).ok().and_then(block);
        match block {
            Some((at, size, status)) if at == next && size > 0 && size <= item_bytes - next => {
                next += size;
                if status != '+' {
                    unread.push(ByteRange::at(at, size));
                }
            }
            _ => return Err((number, shown(line))),
        }
    }
    if next == item_bytes {
        Ok(unread)
    } else {
        Err((
            number + 1,
            format!("the end of the map, at byte {next} of {item_bytes}"),
        ))
    }
}

fn block(line: &str) -> Option<(u64, u64, char)> {
    let mut fields = line.split_ascii_whitespace();
    let (at, size, status) = (fields.next()?, fields.next()?, fields.next()?);
    let number = |text: &str| match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let mut status = status.chars();
    let known = status.next().filter(|status| "?*/-+".contains(*status))?;
    let end = status.next().is_none() && fields.next().is_none();
    end.then_some((number(at)?, number(size)?, known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody_log::UnreadRange;
    use crate::ids::Segment;

    const MAP: &str =
        "# Mapfile\n0x00000000     +               1\n0x0 0x200 +\n0x200 0x600 -\n0x800 0x800 +\n";

    fn recorded(starts: &[(u64, u64)]) -> UnreadSummary {
        let mut summary = UnreadSummary::default();
        summary.ranges = starts
            .iter()
            .map(|(start, length)| UnreadRange::new(ByteRange::at(*start, *length), 512, "EIO", 3))
            .collect();
        summary.sectors = summary.ranges.iter().map(|range| range.sectors).sum();
        summary.bytes = starts.iter().map(|(_, length)| length).sum::<u64>().into();
        summary
    }

    fn check_text(text: &str, recorded: &UnreadSummary) -> Option<Finding> {
        let object = ObjectName::root(&Segment::escape(b"x.ddrescue.map"));
        check(&object, text.as_bytes(), 4096, recorded)
    }

    #[test]
    fn a_map_that_agrees_passes_however_the_record_cuts_its_runs() {
        assert_eq!(check_text(MAP, &recorded(&[(0x200, 0x600)])), None);
        assert_eq!(
            check_text(MAP, &recorded(&[(0x200, 0x200), (0x400, 0x400)])),
            None
        );
    }

    #[test]
    fn a_map_that_disagrees_is_named() {
        for other in [
            recorded(&[]),
            recorded(&[(0, 0x600)]),
            recorded(&[(0x200, 0x200), (0x800, 0x400)]),
        ] {
            assert!(check_text(MAP, &other).is_some(), "{other:?}");
        }
    }

    #[test]
    fn a_map_with_a_gap_or_a_torn_line_is_refused_with_its_line() {
        for (text, line) in [
            (MAP.replace("0x800 0x800 +\n", ""), "line 5"),
            (MAP.replace("0x200 0x600", "0x400 0x400"), "line 4"),
            (MAP.trim_end().to_owned(), "line 5"),
            (MAP.replace('-', "x"), "line 4"),
            (String::new(), "line 1"),
        ] {
            let finding = check_text(&text, &recorded(&[(0x200, 0x600)])).unwrap();
            assert_eq!(finding.place, line, "{text}");
        }
    }
}
