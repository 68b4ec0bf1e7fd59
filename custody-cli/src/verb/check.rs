//! `custody hash --check`.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::slice;
use std::sync::{Mutex, PoisonError};

use custody_core::{Error, Remedy};
use custody_hash::Engine;
use serde_json::{Map, Value, json};

use super::check_arguments::{CheckArguments, Malformed, Missing, Talk};
use super::hash::{files_at_once, for_reader, options_of};
use super::hash_algorithm::{HashAlgorithm, SumKind};
use super::hash_progress::Bars;
use super::hash_reads::Holes;
use super::hash_source::{Digested, Source, Wanted};
use super::in_turn::{Desk, Panicked, in_turn};
use super::sum_line::{SumLine, verdict_line};
use super::sum_lists::SumList;
use crate::answer::Answer;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printable;

/// How to check.
#[derive(Debug, Clone, Copy)]
pub(super) struct Check<'a> {
    pub(super) arguments: CheckArguments,
    /// What lines are of that do not say so.
    pub(super) untagged: HashAlgorithm,
    pub(super) holes: Holes,
    pub(super) engine: &'a Engine,
    pub(super) console: &'a Console,
}

/// A file and what lists say of it.
struct Listed {
    /// Of which list.
    list: usize,
    /// One at least; all name the same file.
    sums: Vec<SumLine>,
    /// Whether the list itself is what standard input holds.
    is_input: bool,
}

/// What came of a file.
enum Found {
    /// A digest for each line, as far as there is one.
    Digests(Vec<Option<String>>),
    PassedOver,
    Unreadable(Failure),
}

/// What a list came to so far.
struct ListTally {
    shown: String,
    verified: u64,
    passed_over: u64,
}

/// What checking came to so far.
struct Tally<'a> {
    check: Check<'a>,
    bars: &'a Bars,
    left: slice::Iter<'a, PathBuf>,
    several: bool,
    list: Option<SumList>,
    lists: Vec<ListTally>,
    bad_list: Option<Failure>,
    documents: Vec<Value>,
    matched: u64,
    mismatched: u64,
    unreadable: u64,
    malformed: u64,
}

impl Check<'_> {
    /// Checks every file that these lists name, several at once.
    pub(super) fn run(self, lists: &[PathBuf]) -> Answer {
        let bars = Bars::new(self.console);
        let mut tally = Tally {
            check: self,
            bars: &bars,
            left: lists.iter(),
            several: lists.len() > 1,
            list: None,
            lists: Vec::new(),
            bad_list: None,
            documents: Vec::new(),
            matched: 0,
            mismatched: 0,
            unreadable: 0,
            malformed: 0,
        };
        let at_once = files_at_once(self.engine);
        // A tree takes all cores for one file.
        let one_tree = Mutex::new(());
        in_turn(at_once, &mut tally, |listed: &Listed| {
            self.find(listed, at_once, &bars, &one_tree)
        });
        tally.answer()
    }

    fn find(self, listed: &Listed, at_once: usize, bars: &Bars, one_tree: &Mutex<()>) -> Found {
        let Some(name) = listed.sums.first().map(|sum| sum.name.as_os_str()) else {
            return Found::PassedOver;
        };
        if listed.is_input && name == "-" {
            return Found::Unreadable(Error::malformed("-", "standard input holds the list itself").into());
        }
        let source = match Source::open(name) {
            Ok(source) => source,
            Err(failure) => {
                let is_missing =
                    || fs::metadata(name).is_err_and(|error| error.kind() == ErrorKind::NotFound);
                return match self.arguments.missing() {
                    Missing::IsPassedOver if is_missing() => Found::PassedOver,
                    _ => Found::Unreadable(failure),
                };
            }
        };
        let mut watch = bars.watch(name, source.length_bytes());
        let (wanted, _turn) = if listed.sums.iter().all(|sum| sum.kind == SumKind::Tree) {
            let turn = one_tree.lock().unwrap_or_else(PoisonError::into_inner);
            (Wanted::Tree, Some(turn))
        } else {
            (Wanted::Whole(options_of(at_once, algorithms(&listed.sums))), None)
        };
        let digested = source.digest(name, wanted, self.holes, self.engine, |run| {
            watch.add(run);
            Ok(())
        });
        match digested {
            Ok(digested) => {
                let kinds = listed.sums.iter().map(|sum| sum.kind);
                Found::Digests(kinds.map(|kind| hex_of(kind, &digested)).collect())
            }
            Err(failure) => Found::Unreadable(failure),
        }
    }
}

fn algorithms(sums: &[SumLine]) -> impl Iterator<Item = HashAlgorithm> {
    sums.iter().filter_map(|sum| match sum.kind {
        SumKind::Whole(algorithm) => Some(algorithm),
        SumKind::Tree => None,
    })
}

/// The digest of that kind, if it was made.
fn hex_of(kind: SumKind, Digested { digests, .. }: &Digested) -> Option<String> {
    let encode = |digest: [u8; 32]| custody_core::hex::encode(&digest);
    match kind {
        SumKind::Tree => Some(encode(digests.root)),
        SumKind::SHA256 => digests.stored_file.map(encode),
        SumKind::Whole(algorithm) => {
            let side = digests.side.iter().find(|side| side.name == algorithm.tag());
            side.map(|side| custody_core::hex::encode(&side.value))
        }
    }
}

impl Desk for Tally<'_> {
    type Task = Listed;
    type Outcome = Found;

    fn next(&mut self) -> Option<Listed> {
        loop {
            let Some(list) = &mut self.list else {
                let path = self.left.next()?;
                match SumList::open(path, SumKind::Whole(self.check.untagged)) {
                    Ok(list) => {
                        self.lists.push(ListTally {
                            shown: list.shown().to_owned(),
                            verified: 0,
                            passed_over: 0,
                        });
                        self.list = Some(list);
                    }
                    Err(failure) => self.bad_list(failure),
                }
                continue;
            };
            let (check, bars, shown) = (self.check, self.bars, list.shown().to_owned());
            let malformed = |number: u64| {
                self.malformed += 1;
                if check.arguments.talk() == Talk::VerdictsAndLines && !check.console.is_json() {
                    bars.aside(|| {
                        check
                            .console
                            .err(&format!("custody: {shown}: line {number} is malformed\n"));
                    });
                }
            };
            match list.next_file(malformed) {
                Ok(Some(sums)) => {
                    return Some(Listed {
                        list: self.lists.len().saturating_sub(1),
                        sums,
                        is_input: list.is_input(),
                    });
                }
                Ok(None) => {
                    if list.sums() == 0 {
                        let form = "has no line of the form <digest>  <file>";
                        let failure = Error::malformed(list.shown(), form).into();
                        self.bad_list(failure);
                    }
                    self.list = None;
                }
                Err(failure) => {
                    self.bad_list(failure);
                    self.list = None;
                }
            }
        }
    }

    fn take(&mut self, listed: Listed, found: Result<Found, Panicked>) {
        let found = found.unwrap_or_else(|panicked| Found::Unreadable(panicked.into()));
        if let Found::Unreadable(failure) = &found {
            self.say(|console| console.err(&failure.to_text()));
        }
        for (at, sum) in listed.sums.iter().enumerate() {
            let verdict = match &found {
                Found::Digests(digests) => Verdict::Digest(digests.get(at).cloned().flatten()),
                Found::PassedOver => Verdict::PassedOver,
                Found::Unreadable(_) => Verdict::Unreadable,
            };
            self.count(listed.list, sum, verdict);
        }
    }
}

/// What came of a line.
enum Verdict {
    Digest(Option<String>),
    PassedOver,
    Unreadable,
}

impl Tally<'_> {
    fn count(&mut self, list: usize, sum: &SumLine, verdict: Verdict) {
        let mut list = self.lists.get_mut(list);
        let (word, document) = match verdict {
            Verdict::PassedOver => {
                list.iter_mut().for_each(|list| list.passed_over += 1);
                return;
            }
            Verdict::Digest(Some(hex)) if hex == sum.hex => {
                list.iter_mut().for_each(|list| list.verified += 1);
                self.matched += 1;
                ("OK", json!({"outcome": "matched"}))
            }
            Verdict::Digest(Some(hex)) => {
                list.iter_mut().for_each(|list| list.verified += 1);
                self.mismatched += 1;
                let document = json!({"outcome": "mismatched", "expected": sum.hex, "found": hex});
                ("FAILED", document)
            }
            Verdict::Digest(None) | Verdict::Unreadable => {
                self.unreadable += 1;
                ("FAILED open or read", json!({"outcome": "unreadable"}))
            }
        };
        if self.check.console.is_json() {
            self.documents.push(with_names(document, sum));
            return;
        }
        match self.check.arguments.talk() {
            Talk::Nothing => {}
            Talk::OnlyFailures if word == "OK" => {}
            _ => self.say(|console| console.out(&for_reader(verdict_line(&sum.name, word), console))),
        }
    }

    fn say(&self, say: impl FnOnce(&Console)) {
        if !self.check.console.is_json() {
            self.bars.aside(|| say(self.check.console));
        }
    }

    /// What the other lists tell counts all the same, and a mismatch more than a list that cannot be read.
    fn bad_list(&mut self, failure: Failure) {
        if self.several {
            self.say(|console| console.err(&failure.to_text()));
        }
        self.bad_list.get_or_insert(failure);
    }

    fn answer(mut self) -> Answer {
        let lists = std::mem::take(&mut self.lists);
        for list in lists
            .iter()
            .filter(|list| list.verified == 0 && list.passed_over > 0)
        {
            let error = format!("{}: no file that it names is there", list.shown);
            self.bad_list(Failure::new(Exit::Incomplete, error, Remedy::FixRequest));
        }
        let passed_over: u64 = lists.iter().map(|list| list.passed_over).sum();
        let is_told = self.check.arguments.talk() != Talk::Nothing;
        if self.malformed > 0 && is_told {
            let malformed = lines(self.malformed);
            self.say(|console| console.err(&format!("custody: {malformed} malformed and not checked\n")));
        }
        let failure = self.failure();
        let mut document = json!({
            "files": self.documents,
            "matched": self.matched,
            "mismatched": self.mismatched,
            "unreadable": self.unreadable,
            "malformed_lines": self.malformed,
        });
        if let Value::Object(members) = &mut document {
            members.extend((passed_over > 0).then(|| ("passed_over".to_owned(), json!(passed_over))));
        }
        Answer::new("", document)
            .with_failure(failure)
            .or_failure(self.bad_list)
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
        if self.check.arguments.malformed() == Malformed::Fails && self.malformed > 0 {
            if faults.is_empty() {
                let error = format!("{} malformed, and --strict was asked for", lines(self.malformed));
                return Some(Failure::new(Exit::Incomplete, error, Remedy::FixRequest));
            }
            faults.push(format!("{} malformed", lines(self.malformed)));
        }
        let (exit, remedy) = match (self.mismatched, self.unreadable) {
            (0, 0) => return None,
            (0, _) => (Exit::Incomplete, Remedy::FixRequest),
            _ => (Exit::Integrity, Remedy::Escalate),
        };
        let error = format!("not every listed file matched: {}", faults.join(", "));
        Some(Failure::new(exit, error, remedy))
    }
}

fn lines(number: u64) -> String {
    match number {
        1 => "1 line is".to_owned(),
        more => format!("{more} lines are"),
    }
}

/// What came of a line, with what it is of and which file it names.
fn with_names(document: Value, sum: &SumLine) -> Value {
    let mut members = match document {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    members.insert("file".into(), json!(printable::name(&sum.name)));
    if sum.kind != SumKind::SHA256 {
        members.insert("algorithm".into(), json!(sum.kind.word()));
    }
    Value::Object(members)
}
