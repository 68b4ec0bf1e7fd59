use std::ffi::OsStr;
use std::path::PathBuf;
use std::slice;

use clap::Args;
use custody_core::Remedy;
use custody_core::digest::Sha256Digest;
use custody_hash::chunk_list::write_run;
use custody_hash::{Engine, ImageOptions};
use serde_json::{Map, Value, json};

use super::check::Check;
use super::check_arguments::CheckArguments;
use super::hash_against;
use super::hash_algorithm::{HashAlgorithm, SumKind};
use super::hash_progress::Bars;
use super::hash_reads::Holes;
use super::hash_source::{Digested, Source, Wanted};
use super::in_turn::{Desk, Panicked, in_turn};
use super::sum_line::{LineEnd, LineForm, SumLine};
use crate::answer::Answer;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::local_ports::engine;
use crate::printable;

const EXAMPLES: &str = "\
Examples:
  custody hash disk.raw
      what `sha256sum disk.raw` prints
  custody hash --check SHA256SUMS
      what `sha256sum -c SHA256SUMS` does, several files at once; exit 4 on a
      mismatch; lines of `--tag`, `--tree` and `--algorithm` are checked too
  custody hash --check --algorithm md5 MD5SUMS
      what `md5sum -c MD5SUMS` does
  custody hash --chunks disk.raw
      what `split -b 4M --filter=sha256sum disk.raw` prints; the Merkle root
      over these digests goes to standard error
  custody hash --against disk.raw.chunks.sha256 disk.raw
      which byte ranges differ from such a list; exit 4 if any does
  custody hash --algorithm md5,sha1 disk.raw
      these beside SHA-256 in one pass, as BSD's tools print them";

/// What to do about a file that cannot be read. The general advice speaks of captures.
pub(super) const AGAIN: &str = "remove the cause, then run it again";

/// Bytes that wait to be hashed of all files that are read at once, as far as each has [`LEAST_IN_FLIGHT_BYTES`].
const IN_FLIGHT_BYTES: u64 = 32 << 20;

/// A buffer that is hashed and one that waits.
const LEAST_IN_FLIGHT_BYTES: u64 = 2 << 20;

/// Files that are read at once for each thread that hashes: two streams share one at little cost.
const FILES_PER_THREAD: usize = 2;

/// Print SHA-256 digests as `sha256sum` does, or check them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HashArguments {
    /// Files or block devices; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Read digests from the files and check them
    #[arg(long, short = 'c', conflicts_with_all = ["chunks", "tree", "tag", "zero"])]
    check: bool,

    /// Print the SHA-256 of each 4 MiB instead
    #[arg(long)]
    chunks: bool,

    /// Print the Merkle root over the SHA-256 of each 4 MiB instead, made on all cores
    #[arg(long, conflicts_with_all = ["chunks", "tag", "algorithm"])]
    tree: bool,

    /// Name the byte ranges that differ from this list of what `--chunks` prints
    #[arg(long, value_name = "LIST", conflicts_with_all = ["check", "chunks", "tree", "tag", "zero", "algorithm"])]
    against: Option<PathBuf>,

    /// Read the holes of sparse files too, instead of taking the file system's word that they are zeros
    #[arg(long)]
    read_holes: bool,

    /// Print as BSD's tools and `sha256sum --tag` do
    #[arg(long, conflicts_with = "chunks")]
    tag: bool,

    /// End lines with NUL, and print names as they are
    #[arg(long, short = 'z', conflicts_with = "chunks")]
    zero: bool,

    /// Make these digests in the same pass; implies `--tag`. With `--check`: what lines are of that do not say so
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "chunks")]
    algorithm: Vec<HashAlgorithm>,

    #[command(flatten)]
    checking: CheckArguments,
}

/// What came of a file, and what to print of it.
struct Hashed {
    lines: Vec<u8>,
    talk: String,
    /// For a program that reads.
    document: Option<Value>,
}

/// Who deals out files, and prints what comes of them in their order.
struct Printer<'a> {
    files: slice::Iter<'a, PathBuf>,
    console: &'a Console,
    bars: &'a Bars,
    documents: Vec<Value>,
    unreadable: usize,
}

impl HashArguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer, Failure> {
        let engine = engine()?;
        if self.check {
            let check = Check {
                arguments: self.checking,
                untagged: self.untagged()?,
                holes: self.holes(),
                engine: &engine,
                console,
            };
            return Ok(check.run(&self.files));
        }
        if let Some(list) = &self.against {
            return hash_against::run(list, &self.files, self.holes(), &engine, console);
        }
        let bars = Bars::new(console);
        let mut printer = Printer {
            files: self.files.iter(),
            console,
            bars: &bars,
            documents: Vec::new(),
            unreadable: 0,
        };
        let at_once = self.files_at_once(&engine);
        in_turn(at_once, &mut printer, |file: &&PathBuf| {
            self.hash(file.as_os_str(), &engine, at_once, console, &bars)
        });
        let Printer {
            documents,
            unreadable,
            ..
        } = printer;
        let failure = (unreadable > 0).then(|| {
            let error = format!("{unreadable} of {} files could not be read", self.files.len());
            Failure::new(Exit::Incomplete, error, Remedy::Retry).with_next(AGAIN)
        });
        let streamed = Answer::new("", json!({"files": documents}));
        Ok(streamed.with_failure(failure))
    }

    fn hash(
        &self,
        name: &OsStr,
        engine: &Engine,
        at_once: usize,
        console: &Console,
        bars: &Bars,
    ) -> Result<Hashed, Failure> {
        let source = Source::open(name)?;
        let mut watch = bars.watch(name, source.length_bytes());
        let quiet = console.is_json();
        let wanted = self.wanted(quiet, at_once);
        let digested = source.digest(name, wanted, self.holes(), engine, |run| {
            watch.add(run);
            if self.chunks && !quiet {
                let mut lines = Vec::new();
                write_run(run, &mut lines)?;
                bars.aside(|| console.out(&lines));
            }
            Ok(())
        })?;
        Ok(self.hashed(name, &digested, quiet))
    }

    /// A tree takes all cores for one file, chunks are printed as they come, and who names standard input twice wants
    /// all of it the first time.
    fn files_at_once(&self, engine: &Engine) -> usize {
        let inputs = self.files.iter().filter(|file| file.as_os_str() == "-").count();
        if self.tree || self.chunks || inputs > 1 {
            1
        } else {
            self.files.len().min(files_at_once(engine))
        }
    }

    fn untagged(&self) -> Result<HashAlgorithm, Failure> {
        match self.algorithm.as_slice() {
            [] => Ok(HashAlgorithm::Sha256),
            [only] => Ok(*only),
            _ => Err(Failure::usage(
                "a line that does not say what it is of is of one algorithm: name one",
            )),
        }
    }

    const fn holes(&self) -> Holes {
        if self.read_holes {
            Holes::Read
        } else {
            Holes::Trust
        }
    }

    fn wanted(&self, quiet: bool, at_once: usize) -> Wanted {
        // One document holds the digest of the whole beside the root, unless only the tree was asked for.
        if self.tree || self.chunks && !quiet {
            return Wanted::Tree;
        }
        Wanted::Whole(options_of(at_once, self.algorithm.iter().copied()))
    }

    fn hashed(&self, name: &OsStr, digested: &Digested, in_json: bool) -> Hashed {
        let digests = &digested.digests;
        let root = Sha256Digest::from_bytes(digests.root);
        let mut hashed = Hashed {
            lines: Vec::new(),
            talk: String::new(),
            document: in_json.then(|| document(name, digested)),
        };
        if self.chunks {
            hashed.talk = format!(
                "custody: {}: {} chunks, Merkle root {root}\n",
                printable::name(name),
                digests.chunks
            );
            return hashed;
        }
        let is_tagged = self.tag || self.tree || !self.algorithm.is_empty();
        let form = if is_tagged {
            LineForm::Tagged
        } else {
            LineForm::Plain
        };
        let end = if self.zero {
            LineEnd::Nul
        } else {
            LineEnd::LineFeed
        };
        let mut add = |kind: SumKind, hex: String| {
            let name = name.to_owned();
            hashed
                .lines
                .extend(SumLine { kind, hex, name }.to_bytes(form, end));
        };
        if self.tree {
            add(SumKind::Tree, root.to_string());
        } else if let Some(sha256) = digests.stored_file {
            add(SumKind::SHA256, custody_core::hex::encode(&sha256));
        }
        for side in &digests.side {
            let algorithm = self
                .algorithm
                .iter()
                .find(|algorithm| algorithm.tag() == side.name);
            if let Some(algorithm) = algorithm {
                add(SumKind::Whole(*algorithm), custody_core::hex::encode(&side.value));
            }
        }
        hashed
    }
}

impl<'a> Desk for Printer<'a> {
    type Task = &'a PathBuf;
    type Outcome = Result<Hashed, Failure>;

    fn next(&mut self) -> Option<&'a PathBuf> {
        if self.console.out_is_gone() {
            return None;
        }
        self.files.next()
    }

    fn take(&mut self, file: &'a PathBuf, hashed: Result<Self::Outcome, Panicked>) {
        match hashed.unwrap_or_else(|panicked| Err(panicked.into())) {
            Ok(Hashed {
                document: Some(document),
                ..
            }) => self.documents.push(document),
            Ok(hashed) => self.bars.aside(|| {
                self.console.out(&for_reader(hashed.lines, self.console));
                self.console.err(&hashed.talk);
            }),
            Err(failure) => {
                self.unreadable += 1;
                if self.console.is_json() {
                    let document = unreadable_document(file.as_os_str(), failure);
                    self.documents.push(document);
                } else {
                    self.bars.aside(|| self.console.err(&failure.to_text()));
                }
            }
        }
    }
}

/// Files that are read at once, where each is one stream.
pub(super) fn files_at_once(engine: &Engine) -> usize {
    FILES_PER_THREAD * engine.threads().get()
}

/// How each of so many files is hashed that are read at once, these digests beside SHA-256.
pub(super) fn options_of(
    files_at_once: usize,
    algorithms: impl Iterator<Item = HashAlgorithm>,
) -> ImageOptions {
    let mut options = ImageOptions::default();
    if files_at_once > 1 {
        let each_bytes = IN_FLIGHT_BYTES / files_at_once as u64;
        let most_bytes = ImageOptions::DEFAULT_IN_FLIGHT_BYTES;
        options = options.with_in_flight_bytes(each_bytes.clamp(LEAST_IN_FLIGHT_BYTES, most_bytes));
    }
    let mut added = Vec::new();
    for algorithm in algorithms {
        if !added.contains(&algorithm) {
            added.push(algorithm);
            options = algorithm.add_to(options);
        }
    }
    options
}

fn document(name: &OsStr, Digested { digests, hole_bytes }: &Digested) -> Value {
    let mut document = json!({
        "file": printable::name(name),
        "bytes": digests.stored_file_bytes.to_string(),
        "chunks": digests.chunks,
        "root": Sha256Digest::from_bytes(digests.root),
    });
    let others: Map<String, Value> = digests
        .side
        .iter()
        .map(|side| {
            (
                side.name.to_ascii_lowercase(),
                json!(custody_core::hex::encode(&side.value)),
            )
        })
        .collect();
    if let Value::Object(members) = &mut document {
        let sha256 = digests.stored_file.map(Sha256Digest::from_bytes);
        members.extend(sha256.map(|sha256| ("sha256".to_owned(), json!(sha256))));
        members.extend((*hole_bytes > 0).then(|| ("hole_bytes".to_owned(), json!(hole_bytes.to_string()))));
        members.extend((!others.is_empty()).then(|| ("others".to_owned(), Value::Object(others))));
    }
    document
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
    let mut document = Map::new();
    document.insert("file".into(), json!(printable::name(name)));
    failure.into_members(&mut document);
    Value::Object(document)
}
