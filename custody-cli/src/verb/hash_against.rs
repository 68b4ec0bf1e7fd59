//! `custody hash --against`: an image beside a chunk list.

use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use custody_core::Remedy;
use custody_hash::chunk_list::ChunkListReader;
use custody_hash::{ChunkComparison, Engine};
use serde_json::{Value, json};

use super::hash::{AGAIN, for_reader};
use super::hash_progress::Bars;
use super::hash_reads::Holes;
use super::hash_source::{Source, Wanted, open};
use super::sum_line::verdict_line;
use crate::answer::Answer;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printable;

/// Compares one image with a list, and names the ranges that differ.
pub(super) fn run(
    list: &Path,
    files: &[PathBuf],
    holes: Holes,
    engine: &Engine,
    console: &Console,
) -> Result<Answer, Failure> {
    let [file] = files else {
        let error = "a chunk list is that of one file: name one".to_owned();
        return Err(Failure::new(Exit::Usage, error, Remedy::FixRequest));
    };
    let name = file.as_os_str();
    let source = Source::open(name)?;
    let Some(length_bytes) = source.length_bytes() else {
        let error = format!("{} has no length that is known beforehand", printable::name(name));
        let next = "store it in a file first";
        return Err(Failure::new(Exit::Usage, error, Remedy::FixRequest).with_next(next));
    };
    let lines = ChunkListReader::new(BufReader::new(open(list.as_os_str())?));
    let mut comparison = ChunkComparison::new(length_bytes, lines);
    let bars = Bars::new(console);
    let (mut fault, mut watch) = (None, bars.watch(name, Some(length_bytes)));
    let passed = source.digest(name, Wanted::Tree, holes, engine, |run| {
        watch.add(run);
        comparison.push(run).map_err(|error| {
            fault = Some(error);
            io::Error::other("the list does not fit")
        })
    });
    drop(watch);
    if let Some(fault) = fault {
        return Err(of_list(list, fault));
    }
    let hole_bytes = passed?.hole_bytes;
    let outcome = comparison.finish().map_err(|fault| of_list(list, fault))?;

    let damaged_bytes: u64 = outcome.damaged.iter().map(|range| range.end - range.start).sum();
    if !console.is_json() {
        let mut lines = Vec::new();
        for range in &outcome.damaged {
            let word = format!("FAILED bytes {} to {}", range.start, range.end);
            lines.extend(verdict_line(name, &word));
        }
        if outcome.damaged.is_empty() {
            lines = verdict_line(name, "OK");
        }
        console.out(&for_reader(lines, console));
    }
    let ranges = outcome.damaged.iter();
    let ranges: Vec<Value> = ranges
        .map(|range| json!({"start": range.start.to_string(), "end": range.end.to_string()}))
        .collect();
    let mut document = json!({
        "file": printable::name(name),
        "bytes": length_bytes.to_string(),
        "chunks": outcome.chunks,
        "damaged": ranges,
    });
    if let Value::Object(members) = &mut document {
        members.extend((hole_bytes > 0).then(|| ("hole_bytes".to_owned(), json!(hole_bytes.to_string()))));
    }
    let failure = (damaged_bytes > 0).then(|| {
        let error = format!(
            "{} differs from its chunk list in {} ranges, {damaged_bytes} bytes of chunks in all",
            printable::name(name),
            outcome.damaged.len()
        );
        Failure::new(Exit::Integrity, error, Remedy::Escalate)
    });
    Ok(Answer::new("", document).with_failure(failure))
}

fn of_list(list: &Path, fault: custody_hash::Error) -> Failure {
    Failure::from(custody_core::Error::Provider {
        object: printable::path(list),
        operation: "compare with a chunk list",
        source: Some(Box::new(fault)),
    })
    .with_next(AGAIN)
}
