//! The clauses of [`LogAnchor`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use custody_core::port::{EvidenceReader, EvidenceReaderExt as _, LogAnchor, LogHead, LogName};
use custody_core::{Error, Result, layout};
use futures::StreamExt as _;
use futures::future::join;

use super::clause::{ClauseFailure, Conforms, ensure, refused, suite};
use super::log_store::{log_names, sample_lines};

/// A fresh anchor, the reader of the same store, and ways to open it again and to interrupt a call.
pub struct AnchorHarness {
    anchor: Arc<dyn LogAnchor>,
    reader: Arc<dyn EvidenceReader>,
    reopen: Option<Box<dyn Fn() -> Arc<dyn LogAnchor>>>,
    interrupt: Option<Box<dyn Fn(&LogName, &[Bytes])>>,
    keep: Vec<Box<dyn Any>>,
}

impl AnchorHarness {
    /// An anchor without logs, and the reader of the store that it anchors in.
    #[must_use]
    pub fn new(anchor: Arc<dyn LogAnchor>, reader: Arc<dyn EvidenceReader>) -> Self {
        Self {
            anchor,
            reader,
            reopen: None,
            interrupt: None,
            keep: Vec::new(),
        }
    }

    /// This opens a new instance over the same storage.
    #[must_use]
    pub fn reopened_by(mut self, reopen: impl Fn() -> Arc<dyn LogAnchor> + 'static) -> Self {
        self.reopen = Some(Box::new(reopen));
        self
    }

    /// This leaves behind what an append of these lines leaves when the process dies in the middle of it.
    #[must_use]
    pub fn interrupted_by(mut self, interrupt: impl Fn(&LogName, &[Bytes]) + 'static) -> Self {
        self.interrupt = Some(Box::new(interrupt));
        self
    }

    /// Keeps something alive as long as the harness: a temporary directory.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }

    fn reopened(&self) -> Result<Arc<dyn LogAnchor>, ClauseFailure> {
        let reopen = self.reopen.as_ref();
        let reopen =
            reopen.ok_or_else(|| ClauseFailure::not_offered("a way to open it again (`reopened_by`)"))?;
        Ok(reopen())
    }

    async fn note(&self, log: &LogName, size: u64) -> Result<Option<Bytes>> {
        self.reader
            .fetch_if_present(&layout::checkpoint(log, size), u64::MAX)
            .await
    }
}

impl fmt::Debug for AnchorHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnchorHarness({})", self.anchor)
    }
}

fn head_of(lines: &[Bytes]) -> LogHead {
    lines.iter().fold(LogHead::EMPTY, |head, line| head.after(line))
}

async fn lines(anchor: &dyn LogAnchor, log: &LogName, from: u64) -> Result<Vec<Bytes>> {
    let mut stream = anchor.lines(log, from);
    let mut lines = Vec::new();
    while let Some(line) = stream.next().await {
        lines.push(line?);
    }
    Ok(lines)
}

/// That the anchored log has exactly these lines, and the head that belongs to them.
async fn holds(anchor: &dyn LogAnchor, log: &LogName, due: &[Bytes], when: &str) -> Conforms {
    let found = lines(anchor, log, 0).await?;
    ensure!(
        found == due,
        "{when}, the {log} has {} lines, {} are due: {found:?}",
        found.len(),
        due.len()
    );
    let head = anchor.head(log).await?;
    ensure!(
        head == head_of(due),
        "{when}, the head of the {log} is {head}, due is {}",
        head_of(due)
    );
    Ok(())
}

/// `LA-01`: a wrong head.
///
/// # Errors
/// How the clause is broken.
pub async fn la_01_a_wrong_head_is_refused_and_appends_nothing(harness: &AnchorHarness) -> Conforms {
    let [_, log, _] = log_names()?;
    let due = sample_lines();
    let head = harness.anchor.append(&log, &LogHead::EMPTY, &due).await?.value;
    ensure!(head == head_of(&due), "append gives the head {head}");
    let late = [Bytes::from_static(b"late")];
    let wrong = [
        LogHead::EMPTY,
        LogHead::new(head.size - 1, head.line),
        LogHead::new(head.size + 1, head.line),
        LogHead::new(head.size, LogHead::EMPTY.line),
    ];
    for wrong in wrong {
        let outcome = harness.anchor.append(&log, &wrong, &late).await;
        refused!(
            outcome,
            Error::Precondition { .. },
            "append after {wrong}, where {head} is"
        );
        holds(&*harness.anchor, &log, &due, "after a refused append").await?;
    }
    Ok(())
}

/// `LA-01`: two writers.
///
/// # Errors
/// How the clause is broken.
pub async fn la_01_of_two_racing_writers_one_wins(harness: &AnchorHarness) -> Conforms {
    let [log, ..] = log_names()?;
    let other = harness.reopened()?;
    let mut due = Vec::new();
    for round in 0..8 {
        // Each of them comes first in turn, so that whoever trusts what it saw last is wrong at times.
        let (one_anchor, two_anchor) = if round % 2 == 0 {
            (&harness.anchor, &other)
        } else {
            (&other, &harness.anchor)
        };
        let head = head_of(&due);
        let one = [Bytes::from(format!("one {round}"))];
        let two = [
            Bytes::from(format!("two {round}")),
            Bytes::from(format!("two more {round}")),
        ];
        let (first, second) = join(
            one_anchor.append(&log, &head, &one),
            two_anchor.append(&log, &head, &two),
        )
        .await;
        let (won, lost): (&[Bytes], _) = match (first, second) {
            (Ok(_), lost @ Err(_)) => (&one, lost),
            (lost @ Err(_), Ok(_)) => (&two, lost),
            (Ok(_), Ok(_)) => return Err(ClauseFailure::new("two racing writers both won")),
            (Err(error), Err(_)) => {
                return Err(ClauseFailure::new(format!(
                    "two racing writers both lost: {error}"
                )));
            }
        };
        refused!(lost, Error::Precondition { .. }, "the append that lost");
        due.extend_from_slice(won);
        holds(&*harness.anchor, &log, &due, "after a race").await?;
    }
    Ok(())
}

/// `LA-02`: seen by readers; that a crash does not split a call is `LA-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn la_02_the_lines_of_a_call_come_together(harness: &AnchorHarness) -> Conforms {
    let [_, log, _] = log_names()?;
    let first = sample_lines();
    let head = harness.anchor.append(&log, &LogHead::EMPTY, &first).await?.value;
    // One bad line among good ones: the call is refused, and none of them may stay.
    let mixed = [
        Bytes::from_static(b"good"),
        Bytes::from_static(b"bad\nline"),
        Bytes::from_static(b"good"),
    ];
    let outcome = harness.anchor.append(&log, &head, &mixed).await;
    ensure!(outcome.is_err(), "a call with a line feed in a line succeeded");
    holds(&*harness.anchor, &log, &first, "after a call with a bad line").await?;
    let stored = harness.reader.fetch(&layout::log(&log), u64::MAX).await?;
    let due = first.iter().flat_map(|line| line.iter().copied().chain([b'\n']));
    ensure!(
        due.eq(stored.iter().copied()),
        "the stored log is not its lines, each with a line feed"
    );
    Ok(())
}

/// `LA-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn la_03_an_interrupted_call_is_finished_or_taken_back(harness: &AnchorHarness) -> Conforms {
    let Some(interrupt) = &harness.interrupt else {
        return Err(ClauseFailure::not_offered(
            "a way to interrupt an append (`interrupted_by`)",
        ));
    };
    for log in log_names()? {
        let mut due = sample_lines();
        let head = harness.anchor.append(&log, &LogHead::EMPTY, &due).await?.value;
        let cut_short = [
            Bytes::from_static(b"{\"cut\":1}"),
            Bytes::from_static(b"{\"cut\":2}"),
        ];
        interrupt(&log, &cut_short);
        let anchor = harness.reopened()?;
        let found = lines(&*anchor, &log, 0).await?;
        let finished = found.len() > due.len();
        if finished {
            due.extend(cut_short);
        }
        holds(&*anchor, &log, &due, "after an interrupted append").await?;

        let next = [Bytes::from_static(b"{\"next\":true}")];
        let head = if finished { head_of(&due) } else { head };
        if let Err(error) = anchor.append(&log, &head, &next).await {
            // The next call may be the one that finishes what was interrupted.
            let found = lines(&*anchor, &log, 0).await?;
            let all = [due.clone(), cut_short_after(finished)].concat();
            let settled = matches!(error.meaning(), Error::Precondition { .. }) && found == all;
            ensure!(settled, "after an interrupted append the next one fails: {error}");
            due = all;
            anchor.append(&log, &head_of(&due), &next).await?;
        }
        due.extend(next);
        holds(&*anchor, &log, &due, "after the next append").await?;
    }
    Ok(())
}

fn cut_short_after(finished: bool) -> Vec<Bytes> {
    if finished {
        return Vec::new();
    }
    vec![
        Bytes::from_static(b"{\"cut\":1}"),
        Bytes::from_static(b"{\"cut\":2}"),
    ]
}

/// `LA-04`.
///
/// # Errors
/// How the clause is broken.
pub async fn la_04_an_anchored_line_stays(harness: &AnchorHarness) -> Conforms {
    let [register, log, other] = log_names()?;
    let due = sample_lines();
    let mut heads = Vec::new();
    for name in [&register, &log, &other] {
        let mut head = LogHead::EMPTY;
        for line in &due {
            head = harness
                .anchor
                .append(name, &head, std::slice::from_ref(line))
                .await?
                .value;
        }
        heads.push(head);
    }
    // What is refused, what is empty, and what concerns other logs.
    drop(harness.anchor.append(&log, &LogHead::EMPTY, &due).await);
    drop(harness.anchor.append(&log, &heads[1], &[]).await);
    harness
        .anchor
        .put_checkpoint(&log, due.len() as u64, b"note")
        .await?;
    for name in [&register, &log, &other] {
        holds(&*harness.anchor, name, &due, "at the end").await?;
        for from in [1, 5, 6, 7] {
            let found = lines(&*harness.anchor, name, from).await?;
            let skip = usize::try_from(from).unwrap_or(usize::MAX).min(due.len());
            ensure!(found == due[skip..], "lines from {from} are {found:?}");
        }
    }
    Ok(())
}

/// `LA-05`.
///
/// # Errors
/// How the clause is broken.
pub async fn la_05_a_note_is_written_once_for_each_size(harness: &AnchorHarness) -> Conforms {
    for log in log_names()? {
        let note = b"origin\n3\nroot\n\n\xe2\x80\x94 name signature\n";
        harness.anchor.put_checkpoint(&log, 3, note).await?;
        let again = harness.anchor.put_checkpoint(&log, 3, note).await;
        if let Err(error) = again {
            return Err(ClauseFailure::new(format!(
                "the same note again is refused: {error}"
            )));
        }
        for other in [b"another note\n".as_slice(), b"", &note[..10]] {
            let outcome = harness.anchor.put_checkpoint(&log, 3, other).await;
            refused!(
                outcome,
                Error::AlreadyExists { .. },
                "another note for the same size"
            );
            let found = harness.note(&log, 3).await?;
            ensure!(
                found.as_deref() == Some(note.as_slice()),
                "the first note was changed to {found:?}"
            );
        }
        harness.anchor.put_checkpoint(&log, 4, b"another size\n").await?;
        let found = harness.note(&log, 4).await?;
        ensure!(
            found.as_deref() == Some(b"another size\n".as_slice()),
            "the note of size 4 is {found:?}"
        );
    }
    Ok(())
}

/// `LA-06`, as far as opening the storage again shows it.
///
/// # Errors
/// How the clause is broken.
pub async fn la_06_lines_and_notes_are_there_after_reopening(harness: &AnchorHarness) -> Conforms {
    for log in log_names()? {
        let due = sample_lines();
        harness.anchor.append(&log, &LogHead::EMPTY, &due).await?;
        harness.anchor.put_checkpoint(&log, 6, b"note\n").await?;
        let reopened = harness.reopened()?;
        holds(&*reopened, &log, &due, "after reopening").await?;
        let found = harness.note(&log, 6).await?;
        ensure!(
            found.as_deref() == Some(b"note\n".as_slice()),
            "after reopening the note is {found:?}"
        );
        let outcome = reopened.put_checkpoint(&log, 6, b"another\n").await;
        refused!(
            outcome,
            Error::AlreadyExists { .. },
            "after reopening, another note for the same size"
        );
    }
    Ok(())
}

/// `LA-07`.
///
/// # Errors
/// How the clause is broken.
pub async fn la_07_an_unwritten_log_is_empty(harness: &AnchorHarness) -> Conforms {
    for log in log_names()? {
        holds(&*harness.anchor, &log, &[], "never written").await?;
    }
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `LogAnchor` as tests, on an [`AnchorHarness`](crate::conformance::log_anchor::AnchorHarness).
    log_anchor_conformance, log_anchor, AnchorHarness, [
        la_01_a_wrong_head_is_refused_and_appends_nothing,
        la_01_of_two_racing_writers_one_wins,
        la_02_the_lines_of_a_call_come_together,
        la_03_an_interrupted_call_is_finished_or_taken_back,
        la_04_an_anchored_line_stays,
        la_05_a_note_is_written_once_for_each_size,
        la_06_lines_and_notes_are_there_after_reopening,
        la_07_an_unwritten_log_is_empty,
    ]
}
