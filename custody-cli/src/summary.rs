//! What became of a capture, for people and for programs.

use custody_core::capture::{
    CaptureOutcome, DigestOutcome, ItemOutcome, ItemStatus, KeysOutcome, LiveAccess,
};
use custody_core::custody_log::{ClosingState, Failure as LoggedFailure, VerifierKey};
use custody_core::ids::EvidenceItemId;
use custody_core::{Error, Remedy};
use custody_local::KeyOrigin;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::key_words;
use crate::printable;
use crate::signing;
use crate::state_place::StatePlace;
use crate::store_place::StorePlace;

/// What became of a capture, and what its reader needs to go on.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    pub(crate) outcome: &'a CaptureOutcome,
    /// Where the store lies.
    pub(crate) store: &'a StorePlace,
    pub(crate) state: &'a StatePlace,
    pub(crate) key: &'a VerifierKey,
    /// Where the key comes from: the fingerprint of one that was made now cannot have been written down yet.
    pub(crate) key_origin: KeyOrigin,
}

impl Summary<'_> {
    pub(crate) fn answer(&self) -> Answer {
        Answer::new(self.text(), self.document()).with_failure(self.failure())
    }

    /// What there is of a capture that a failure broke off, with that failure.
    pub(crate) fn broken_off(&self, failure: Failure) -> Answer {
        let failure = failure
            .with_next("remove the cause named above")
            .with_next(format!(
                "custody resume {}{}",
                self.outcome.acquisition,
                self.state.words()
            ));
        Answer::new(self.text(), self.document()).with_failure(Some(failure))
    }

    /// One item was given up; the rest is as it was.
    pub(crate) fn given_up(&self, item: &EvidenceItemId) -> Answer {
        let mut text = self.text();
        text.push_str(&format!(
            "\n{item} is given up; what there is of it is kept, and is no evidence\nnext: custody resume {}{}\n",
            self.outcome.acquisition,
            self.state.words()
        ));
        Answer::new(text, self.document())
    }

    fn text(&self) -> String {
        let Self {
            outcome, store, key, ..
        } = self;
        let mut text = format!(
            "acquisition {} of case {}: {}\n",
            outcome.acquisition,
            outcome.case,
            state_word(outcome.state)
        );
        for item in &outcome.items {
            text.push_str(&item_text(item));
        }
        text.push_str(&format!("\nfolder       {}\n", store.folder(&outcome.folder)));
        text.push_str(&format!(
            "signed by    {}, {}\n",
            key.name(),
            signing::pinned(self.key_origin)
        ));
        text.push_str(&format!("fingerprint  {}\n", key.fingerprint()));
        for snapshot in &outcome.kept {
            text.push_str(&format!("kept         disk snapshot {snapshot}\n"));
        }
        text.push_str("\nnot acquired:\n");
        for not in &outcome.not_acquired {
            text.push_str(&format!("  {}: {}\n", not.what, not.reason));
        }
        if matches!(
            outcome.state,
            Some(ClosingState::Complete | ClosingState::Incomplete)
        ) {
            text.push_str(&format!(
                "\nnext: custody verify {}{}\n",
                store.words(),
                self.state.words(),
            ));
        }
        if self.key_origin == KeyOrigin::MadeNow {
            text.push_str("next: write the fingerprint down, away from this host and from the store\n");
        }
        text
    }

    fn document(&self) -> Value {
        let mut document = json!({
            "store": self.store.shown(),
            "signer": signing::document(self.key),
            "signer_pinned": signing::pinned(self.key_origin),
        });
        if let (Value::Object(document), Ok(Value::Object(outcome))) =
            (&mut document, serde_json::to_value(self.outcome))
        {
            document.extend(outcome);
        }
        document
    }

    /// Why its exit is not 0, if it is not.
    fn failure(&self) -> Option<Failure> {
        let outcome = self.outcome;
        let exit = Exit::of_code(outcome.exit_code());
        let subject = format!("acquisition {}", outcome.acquisition);
        match outcome.state {
            Some(ClosingState::Complete) if exit != Exit::Done => Some(
                Failure::new(
                    exit,
                    format!("{subject} is sealed, but digests of it are not in the second register: they were given up"),
                    Remedy::Escalate,
                )
                .with_next("put what is named above where others keep it, by hand, or have it witnessed otherwise"),
            ),
            Some(ClosingState::Complete | ClosingState::Abandoned) => None,
            Some(ClosingState::Incomplete) => {
                let unread: u64 = outcome.items.iter().map(|item| item.unread_sectors).sum();
                let (error, next) = if unread > 0 {
                    (
                        format!(
                            "{subject} is sealed, but {unread} sectors could not be read and are zeros in the copy"
                        ),
                        "the ranges are in the item's .ddrescue.map and in the manifest; image the source again with other means if they matter",
                    )
                } else if outcome.items.iter().any(lacks_proof_only) {
                    (
                        format!(
                            "{subject} is sealed, but it is not proven that its keys open what is stored"
                        ),
                        "`custody keys prove` tries a key on a stored copy; until one opens it, the disk snapshot is kept",
                    )
                } else {
                    (
                        format!("{subject} is sealed, but a key was not taken"),
                        "secure the disk's key where it is kept now, before somebody purges it; the disk snapshot is kept",
                    )
                };
                Some(Failure::new(exit, error, Remedy::Escalate).with_next(next))
            }
            Some(ClosingState::Failed) => {
                let failed = outcome
                    .items
                    .iter()
                    .filter(|item| item.status == ItemStatus::Failed);
                let error = format!(
                    "{} of {} items of {subject} are not evidence",
                    failed.clone().count(),
                    outcome.items.len()
                );
                let failure = if exit == Exit::Integrity {
                    Failure::new(exit, error, Remedy::Escalate).with_next(
                        "find out what changed or damaged the bytes named above, then capture the source anew",
                    )
                } else {
                    Failure::new(exit, error, Remedy::FixRequest)
                        .with_next("the other items are sealed: get what is named above by other means, or capture without it")
                };
                let causes = failed.flat_map(|item| {
                    let of_item = move |not: &String| format!("{}, {}: {not}", item.item, item.disk);
                    item.not_evidence.iter().map(of_item)
                });
                Some(causes.fold(failure, Failure::with_cause))
            }
            None => Some(self.unfinished(exit, &subject)),
        }
    }

    /// What gives up this item only, where there are others.
    fn only(&self, item: &ItemOutcome) -> String {
        if self.outcome.items.len() > 1 {
            format!(" --item {}", item.item)
        } else {
            String::new()
        }
    }

    fn unfinished(&self, exit: Exit, subject: &str) -> Failure {
        let id = &self.outcome.acquisition;
        let state = self.state.words();
        let resume = format!("custody resume {id}{state}");
        let mut stopped = self
            .outcome
            .items
            .iter()
            .filter_map(|item| Some((item, item.stopped_by.as_ref()?)));
        match stopped.next() {
            // A key that is not found is not the source, which was read to its end.
            Some((item, first)) if waits_for_keys(item) => Failure::logged(exit, first)
                .with_next(format!(
                    "the disks are copied as far as they can be, and nothing is deleted: recover the key or ask for the right, then: {resume}"
                ))
                .with_next("a key that was read from standard input is given again: custody resume --key-file N=-")
                .with_next(format!(
                    "or, if the key is gone for good: custody keys give-up {id} {} --reason TEXT{state}",
                    item.item
                )),
            // What is sealed waits for nothing else.
            Some((item, first)) if !item.digests_not_registered.is_empty() => Failure::logged(exit, first)
                .with_next(format!(
                    "the evidence is sealed; its digests are not all in the second register, and until they are the \
                     disk snapshots are kept. Remove the cause named above, then: {resume}"
                ))
                .with_next(format!(
                    "or, to go on without them: custody keys give-up {id} {} --reason TEXT{state}",
                    item.item
                )),
            Some((item, first)) if is_away(item, first) => Failure::logged(exit, first)
                .with_next(format!("put it back where it was, unchanged, then: {resume}"))
                .with_next(format!(
                    "or, if it is gone for good: custody abandon {id}{} --reason TEXT{state}",
                    self.only(item)
                )),
            Some((_, first)) => Failure::logged(exit, first).with_next(resume),
            None => Failure::new(
                exit,
                format!(
                    "{subject} is not finished: {}, nothing is stored yet",
                    there(self.outcome)
                ),
                Remedy::Retry,
            )
            .with_next(resume),
        }
    }
}

/// What there is of the disks while nothing is stored.
const fn there(outcome: &CaptureOutcome) -> &'static str {
    if outcome.kept.is_empty() {
        "the sources are noted"
    } else {
        "disk snapshots are taken"
    }
}

/// Whether an item is stored and verified, and its keys are not dealt with.
fn waits_for_keys(item: &ItemOutcome) -> bool {
    item.status == ItemStatus::Verified && item.keys.as_ref().is_some_and(KeysOutcome::is_open)
}

/// Whether the keys of an item are in the escrow, and not all of them are proven to open it.
fn lacks_proof_only(item: &ItemOutcome) -> bool {
    item.keys.as_ref().is_some_and(|keys| {
        keys.has_unproven() && keys.not_taken.is_none() && keys.keys.iter().all(|key| key.form.is_some())
    })
}

/// Whether what stopped an item is that its source is gone, or that something else has taken its place: resuming alone
/// leads to the same failure again.
///
/// A log line keeps of an error only its words, so they are compared with the words of such errors.
fn is_away(item: &ItemOutcome, stopped: &LoggedFailure) -> bool {
    let words = |object: &str, error: fn(String) -> Error| error(object.to_owned()).to_string();
    let gone = words("", |object| Error::NotFound { object });
    let replaced = words(&item.disk, |object| Error::Precondition {
        object,
        expected: String::new(),
        actual: String::new(),
    });
    let replaced = replaced.trim_end_matches(", found ");
    stopped.error.starts_with(replaced)
        || (stopped.error.contains(&item.disk) && stopped.error.ends_with(&gone))
}

fn item_text(item: &ItemOutcome) -> String {
    let label = item
        .exhibit
        .as_ref()
        .map(|exhibit| format!(", exhibit {exhibit}"))
        .unwrap_or_default();
    let mut text = format!("\n{}{label}: {}\n", item.item, item.disk);
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<10} {value}\n"));
    line("outcome", status_words(item));
    if let Some(object) = &item.object {
        line("stored as", object.file_name().to_string());
    }
    if let Some(digests) = &item.digests {
        line("size", printable::bytes(digests.length.bytes()));
        if let Some(sha256) = digests.stored_file {
            line("SHA-256", sha256.to_string());
        }
        if let Some(disk_data) = digests
            .disk_data
            .filter(|data| Some(*data) != digests.stored_file)
        {
            line(
                "disk data",
                format!("{disk_data} (SHA-256 of the disk alone, without the image format's own bytes)"),
            );
        }
        for (name, value) in &digests.side {
            line(&name.to_ascii_uppercase(), value.clone());
        }
    }
    if item.unread_sectors > 0 {
        line(
            "unread",
            format!("{} sectors, zeros in the copy", item.unread_sectors),
        );
    }
    for words in item.keys.iter().flat_map(key_words::lines) {
        line("key", words);
    }
    for missing in &item.digests_not_registered {
        line("digest", not_registered(missing));
    }
    for not in &item.not_evidence {
        line("not evidence", not.clone());
    }
    if let Some(access) = item.access_may_live {
        line("ACCESS", access_words(access));
    }
    text
}

/// Access to a disk snapshot that may live on, in words.
pub(crate) fn access_words(access: LiveAccess) -> String {
    let until = match access.until {
        Some(until) => format!("until {} at the latest", until.time()),
        None => "for how long is not known".to_owned(),
    };
    format!("to its disk snapshot may still live, {until}: whoever holds it can read the disk")
}

fn not_registered(missing: &DigestOutcome) -> String {
    let mut words = format!("{} is NOT known to be in the second register", missing.name);
    let failure = missing.failure.as_ref().map(LoggedFailure::in_words);
    for why in failure.into_iter().chain(
        missing
            .given_up
            .iter()
            .map(|reason| format!("given up, {reason}")),
    ) {
        words.push_str(&format!(": {why}"));
    }
    words
}

/// How far an item came.
pub(crate) fn status_words(item: &ItemOutcome) -> String {
    match item.status {
        ItemStatus::Planned => "planned, nothing done yet".into(),
        ItemStatus::Snapshotted => "not stored yet".into(),
        ItemStatus::Acquired => "stored, not read back yet".into(),
        ItemStatus::Verified if item.unread_sectors > 0 => {
            "verified: the stored copy is what was read".into()
        }
        ItemStatus::Verified => {
            "verified: the stored copy was read back and is what was read from the source".into()
        }
        ItemStatus::Failed => "failed: not evidence".into(),
    }
}

/// How an acquisition stands, in a word.
pub(crate) const fn state_word(state: Option<ClosingState>) -> &'static str {
    match state {
        Some(ClosingState::Complete) => "complete",
        Some(ClosingState::Incomplete) => "incomplete",
        Some(ClosingState::Failed) => "failed",
        Some(ClosingState::Abandoned) => "abandoned",
        None => "open",
    }
}
