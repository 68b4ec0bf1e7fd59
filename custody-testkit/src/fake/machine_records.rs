use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use custody_core::ids::RecordName;
use custody_core::port::{MAX_MACHINE_RECORD_BYTES, Machine, MachineRecord, MachineRecords};
use custody_core::{Acted, Error, Result, ServiceRecord};
use futures::stream::{self, BoxStream, StreamExt as _};

use crate::shared::Shared;

/// What is known of a machine, in memory, with a count of what was read. Clones are the same records.
#[derive(Debug, Clone, Default)]
pub struct FakeMachineRecords {
    state: Shared<State>,
}

#[derive(Default)]
struct State {
    answers: BTreeMap<RecordName, (String, Answer)>,
    readings: BTreeMap<RecordName, u64>,
    touched: u64,
}

#[derive(Debug, Clone)]
enum Answer {
    Bytes(Bytes),
    /// Other bytes at each reading.
    Changing,
    Refused,
    Missing,
    /// For so many more readings; other bytes at each after that.
    Throttled(u64),
}

fn name(text: &str) -> RecordName {
    text.parse().expect("a machine record's name")
}

impl FakeMachineRecords {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A machine of which there is one record of each kind: two that read differently each time
    /// (`network-interface-1.json`, `virtual-machine.json`), one that is throttled at first (`activity-log-1.json`), one
    /// that is not there (`console.log`) and one that may not be read (`role-assignments.json`).
    #[must_use]
    pub fn of_each_kind() -> Self {
        let records = Self::new();
        records.set("activity-log-1.json", Answer::Throttled(1));
        records.set("console.log", Answer::Missing);
        records.set("network-interface-1.json", Answer::Changing);
        records.set("role-assignments.json", Answer::Refused);
        records.set("virtual-machine.json", Answer::Changing);
        records
    }

    fn set(&self, record: &str, answer: Answer) {
        let what = format!("what the fake knows as {record}");
        self.state.lock().answers.insert(name(record), (what, answer));
    }

    /// Adds a record, or changes it.
    ///
    /// # Panics
    /// When that is no record's name.
    pub fn put(&self, record: &str, bytes: impl Into<Bytes>) {
        self.set(record, Answer::Bytes(bytes.into()));
    }

    /// Refuses a record.
    ///
    /// # Panics
    /// When that is no record's name.
    pub fn refuse(&self, record: &str) {
        self.set(record, Answer::Refused);
    }

    /// Permits a record that was refused; it reads differently each time.
    ///
    /// # Panics
    /// When that is no record's name.
    pub fn permit(&self, record: &str) {
        self.set(record, Answer::Changing);
    }

    /// How often a record was read, or was tried to.
    ///
    /// # Panics
    /// When that is no record's name.
    #[must_use]
    pub fn readings(&self, record: &str) -> u64 {
        let state = self.state.lock();
        state.readings.get(&name(record)).copied().unwrap_or_default()
    }

    /// Changes the machine, as no reading does.
    pub fn touch(&self) {
        self.state.lock().touched += 1;
    }

    /// Everything that reading must not change.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let state = self.state.lock();
        let names: Vec<&RecordName> = state.answers.keys().collect();
        format!("{names:?} touched {} times", state.touched)
    }

    /// One reading of a record.
    fn read(&self, name: &RecordName) -> Result<Acted<Bytes>> {
        let mut state = self.state.lock();
        let reading = state.readings.entry(name.clone()).or_default();
        *reading += 1;
        let number = *reading;
        let service = ServiceRecord::none().with_id("request", format!("{name}/{number}"));
        let object = name.to_string();
        let changing = Bytes::from(format!("{{\"record\":\"{name}\",\"reading\":{number}}}"));
        let value = match state.answers.get_mut(name).map(|(_, answer)| answer) {
            Some(Answer::Bytes(bytes)) if bytes.len() as u64 > MAX_MACHINE_RECORD_BYTES => {
                Err(Error::malformed(object, "is too long to be taken"))
            }
            Some(Answer::Bytes(bytes)) => Ok(bytes.clone()),
            Some(Answer::Throttled(more)) if *more > 0 => {
                *more -= 1;
                let retry_after = None;
                Err(Error::Throttled { object, retry_after })
            }
            Some(Answer::Changing | Answer::Throttled(_)) => Ok(changing),
            Some(Answer::Refused) => Err(Error::PermissionDenied {
                object,
                operation: "reading what is known of the machine",
                source: Some("the role does not allow it".into()),
            }),
            Some(Answer::Missing) | None => Err(Error::NotFound { object }),
        };
        match value {
            Ok(value) => Ok(Acted { value, service }),
            Err(error) => Err(error.answered(service)),
        }
    }
}

impl fmt::Display for FakeMachineRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fake machine records")
    }
}

impl MachineRecords for FakeMachineRecords {
    fn records(&self, _: &Machine, settled: BTreeSet<RecordName>) -> BoxStream<'_, MachineRecord> {
        let state = self.state.lock();
        let due: Vec<(RecordName, String)> = (state.answers.iter())
            .filter(|(name, _)| !settled.contains(name))
            .map(|(name, (what, _))| (name.clone(), what.clone()))
            .collect();
        drop(state);
        stream::iter(due)
            .map(|(name, what)| {
                let answer = self.read(&name);
                MachineRecord::new(name, what, answer)
            })
            .boxed()
    }
}
