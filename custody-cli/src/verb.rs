//! A file for each verb.

mod abandon;
mod capture;
mod capture_azure;
mod case_arguments;
mod check;
mod check_arguments;
mod completions;
mod hash;
mod hash_against;
mod hash_algorithm;
mod hash_progress;
mod hash_reads;
mod hash_source;
mod in_turn;
mod key;
mod keys;
mod keys_give_up;
mod keys_prove;
mod keys_show;
mod list;
mod local_arguments;
mod local_key_arguments;
mod log;
mod man;
mod plan;
mod resume;
mod resume_all;
mod selftest;
mod setup;
mod setup_azure;
mod setup_report;
mod setup_vault_arguments;
mod sum_line;
mod sum_lists;
mod verdict;
mod verify;
mod version;

use std::sync::Arc;

pub(crate) use self::abandon::AbandonArguments;
pub(crate) use self::capture::CaptureArguments;
pub(crate) use self::completions::CompletionsArguments;
pub(crate) use self::hash::HashArguments;
pub(crate) use self::key::KeyArguments;
pub(crate) use self::keys::KeysArguments;
pub(crate) use self::list::ListArguments;
pub(crate) use self::log::LogArguments;
pub(crate) use self::man::ManArguments;
pub(crate) use self::resume::ResumeArguments;
pub(crate) use self::setup::SetupArguments;
pub(crate) use self::verify::VerifyArguments;
use crate::answer::print_failure;
use crate::arguments::{Arguments, Verb};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

/// Runs the verb and prints its answer.
pub(crate) fn run(arguments: &Arguments, console: &Arc<Console>) -> Exit {
    console.answer_in_json(arguments.json);
    let name = arguments.verb.as_ref().map_or("custody", Verb::name);
    let answer = match &arguments.verb {
        _ if arguments.version => version::run(),
        Some(Verb::Capture(capture)) => capture.run(console),
        Some(Verb::Verify(verify)) => verify.run(console),
        Some(Verb::Resume(resume)) => resume.run(console),
        Some(Verb::Abandon(abandon)) => abandon.run(console),
        Some(Verb::List(list)) => list.run(),
        Some(Verb::Log(log)) => log.run(console),
        Some(Verb::Key(key)) => key.run(),
        Some(Verb::Keys(keys)) => keys.run(console),
        Some(Verb::Hash(hash)) => hash.run(console),
        Some(Verb::Setup(setup)) => setup.run(console),
        Some(Verb::Selftest) => selftest::run(),
        Some(Verb::Completions(completions)) => completions.run(console),
        Some(Verb::Man(man)) => man.run(console),
        None => Err(Failure::usage("no command was given").with_next("custody --help")),
    };
    let exit = match answer {
        Ok(answer) => answer.print(name, console),
        Err(failure) => print_failure(name, failure, console),
    };
    console.close(exit)
}
