//! The clauses of [`MachineRecords`].

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use custody_core::Error;
use custody_core::ids::RecordName;
use custody_core::port::{Machine, MachineRecord, MachineRecords};
use futures::StreamExt as _;

use super::clause::{ClauseFailure, Conforms, ensure, suite};
use super::secret::hides;

/// A machine of which something is known.
pub struct RecordsHarness {
    records: Arc<dyn MachineRecords>,
    machine: Machine,
    readable: BTreeMap<RecordName, Vec<u8>>,
    refused: Vec<RecordName>,
    too_long: Option<RecordName>,
    secret: Option<Vec<u8>>,
    fingerprint: Option<Box<dyn Fn() -> String>>,
    keep: Vec<Box<dyn Any>>,
}

impl RecordsHarness {
    /// These records of this machine; of at least two of them it is known what they read, byte for byte, at every
    /// reading.
    #[must_use]
    pub fn new(
        records: Arc<dyn MachineRecords>,
        machine: Machine,
        readable: BTreeMap<RecordName, Vec<u8>>,
    ) -> Self {
        Self {
            records,
            machine,
            readable,
            refused: Vec::new(),
            too_long: None,
            secret: None,
            fingerprint: None,
            keep: Vec::new(),
        }
    }

    /// Records that may not be read, because a right is missing.
    #[must_use]
    pub fn with_refused(mut self, names: Vec<RecordName>) -> Self {
        self.refused = names;
        self
    }

    /// A record that is longer than may be taken.
    #[must_use]
    pub fn with_too_long(mut self, name: RecordName) -> Self {
        self.too_long = Some(name);
        self
    }

    /// Something that gives access by itself and that the provider uses: a token, the signature of an address.
    #[must_use]
    pub fn with_secret(mut self, secret: Vec<u8>) -> Self {
        self.secret = Some(secret);
        self
    }

    /// What tells everything of the machine that reading must not change.
    #[must_use]
    pub fn fingerprinted_by(mut self, fingerprint: impl Fn() -> String + 'static) -> Self {
        self.fingerprint = Some(Box::new(fingerprint));
        self
    }

    /// Keeps something alive as long as the harness: a server.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }

    async fn read(&self, settled: &[&RecordName]) -> Vec<MachineRecord> {
        let settled = settled.iter().map(|name| (*name).clone()).collect();
        self.records.records(&self.machine, settled).collect().await
    }
}

impl fmt::Debug for RecordsHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordsHarness({})", self.records)
    }
}

fn find<'a>(records: &'a [MachineRecord], name: &RecordName) -> Result<&'a MachineRecord, ClauseFailure> {
    let found = records.iter().find(|record| record.name() == name);
    found.ok_or_else(|| ClauseFailure::new(format!("{name} is not among the records")))
}

fn names(records: &[MachineRecord]) -> BTreeSet<&RecordName> {
    records.iter().map(MachineRecord::name).collect()
}

/// `MR-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn mr_01_reading_changes_nothing(harness: &RecordsHarness) -> Conforms {
    let Some(fingerprint) = &harness.fingerprint else {
        return Err(ClauseFailure::not_offered(
            "what reading must not change (`fingerprinted_by`)",
        ));
    };
    let before = fingerprint();
    harness.read(&[]).await;
    let after = fingerprint();
    ensure!(before == after, "before reading {before}, behind it {after}");
    Ok(())
}

/// `MR-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn mr_02_a_failure_is_told_and_does_not_hide_the_others(harness: &RecordsHarness) -> Conforms {
    if harness.refused.is_empty() {
        return Err(ClauseFailure::not_offered(
            "a record that may not be read (`with_refused`)",
        ));
    }
    let records = harness.read(&[]).await;
    for name in &harness.refused {
        let denied = match find(&records, name)?.result() {
            Ok(_) => false,
            Err(error) => matches!(error.meaning(), Error::PermissionDenied { .. }),
        };
        ensure!(denied, "{name} may not be read, and that is not what is told");
    }
    for name in harness.readable.keys() {
        if let Err(error) = find(&records, name)?.result() {
            return Err(ClauseFailure::new(format!("{name}: {error}")));
        }
    }
    Ok(())
}

/// `MR-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn mr_03_a_name_comes_once_and_keeps_its_meaning(harness: &RecordsHarness) -> Conforms {
    let (first, second) = (harness.read(&[]).await, harness.read(&[]).await);
    let distinct = names(&first).len();
    ensure!(
        distinct == first.len(),
        "{} records have {distinct} names",
        first.len()
    );
    ensure!(
        names(&first) == names(&second),
        "the names were {:?}, and are {:?} at the second call",
        names(&first),
        names(&second)
    );
    for record in &second {
        let before = find(&first, record.name())?.what();
        ensure!(
            before == record.what(),
            "{} was {before:?}, and is {:?} at the second call",
            record.name(),
            record.what()
        );
    }
    Ok(())
}

/// `MR-04`.
///
/// # Errors
/// How the clause is broken.
pub async fn mr_04_what_is_settled_is_left_out_and_nothing_else(harness: &RecordsHarness) -> Conforms {
    let all = harness.read(&[]).await;
    for settled in harness.readable.keys() {
        let mut due = names(&all);
        ensure!(due.remove(settled), "{settled} is not among the records");
        let rest = harness.read(&[settled]).await;
        ensure!(
            names(&rest) == due,
            "{settled} is settled, and the records are {:?}",
            names(&rest)
        );
    }
    Ok(())
}

/// `MR-05`.
///
/// # Errors
/// How the clause is broken.
pub async fn mr_05_what_is_too_long_is_an_error_and_not_cut(harness: &RecordsHarness) -> Conforms {
    let Some(name) = &harness.too_long else {
        return Err(ClauseFailure::not_offered(
            "a record that is too long (`with_too_long`)",
        ));
    };
    let records = harness.read(&[]).await;
    if let Ok(acted) = find(&records, name)?.result() {
        let length = acted.value.len();
        return Err(ClauseFailure::new(format!(
            "{length} bytes of {name}, which is too long"
        )));
    }
    Ok(())
}

/// `MR-06`.
///
/// # Errors
/// How the clause is broken.
pub async fn mr_06_the_bytes_are_those_that_were_answered(harness: &RecordsHarness) -> Conforms {
    ensure!(
        harness.readable.len() >= 2,
        "the harness knows what {} records read, two are needed",
        harness.readable.len()
    );
    let records = harness.read(&[]).await;
    for (name, due) in &harness.readable {
        match find(&records, name)?.result() {
            Ok(acted) => ensure!(acted.value == *due, "{name} has other bytes than were answered"),
            Err(error) => return Err(ClauseFailure::new(format!("{name}: {error}"))),
        }
    }
    Ok(())
}

/// `MR-07`.
///
/// # Errors
/// How the clause is broken.
pub async fn mr_07_nothing_in_a_record_gives_access(harness: &RecordsHarness) -> Conforms {
    let Some(secret) = &harness.secret else {
        return Err(ClauseFailure::not_offered(
            "a secret that the provider uses (`with_secret`)",
        ));
    };
    for record in harness.read(&[]).await {
        let answer = match record.result() {
            Ok(acted) if acted.value.len() > 1024 * 1024 => format!("{:?}", acted.service),
            Ok(acted) => format!("{} {:?}", String::from_utf8_lossy(&acted.value), acted.service),
            Err(error) => format!("{error} {error:?} {:?} {:?}", error.causes(), error.service()),
        };
        let texts = [
            ("what a record tells", record.what().to_owned()),
            ("a record", answer),
        ];
        hides(secret, &texts)?;
    }
    let shown = format!("{:?} {}", harness.records, harness.records);
    hides(secret, &[("the port", shown)])
}

suite! { ($)
    /// Mounts the clauses of `MachineRecords` as tests, on a [`RecordsHarness`](crate::conformance::machine_records::RecordsHarness).
    machine_records_conformance, machine_records, RecordsHarness, [
        mr_01_reading_changes_nothing,
        mr_02_a_failure_is_told_and_does_not_hide_the_others,
        mr_03_a_name_comes_once_and_keeps_its_meaning,
        mr_04_what_is_settled_is_left_out_and_nothing_else,
        mr_05_what_is_too_long_is_an_error_and_not_cut,
        mr_06_the_bytes_are_those_that_were_answered,
        mr_07_nothing_in_a_record_gives_access,
    ]
}
