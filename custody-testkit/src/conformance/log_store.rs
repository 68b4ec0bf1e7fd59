//! The clauses of [`LogStore`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use custody_core::port::{LogHead, LogName, LogStore};
use custody_core::{Error, Result};
use futures::StreamExt as _;

use super::clause::{ClauseFailure, Conforms, ensure, refused, suite};

/// A fresh log store and ways to open it again and to tear a tail.
pub struct LogStoreHarness {
    store: Arc<dyn LogStore>,
    reopen: Option<Box<dyn Fn() -> Arc<dyn LogStore>>>,
    tear: Option<Box<dyn Fn(&LogName, &[u8])>>,
    aside: Option<Box<dyn Fn(&LogName) -> Vec<Vec<u8>>>>,
    keep: Vec<Box<dyn Any>>,
}

impl LogStoreHarness {
    /// A store without logs.
    #[must_use]
    pub fn new(store: Arc<dyn LogStore>) -> Self {
        Self {
            store,
            reopen: None,
            tear: None,
            aside: None,
            keep: Vec::new(),
        }
    }

    /// This opens a new instance over the same storage.
    #[must_use]
    pub fn reopened_by(mut self, reopen: impl Fn() -> Arc<dyn LogStore> + 'static) -> Self {
        self.reopen = Some(Box::new(reopen));
        self
    }

    /// This writes bytes behind the last line feed of a log, as a write does that a crash cut short.
    #[must_use]
    pub fn torn_by(mut self, tear: impl Fn(&LogName, &[u8]) + 'static) -> Self {
        self.tear = Some(Box::new(tear));
        self
    }

    /// This reads the tails that were set aside, from the places that they were moved to, in any order.
    #[must_use]
    pub fn aside_read_by(mut self, read: impl Fn(&LogName) -> Vec<Vec<u8>> + 'static) -> Self {
        self.aside = Some(Box::new(read));
        self
    }

    /// Keeps something alive as long as the harness: a temporary directory.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }

    fn reopened(&self) -> Result<Arc<dyn LogStore>, ClauseFailure> {
        let reopen = self.reopen.as_ref();
        let reopen =
            reopen.ok_or_else(|| ClauseFailure::not_offered("a way to open it again (`reopened_by`)"))?;
        Ok(reopen())
    }

    fn tear(&self, log: &LogName, tail: &[u8]) -> Conforms {
        let tear = self.tear.as_ref();
        let tear = tear.ok_or_else(|| ClauseFailure::not_offered("a way to tear a tail (`torn_by`)"))?;
        tear(log, tail);
        Ok(())
    }
}

impl fmt::Debug for LogStoreHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogStoreHarness({})", self.store)
    }
}

/// The register, and the logs of two acquisitions of one case.
pub(super) fn log_names() -> Result<[LogName; 3]> {
    let acquisition = |id: &str| -> Result<LogName> {
        Ok(LogName::Acquisition {
            case: "Case 1/1".parse()?,
            acquisition: id.parse()?,
        })
    };
    Ok([
        LogName::Register,
        acquisition("20261121T203015Z-0123abcd")?,
        acquisition("20261121T203015Z-0123abce")?,
    ])
}

/// Some lines: short, long, with a carriage return, with bytes that are no text.
pub(super) fn sample_lines() -> Vec<Bytes> {
    vec![
        Bytes::from_static(b"{\"seq\":0}"),
        Bytes::from_static(b"x"),
        Bytes::from_static(b"ends with a carriage return\r"),
        Bytes::from_static(b"\xff\x00 is no text"),
        Bytes::from(vec![b'y'; 70_000]),
        Bytes::from_static(b"{\"seq\":5}"),
    ]
}

async fn append_all(store: &dyn LogStore, log: &LogName, lines: &[Bytes]) -> Result<LogHead> {
    let mut head = store.head(log).await?;
    for line in lines {
        head = store.append(log, &head, line).await?;
    }
    Ok(head)
}

async fn lines(store: &dyn LogStore, log: &LogName, from: u64) -> Result<Vec<Bytes>> {
    let mut stream = store.lines(log, from);
    let mut lines = Vec::new();
    while let Some(line) = stream.next().await {
        lines.push(line?);
    }
    Ok(lines)
}

/// That the log has exactly these lines, and the head that belongs to them.
async fn holds(store: &dyn LogStore, log: &LogName, due: &[Bytes], when: &str) -> Conforms {
    let found = lines(store, log, 0).await?;
    ensure!(
        found == due,
        "{when}, the {log} has {} lines, {} are due: {found:?}",
        found.len(),
        due.len()
    );
    let head = store.head(log).await?;
    let due = due.iter().fold(LogHead::EMPTY, |head, line| head.after(line));
    ensure!(
        head == due,
        "{when}, the head of the {log} is {head}, due is {due}"
    );
    Ok(())
}

/// `LS-01`, as far as opening the storage again shows it.
///
/// # Errors
/// How the clause is broken.
pub async fn ls_01_an_appended_line_is_there_after_reopening(harness: &LogStoreHarness) -> Conforms {
    for log in log_names()? {
        let mut due = Vec::new();
        for line in sample_lines() {
            append_all(&*harness.store, &log, std::slice::from_ref(&line)).await?;
            due.push(line);
            holds(&*harness.reopened()?, &log, &due, "after reopening").await?;
        }
    }
    Ok(())
}

/// `LS-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn ls_02_a_wrong_head_is_refused_and_appends_nothing(harness: &LogStoreHarness) -> Conforms {
    let [_, log, other] = log_names()?;
    let due = sample_lines();
    let head = append_all(&*harness.store, &log, &due).await?;
    append_all(&*harness.store, &other, &due[..1]).await?;
    let wrong = [
        LogHead::EMPTY,
        LogHead::new(head.size - 1, head.line),
        LogHead::new(head.size + 1, head.line),
        LogHead::new(head.size, LogHead::EMPTY.line),
        head.after(b"a line that is not there"),
    ];
    for wrong in wrong {
        let outcome = harness.store.append(&log, &wrong, b"late").await;
        refused!(
            outcome,
            Error::Precondition { .. },
            "append after {wrong}, where {head} is"
        );
        holds(&*harness.store, &log, &due, "after a refused append").await?;
    }
    let next = harness.store.append(&log, &head, b"in time").await?;
    ensure!(next == head.after(b"in time"), "append gives the head {next}");
    Ok(())
}

/// `LS-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn ls_03_a_torn_tail_is_no_line(harness: &LogStoreHarness) -> Conforms {
    let [log, fresh, _] = log_names()?;
    let due = sample_lines();
    append_all(&*harness.store, &log, &due).await?;
    holds(&*harness.store, &log, &due, "before the crash").await?;
    harness.tear(&log, b"{\"seq\":6,\"half\":")?;
    harness.tear(&fresh, b"{\"se")?;
    let reopened = harness.reopened()?;
    holds(&*reopened, &log, &due, "with a torn tail").await?;
    holds(&*reopened, &fresh, &[], "with a torn first line").await?;
    for from in [0, 1, 5, 6, 7] {
        let found = lines(&*reopened, &log, from).await?;
        let skip = usize::try_from(from).unwrap_or(usize::MAX).min(due.len());
        ensure!(found == due[skip..], "lines from {from} are {found:?}");
    }
    Ok(())
}

/// `LS-04`.
///
/// # Errors
/// How the clause is broken.
pub async fn ls_04_a_torn_tail_is_set_aside_whole(harness: &LogStoreHarness) -> Conforms {
    let [_, log, _] = log_names()?;
    let Some(aside) = &harness.aside else {
        return Err(ClauseFailure::not_offered(
            "a way to read what was set aside (`aside_read_by`)",
        ));
    };
    let mut due = sample_lines();
    let mut head = append_all(&*harness.store, &log, &due).await?;
    holds(&*harness.store, &log, &due, "before the crash").await?;
    let mut tails: Vec<Vec<u8>> = Vec::new();
    for tail in [b"{\"half\":".as_slice(), b"\xff\x00", b"{\"half\":"] {
        harness.tear(&log, tail)?;
        let store = harness.reopened()?;
        let outcome = store.append(&log, &head, b"behind a torn tail").await;
        refused!(outcome, Error::Precondition { .. }, "append behind a torn tail");
        holds(&*store, &log, &due, "after a refused append").await?;

        let given = store.set_aside_tail(&log).await?;
        ensure!(
            given.as_deref() == Some(tail),
            "the torn tail {tail:?} was given back as {given:?}"
        );
        tails.push(tail.to_vec());
        let mut kept = aside(&log);
        kept.sort();
        let mut expected = tails.clone();
        expected.sort();
        ensure!(kept == expected, "set aside are {kept:?}, due are {expected:?}");

        let again = store.set_aside_tail(&log).await?;
        ensure!(again.is_none(), "there was no torn tail, set aside was {again:?}");
        let line = Bytes::from_static(b"goes on");
        head = store.append(&log, &head, &line).await?;
        due.push(line);
        holds(&*store, &log, &due, "after going on").await?;
    }
    Ok(())
}

/// `LS-05`.
///
/// # Errors
/// How the clause is broken.
pub async fn ls_05_a_complete_line_stays(harness: &LogStoreHarness) -> Conforms {
    let [register, log, other] = log_names()?;
    let due = sample_lines();
    let head = append_all(&*harness.store, &log, &due).await?;
    append_all(&*harness.store, &other, &due[..2]).await?;
    append_all(&*harness.store, &register, &due[..3]).await?;
    // Everything that the port can be asked for, and much that it refuses.
    drop(harness.store.append(&log, &LogHead::EMPTY, b"late").await);
    drop(harness.store.append(&log, &head, b"two\nlines").await);
    drop(harness.store.set_aside_tail(&log).await);
    drop(lines(&*harness.store, &log, 3).await);
    for store in [Arc::clone(&harness.store), harness.reopened()?] {
        holds(&*store, &log, &due, "at the end").await?;
        holds(&*store, &other, &due[..2], "at the end").await?;
        holds(&*store, &register, &due[..3], "at the end").await?;
    }
    Ok(())
}

/// `LS-06`.
///
/// # Errors
/// How the clause is broken.
pub async fn ls_06_an_unwritten_log_is_empty(harness: &LogStoreHarness) -> Conforms {
    for log in log_names()? {
        holds(&*harness.store, &log, &[], "never written").await?;
        let tail = harness.store.set_aside_tail(&log).await?;
        ensure!(tail.is_none(), "the {log}, never written, had the tail {tail:?}");
    }
    Ok(())
}

/// `LS-07`.
///
/// # Errors
/// How the clause is broken.
pub async fn ls_07_a_line_feed_or_nothing_is_no_line(harness: &LogStoreHarness) -> Conforms {
    let [_, log, _] = log_names()?;
    let due = &sample_lines()[..1];
    let head = append_all(&*harness.store, &log, due).await?;
    for line in [b"".as_slice(), b"\n", b"two\nlines", b"ends\n", b"\nbegins"] {
        let outcome = harness.store.append(&log, &head, line).await;
        refused!(outcome, Error::Misuse { .. }, "append of {line:?}");
        holds(&*harness.store, &log, due, "after a refused line").await?;
    }
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `LogStore` as tests, on a [`LogStoreHarness`](crate::conformance::log_store::LogStoreHarness).
    log_store_conformance, log_store, LogStoreHarness, [
        ls_01_an_appended_line_is_there_after_reopening,
        ls_02_a_wrong_head_is_refused_and_appends_nothing,
        ls_03_a_torn_tail_is_no_line,
        ls_04_a_torn_tail_is_set_aside_whole,
        ls_05_a_complete_line_stays,
        ls_06_an_unwritten_log_is_empty,
        ls_07_a_line_feed_or_nothing_is_no_line,
    ]
}
