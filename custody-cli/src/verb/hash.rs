use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::thread;

use clap::Args;
use custody_core::Remedy;
use custody_core::digest::Sha256Digest;
use custody_hash::chunk_list::write_run;
use custody_hash::{Engine, ImageOptions};
use serde_json::{Value, json};

use super::hash_algorithm::HashAlgorithm;
use super::hash_progress::Watch;
use super::hash_reads::Holes;
use super::hash_source::{Digested, Source, Wanted};
use super::{check, hash_against};
use crate::answer::Answer;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::local_ports::engine;
use crate::printable;
use crate::sum_line::{SumLine, tagged};

const EXAMPLES: &str = "\
Examples:
  custody hash disk.raw
      what `sha256sum disk.raw` prints
  custody hash --check SHA256SUMS
      what `sha256sum -c SHA256SUMS` does; exit 4 on a mismatch
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
    #[arg(long, short = 'c', conflicts_with_all = ["chunks", "tree", "tag", "algorithm"])]
    check: bool,

    /// Print the SHA-256 of each 4 MiB instead
    #[arg(long)]
    chunks: bool,

    /// Print the Merkle root over the SHA-256 of each 4 MiB instead, made on all cores
    #[arg(long, conflicts_with_all = ["chunks", "tag", "algorithm"])]
    tree: bool,

    /// Name the byte ranges that differ from this list of what `--chunks` prints
    #[arg(long, value_name = "LIST", conflicts_with_all = ["check", "chunks", "tree", "tag", "algorithm"])]
    against: Option<PathBuf>,

    /// Read the holes of sparse files too, instead of taking the file system's word that they are zeros
    #[arg(long)]
    read_holes: bool,

    /// Print as BSD's tools and `sha256sum --tag` do
    #[arg(long, conflicts_with = "chunks")]
    tag: bool,

    /// Make these digests in the same pass; implies `--tag`
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "chunks")]
    algorithm: Vec<HashAlgorithm>,
}

/// What came of a file, and what to print of it.
struct Hashed {
    lines: Vec<u8>,
    talk: String,
    document: Value,
}

impl HashArguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer, Failure> {
        let engine = engine()?;
        if self.check {
            return check::run(&self.files, self.holes(), &engine, console);
        }
        if let Some(list) = &self.against {
            return hash_against::run(list, &self.files, self.holes(), &engine, console);
        }
        let mut documents = Vec::new();
        let mut unreadable = 0;
        let mut print = |file: &Path, hashed: Result<Hashed, Failure>| match hashed {
            Ok(hashed) => {
                if !console.is_json() {
                    console.out(&for_reader(hashed.lines, console));
                    console.err(&hashed.talk);
                }
                documents.push(hashed.document);
            }
            Err(failure) => {
                unreadable += 1;
                if !console.is_json() {
                    console.err(&failure.to_text());
                }
                documents.push(unreadable_document(file.as_os_str(), failure));
            }
        };
        self.hash_all(&engine, console, &mut print);
        let failure = (unreadable > 0).then(|| {
            let error = format!("{unreadable} of {} files could not be read", self.files.len());
            Failure::new(Exit::Incomplete, error, Remedy::Retry).with_next(AGAIN)
        });
        let streamed = Answer::new("", json!({"files": documents}));
        Ok(streamed.with_failure(failure))
    }

    /// Hashes the files, several at once, and prints them in their order.
    fn hash_all(
        &self,
        engine: &Engine,
        console: &Console,
        print: &mut impl FnMut(&Path, Result<Hashed, Failure>),
    ) {
        let at_once = self.files_at_once(engine);
        thread::scope(|scope| {
            let mut running = VecDeque::new();
            for file in &self.files {
                if console.out_is_gone() {
                    break;
                }
                if at_once == 1 || self.files.len() == 1 {
                    print(file, self.hash(file.as_os_str(), engine, console));
                    continue;
                }
                if running.len() >= at_once
                    && let Some((done, thread)) = running.pop_front()
                {
                    print(done, joined(thread));
                }
                running.push_back((file, scope.spawn(|| self.hash(file.as_os_str(), engine, console))));
            }
            for (done, thread) in running {
                print(done, joined(thread));
            }
        });
    }

    fn hash(&self, name: &OsStr, engine: &Engine, console: &Console) -> Result<Hashed, Failure> {
        let source = Source::open(name)?;
        let mut watch = Watch::new(name, source.length_bytes(), console);
        let quiet = console.is_json();
        let wanted = self.wanted(quiet, self.files_at_once(engine));
        let digested = source.digest(name, wanted, self.holes(), engine, |run| {
            watch.add(run);
            if self.chunks && !quiet {
                let mut lines = Vec::new();
                write_run(run, &mut lines)?;
                console.out(&lines);
            }
            Ok(())
        })?;
        Ok(self.hashed(name, &digested))
    }

    /// A tree takes all cores for one file, and chunks are printed as they come.
    fn files_at_once(&self, engine: &Engine) -> usize {
        if self.tree || self.chunks {
            1
        } else {
            self.files.len().min(FILES_PER_THREAD * engine.threads().get())
        }
    }

    const fn holes(&self) -> Holes {
        if self.read_holes {
            Holes::Read
        } else {
            Holes::Trust
        }
    }

    fn wanted(&self, quiet: bool, files_at_once: usize) -> Wanted {
        // One document holds the digest of the whole beside the root, unless only the tree was asked for.
        if self.tree || self.chunks && !quiet {
            return Wanted::Tree;
        }
        let mut options = ImageOptions::default();
        if files_at_once > 1 {
            let each_bytes = IN_FLIGHT_BYTES / files_at_once as u64;
            let most_bytes = ImageOptions::DEFAULT_IN_FLIGHT_BYTES;
            options = options.with_in_flight_bytes(each_bytes.clamp(LEAST_IN_FLIGHT_BYTES, most_bytes));
        }
        let mut asked: Vec<_> = Vec::new();
        for algorithm in &self.algorithm {
            if !asked.contains(algorithm) {
                asked.push(*algorithm);
            }
        }
        Wanted::Whole(
            asked
                .into_iter()
                .fold(options, |options, algorithm| algorithm.add_to(options)),
        )
    }

    fn hashed(&self, name: &OsStr, digested: &Digested) -> Hashed {
        let Digested { digests, hole_bytes } = digested;
        let sha256 = digests.stored_file.map(Sha256Digest::from_bytes);
        let root = Sha256Digest::from_bytes(digests.root);
        let (mut lines, mut talk) = (Vec::new(), String::new());
        if self.chunks {
            talk = format!(
                "custody: {}: {} chunks, Merkle root {root}\n",
                printable::name(name),
                digests.chunks
            );
        } else if self.tree {
            lines = tagged("SHA256-TREE-4M", name, &root.to_string());
        } else if let Some(sha256) = sha256 {
            let line = SumLine {
                sha256,
                name: name.to_owned(),
            };
            if self.tag || !self.algorithm.is_empty() {
                lines = line.to_tagged_bytes();
            } else {
                lines = line.to_bytes();
            }
        }
        let mut document = json!({
            "file": printable::name(name),
            "bytes": digests.stored_file_bytes.to_string(),
            "chunks": digests.chunks,
            "root": root,
        });
        let mut others = serde_json::Map::new();
        for side in &digests.side {
            let hex = custody_core::hex::encode(&side.value);
            lines.extend(tagged(&side.name, name, &hex));
            others.insert(side.name.to_ascii_lowercase(), json!(hex));
        }
        if let Value::Object(members) = &mut document {
            members.extend(sha256.map(|sha256| ("sha256".to_owned(), json!(sha256))));
            members
                .extend((*hole_bytes > 0).then(|| ("hole_bytes".to_owned(), json!(hole_bytes.to_string()))));
            members.extend((!others.is_empty()).then(|| ("others".to_owned(), Value::Object(others))));
        }
        Hashed {
            lines,
            talk,
            document,
        }
    }
}

/// The digest of a whole file, for a list that names it.
pub(super) fn digest(
    name: &OsStr,
    holes: Holes,
    engine: &Engine,
    console: &Console,
) -> Result<Digested, Failure> {
    let source = Source::open(name)?;
    let mut watch = Watch::new(name, source.length_bytes(), console);
    let wanted = Wanted::Whole(ImageOptions::default());
    source.digest(name, wanted, holes, engine, |run| {
        watch.add(run);
        Ok(())
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

fn joined(thread: thread::ScopedJoinHandle<'_, Result<Hashed, Failure>>) -> Result<Hashed, Failure> {
    thread.join().unwrap_or_else(|_| {
        let error = "a thread panicked while it read the file".to_owned();
        Err(Failure::new(Exit::Incomplete, error, Remedy::ReportBug))
    })
}

fn unreadable_document(name: &OsStr, failure: Failure) -> Value {
    let mut document = serde_json::Map::new();
    document.insert("file".into(), json!(printable::name(name)));
    failure.into_members(&mut document);
    Value::Object(document)
}
