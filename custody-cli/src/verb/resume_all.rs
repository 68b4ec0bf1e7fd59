//! Going on with every acquisition of this host that is open.

use std::sync::Arc;

use custody_core::ids::AcquisitionId;
use custody_core::port::StopSignal as _;
use custody_core::{Error, Remedy};
use custody_local::StateFolder;
use serde_json::{Value, json};

use super::resume::{NONE_OPEN, ResumeArguments};
use crate::answer::Answer;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::journaled::Journaled;
use crate::stop::SignalStop;

impl ResumeArguments {
    /// One after the other, oldest first; what became of each is told as soon as it has ended.
    pub(super) async fn resume_all(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        let words = self.state.words();
        let mut ended = Ended::default();
        let Some(state) = self.state.open_existing()? else {
            return Ok(ended.answer(&words));
        };
        let open = open_in(&state).await?;
        let all = open.len();
        // One for all of them: a request to stop that came while one was worked on begins no other.
        let stop = Arc::new(SignalStop::listen(console)?);
        for (number, one) in (1..).zip(open) {
            let answer = match &one {
                Err(error) => Err(Failure::from_shared(error)),
                Ok(_) if stop.is_stopped() => Err(Failure::new(
                    Exit::Incomplete,
                    "nothing was done with it: a stop was asked for before its turn",
                    Remedy::Retry,
                )),
                Ok(acquisition) => {
                    tell(
                        console,
                        &format!("{number} of {all}: going on with {acquisition}"),
                    );
                    let stop = || Ok(Arc::clone(&stop));
                    self.go_on_with(acquisition, state.clone(), stop, console).await
                }
            };
            ended.take(one.ok().as_ref(), answer, &words, console);
        }
        Ok(ended.answer(&words))
    }
}

/// The acquisitions of a state folder that are not known to be settled; what is none and lies among them, in its place.
async fn open_in(state: &StateFolder) -> Result<Vec<Result<AcquisitionId, Error>>, Error> {
    let mut open = Vec::new();
    for one in state.acquisitions()? {
        let settled = match &one {
            // One whose journal cannot be read says so when it is gone on with.
            Ok(acquisition) => Journaled::read(state, acquisition)
                .await
                .is_ok_and(|journaled| journaled.settled),
            Err(_no_acquisition) => false,
        };
        if !settled {
            open.push(one);
        }
    }
    Ok(open)
}

fn tell(console: &Console, line: &str) {
    if !console.is_json() {
        console.err(&format!("custody: {line}\n"));
    }
}

/// What became of those that were gone on with.
#[derive(Debug, Default)]
struct Ended {
    documents: Vec<Value>,
    /// Those that did not end well, each with whose it is, where that can be told.
    failures: Vec<(Option<AcquisitionId>, Failure)>,
}

impl Ended {
    /// Takes what became of the next one, and tells a person.
    fn take(
        &mut self,
        acquisition: Option<&AcquisitionId>,
        answer: Result<Answer, Failure>,
        state: &str,
        console: &Console,
    ) {
        let answer = answer.unwrap_or_else(|failure| not_gone_on_with(acquisition, failure, state));
        let (text, document, failure) = answer.into_part("resume");
        if !console.is_json() {
            let between = if self.documents.is_empty() { "" } else { "\n" };
            console.out(crate::printable::lines(&format!("{between}{text}")).as_bytes());
            if let Some(failure) = &failure {
                console.err(&failure.to_text());
            }
        }
        self.documents.push(document);
        self.failures
            .extend(failure.map(|failure| (acquisition.cloned(), failure)));
    }

    /// The answer for all of them: it ends as the worst did.
    fn answer(self, state: &str) -> Answer {
        let all = self.documents.len();
        let text = match (all, self.failures.len()) {
            (0, _) => NONE_OPEN.to_owned(),
            (_, 0) => format!("\n{all} of {all} open acquisitions ended well\n"),
            _ => String::new(),
        };
        let failure = self.summed_up(state);
        Answer::new(text, json!({"acquisitions": self.documents})).with_failure(failure)
    }

    fn summed_up(&self, state: &str) -> Option<Failure> {
        let weightiest = self.failures.iter().map(|(_, failure)| failure);
        // Of those that weigh as much, the first.
        let weightiest = weightiest.reduce(|one, next| {
            if next.exit().code() > one.exit().code() {
                next
            } else {
                one
            }
        })?;
        let mut summed = weightiest.in_words(format!(
            "{} of {} open acquisitions did not end well",
            self.failures.len(),
            self.documents.len()
        ));
        for (acquisition, failure) in &self.failures {
            summed = summed.with_cause(match acquisition {
                Some(acquisition) => format!("{acquisition}: {}", failure.error()),
                None => failure.error().to_owned(),
            });
        }
        if summed.exit() == Exit::Integrity {
            summed = summed.with_next(Remedy::Escalate.advice());
        }
        Some(summed.with_next(format!(
            "do for each what it says above; what is still open then goes on with: custody resume --all{state}"
        )))
    }
}

/// The answer of one that was not even opened. The command itself was understood, whatever it lacks.
fn not_gone_on_with(acquisition: Option<&AcquisitionId>, failure: Failure, state: &str) -> Answer {
    let failure = match failure.exit() {
        Exit::Usage => failure.with_exit(Exit::Incomplete),
        _ => failure,
    };
    match acquisition {
        Some(acquisition) => Answer::new(
            format!("acquisition {acquisition}: not gone on with\n"),
            json!({"acquisition": acquisition}),
        )
        .with_failure(Some(
            failure.with_last(format!("then: custody resume {acquisition}{state}")),
        )),
        None => {
            Answer::new("what is no acquisition lies among them\n", json!({})).with_failure(Some(failure))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(exits: &[Exit]) -> Ended {
        let console = Console::of(Box::new(std::io::sink()), Box::new(std::io::sink()));
        let mut ended = Ended::default();
        for (number, exit) in exits.iter().enumerate() {
            let acquisition: AcquisitionId = format!("20261128T12000{number}Z-0123abcd").parse().unwrap();
            let answer = match exit {
                Exit::Done => Ok(Answer::new("complete\n", json!({}))),
                exit => Err(Failure::new(*exit, format!("failure {number}"), Remedy::Retry)),
            };
            ended.take(Some(&acquisition), answer, "", &console);
        }
        ended
    }

    #[test]
    fn the_exit_of_all_is_the_worst_of_theirs_and_each_that_did_not_end_well_is_named() {
        for (exits, worst) in [
            (&[][..], None),
            (&[Exit::Done, Exit::Done], None),
            (&[Exit::Done, Exit::Incomplete], Some((Exit::Incomplete, 1))),
            (&[Exit::Integrity, Exit::Incomplete], Some((Exit::Integrity, 2))),
            (
                &[Exit::Incomplete, Exit::Integrity, Exit::Done],
                Some((Exit::Integrity, 2)),
            ),
            // Which option an acquisition lacks is no fault of the command that names none.
            (&[Exit::Usage], Some((Exit::Incomplete, 1))),
        ] {
            let summed = ended(exits).summed_up(" --state s");
            let told = summed.as_ref().map(|failure| {
                let text = failure.to_text();
                assert!(text.contains("custody resume --all --state s"), "{text}");
                (failure.exit(), text.matches("because: 2026").count())
            });
            assert_eq!(told, worst, "{exits:?}");
        }
    }

    #[test]
    fn an_integrity_failure_among_them_says_to_stop_first() {
        let summed = ended(&[Exit::Incomplete, Exit::Integrity]).summed_up("").unwrap();
        assert_eq!(
            summed.steps().first().map(String::as_str),
            Some(Remedy::Escalate.advice())
        );
    }

    #[test]
    fn one_that_was_not_gone_on_with_keeps_its_own_steps_and_says_how_to_go_on_with_it_alone() {
        let id = "20261128T120000Z-0123abcd".parse().unwrap();
        let failure = Failure::new(Exit::Incomplete, "e", Remedy::Wait);
        let (_, document, failure) = not_gone_on_with(Some(&id), failure, "").into_part("resume");
        let steps = [
            Remedy::Wait.advice().to_owned(),
            format!("then: custody resume {id}"),
        ];
        assert_eq!(failure.unwrap().steps(), steps);
        assert_eq!(document["acquisition"], json!(id));
        assert_eq!(
            (&document["command"], &document["exit"]),
            (&json!("resume"), &json!(3))
        );
    }
}
