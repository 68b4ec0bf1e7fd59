use std::ffi::OsString;

use clap::{Parser, Subcommand};
use serde_json::json;

use crate::answer::{Answer, print_failure};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printable;
use crate::verb::{
    AbandonArguments, CaptureArguments, CompletionsArguments, HashArguments, KeyArguments, KeysArguments,
    ListArguments, LogArguments, ManArguments, ResumeArguments, SetupArguments, VerifyArguments,
};

/// What the program is called where no verb was understood.
const NAME: &str = "custody";

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or proven
  1  nothing is wrong, but not everything is proven: see `verify --trust`
  2  the command was not understood
  3  something could not be checked or completed: a refused plan, unread
     sectors, a stop
  4  something is not what it must be: stop, change nothing, have a person look
  With several items 4 outranks 3, and 3 outranks 1.

Ctrl-C asks to stop: the act in hand is finished and logged, and
`custody resume` goes on later. A second Ctrl-C ends at once; `custody resume`
goes on from that as well.

A capture, in three commands:
  custody capture local --image /dev/sdb --case 2026-117 \\
      --examiner 'M. Example' --authority 'Warrant 4711' --store /mnt/evidence
  custody verify /mnt/evidence
  custody log /mnt/evidence";

/// Take disks as evidence that anyone can verify
///
/// Copies disks and disk images into a store that is written once, reads the copy back, seals it, and leaves a record
/// that `sha256sum`, `jq` and `openssl` can check without custody.
#[derive(Debug, Parser)]
#[command(name = "custody", bin_name = "custody", disable_version_flag = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Answer with one JSON document on standard output, also on failure
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print version, commit and the SHA-256 of this program
    #[arg(short = 'V', long)]
    pub(crate) version: bool,

    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Capture(CaptureArguments),
    Verify(VerifyArguments),
    Resume(ResumeArguments),
    Abandon(AbandonArguments),
    List(ListArguments),
    Log(LogArguments),
    Key(KeyArguments),
    Keys(KeysArguments),
    Hash(HashArguments),
    Setup(SetupArguments),
    /// Check this program's arithmetic on this host against published answers
    Selftest,
    Completions(CompletionsArguments),
    Man(ManArguments),
}

impl Verb {
    /// The word for it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Capture(_) => "capture",
            Self::Verify(_) => "verify",
            Self::Resume(_) => "resume",
            Self::Abandon(_) => "abandon",
            Self::List(_) => "list",
            Self::Log(_) => "log",
            Self::Key(_) => "key",
            Self::Keys(_) => "keys",
            Self::Hash(_) => "hash",
            Self::Setup(_) => "setup",
            Self::Selftest => "selftest",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

/// Answers what `clap` did not take for a command: help, or why not.
pub(crate) fn refuse(error: &clap::Error, arguments: &[OsString], console: &Console) -> Exit {
    let text = printable::lines(&error.to_string());
    console.answer_in_json(asks_for_json(arguments));
    let exit = match (error.use_stderr(), console.is_json()) {
        (false, true) => Answer::new("", json!({"help": text})).print(NAME, console),
        (false, false) => {
            console.out(text.as_bytes());
            Exit::Done
        }
        (true, true) => print_failure(NAME, misunderstood(&text), console),
        (true, false) => {
            console.err(&format!("custody: {text}"));
            Exit::Usage
        }
    };
    console.close(exit)
}

/// What `clap` says in several lines: the first is the error, those before its advice are causes.
fn misunderstood(text: &str) -> Failure {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let is_advice = |line: &str| {
        ["Usage:", "For more", "tip:"]
            .iter()
            .any(|word| line.starts_with(word))
    };
    let failure = Failure::usage(first.trim_end_matches(':')).with_next("custody --help");
    lines
        .take_while(|line| !is_advice(line))
        .fold(failure, Failure::with_cause)
}

/// Whether an answer in JSON was meant, as far as a command that was not understood can tell.
fn asks_for_json(arguments: &[OsString]) -> bool {
    arguments
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--json")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Arguments::command().debug_assert();
    }
}
