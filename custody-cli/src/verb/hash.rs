use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;

use clap::Args;
use custody_core::digest::Sha256Digest;
use custody_core::{Error, Remedy};
use custody_hash::chunk_list::write_run;
use custody_hash::{ChunkRun, Engine, ImageDigests, ImageLayout, ImageOptions};
use serde_json::{Value, json};

use super::check;
use crate::answer::Answer;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::local_ports::engine;
use crate::printable;
use crate::sum_line::SumLine;

const EXAMPLES: &str = "\
Examples:
  custody hash disk.raw
      what `sha256sum disk.raw` prints
  custody hash --check SHA256SUMS
      what `sha256sum -c SHA256SUMS` does; exit 4 on a mismatch
  custody hash --chunks disk.raw
      what `split -b 4M --filter=sha256sum disk.raw` prints; the Merkle root
      over these digests goes to standard error";

/// What to do about a file that cannot be read. The general advice speaks of captures.
pub(super) const AGAIN: &str = "remove the cause, then run it again";

/// Print SHA-256 digests as `sha256sum` does, or check them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HashArguments {
    /// Files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Read digests from the files and check them
    #[arg(long, short = 'c', conflicts_with = "chunks")]
    check: bool,

    /// Print the SHA-256 of each 4 MiB instead
    #[arg(long)]
    chunks: bool,
}

impl HashArguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer, Failure> {
        let engine = engine()?;
        if self.check {
            return check::run(&self.files, &engine, console);
        }
        let mut documents = Vec::new();
        let mut unreadable = 0;
        for file in &self.files {
            if console.out_is_gone() {
                break;
            }
            match self.print(file.as_os_str(), &engine, console) {
                Ok(document) => documents.push(document),
                Err(failure) => {
                    unreadable += 1;
                    if !console.is_json() {
                        console.err(&failure.to_text());
                    }
                    documents.push(unreadable_document(file.as_os_str(), failure));
                }
            }
        }
        let failure = (unreadable > 0).then(|| {
            let error = format!("{unreadable} of {} files could not be read", self.files.len());
            Failure::new(Exit::Incomplete, error, Remedy::Retry).with_next(AGAIN)
        });
        let streamed = Answer::new("", json!({"files": documents}));
        Ok(streamed.with_failure(failure))
    }

    fn print(&self, name: &OsStr, engine: &Engine, console: &Console) -> Result<Value, Failure> {
        let quiet = console.is_json();
        let digests = digest(name, engine, |run| {
            if self.chunks && !quiet {
                let mut lines = Vec::new();
                write_run(run, &mut lines)?;
                console.out(&lines);
            }
            Ok(())
        })?;
        let sha256 = digests.stored_file.map(Sha256Digest::from_bytes);
        let root = Sha256Digest::from_bytes(digests.root);
        if self.chunks && !quiet {
            let name = printable::name(name);
            console.err(&format!(
                "custody: {name}: {} chunks, Merkle root {root}\n",
                digests.chunks
            ));
        } else if let (Some(sha256), false) = (sha256, quiet) {
            let name = name.to_owned();
            let line = SumLine { sha256, name }.to_bytes();
            console.out(&for_reader(line, console));
        }
        Ok(json!({
            "file": printable::name(name),
            "bytes": digests.stored_file_bytes.to_string(),
            "sha256": sha256,
            "chunks": digests.chunks,
            "root": root,
        }))
    }
}

/// Reads a file, or standard input, to its end and digests it. What is read may be a pipe or a device: its end is where
/// reading ends.
pub(super) fn digest(
    name: &OsStr,
    engine: &Engine,
    deposit: impl FnMut(&ChunkRun) -> io::Result<()>,
) -> Result<ImageDigests, Failure> {
    if name == "-" {
        return digest_reader(name, io::stdin().lock(), engine, deposit);
    }
    digest_reader(name, open(name)?, engine, deposit)
}

/// Opens a file to be read to its end.
pub(super) fn open(name: &OsStr) -> Result<File, Failure> {
    let shown = printable::name(name);
    let file = File::open(name).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::system(&shown, "open", error),
        _ => Failure::system(&shown, "open", error).with_next(AGAIN),
    })?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        let reason = "it is a directory; name the files in it".to_owned();
        return Err(Error::Refused {
            object: shown,
            reason,
        }
        .into());
    }
    Ok(file)
}

fn digest_reader(
    name: &OsStr,
    reader: impl Read,
    engine: &Engine,
    mut deposit: impl FnMut(&ChunkRun) -> io::Result<()>,
) -> Result<ImageDigests, Failure> {
    let layout = ImageLayout::of_unknown_length();
    engine
        .hash_reader(reader, layout, ImageOptions::default(), |run| deposit(&run))
        .map_err(|error| {
            Failure::from(Error::Provider {
                object: printable::name(name),
                operation: "digest",
                source: Some(Box::new(error)),
            })
            .with_next(AGAIN)
        })
}

/// Bytes with names in them: as they are for a program, with nothing that moves a cursor for a terminal.
pub(super) fn for_reader(line: Vec<u8>, console: &Console) -> Vec<u8> {
    if console.out_is_terminal() {
        printable::lines(&String::from_utf8_lossy(&line)).into_bytes()
    } else {
        line
    }
}

fn unreadable_document(name: &OsStr, failure: Failure) -> Value {
    let mut document = serde_json::Map::new();
    document.insert("file".into(), json!(printable::name(name)));
    failure.into_members(&mut document);
    Value::Object(document)
}
