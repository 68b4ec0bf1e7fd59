use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use custody_core::ids::RecordName;
use custody_core::port::{MAX_MACHINE_RECORD_BYTES, Machine, MachineRecord, MachineRecords};
use custody_core::{Acted, Error};
use futures::stream::{self, BoxStream, StreamExt as _};

use crate::fake::FakeMachineRecords;
use crate::shared::Shared;

/// How [`FaultyMachineRecords`] break their port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordsFault {
    /// Reading changes the machine.
    ChangesTheMachine,
    /// What follows a record that failed is not yielded.
    StopsAtAFailure,
    /// What is refused is passed over in silence.
    HidesRefusals,
    /// Each record is yielded twice.
    AnswersTwice,
    /// A name stands for something else at each call.
    ChangesItsMeaning,
    /// What is settled is yielded again.
    IgnoresWhatIsSettled,
    /// Where something is settled, nothing is yielded.
    TakesAllForSettled,
    /// Of what is too long, the beginning is yielded.
    CutsWhatIsTooLong,
    /// What is too long is yielded.
    PassesWhatIsTooLong,
    /// The bytes get a line feed at their end.
    Reformats,
    /// The words hold this secret.
    TellsInWords(&'static str),
    /// The bytes hold this secret.
    TellsInBytes(&'static str),
    /// The errors hold this secret.
    TellsInErrors(&'static str),
}

/// Machine records with one fault.
#[derive(Debug)]
pub struct FaultyMachineRecords {
    inner: FakeMachineRecords,
    fault: RecordsFault,
    calls: Shared<u64>,
}

impl FaultyMachineRecords {
    /// These records with this fault.
    #[must_use]
    pub fn new(inner: FakeMachineRecords, fault: RecordsFault) -> Self {
        Self {
            inner,
            fault,
            calls: Shared::default(),
        }
    }

    /// What becomes of one record.
    fn spoil(&self, record: MachineRecord, call: u64) -> Vec<MachineRecord> {
        let (name, what, result) = record.into_parts();
        let too_long = matches!(&result, Err(error) if matches!(error.meaning(), Error::Malformed { .. }));
        let refused =
            matches!(&result, Err(error) if matches!(error.meaning(), Error::PermissionDenied { .. }));
        let one = |what: String, result| vec![MachineRecord::new(name.clone(), what, result)];
        let appended = |mut acted: Acted<Bytes>, more: &str| {
            acted.value = [&acted.value, more.as_bytes()].concat().into();
            acted
        };
        match self.fault {
            RecordsFault::ChangesTheMachine => {
                self.inner.touch();
                one(what, result)
            }
            RecordsFault::HidesRefusals if refused => Vec::new(),
            RecordsFault::AnswersTwice => {
                let again = result.as_ref().map(|acted| Acted::local(acted.value.clone()));
                let again = again.map_err(|error| Error::misuse(error.to_string()));
                let second = MachineRecord::new(name.clone(), &what, again);
                [one(what, result), vec![second]].into_iter().flatten().collect()
            }
            RecordsFault::ChangesItsMeaning => one(format!("{what}, or number {call}"), result),
            RecordsFault::CutsWhatIsTooLong if too_long => {
                one(what, Ok(Acted::local(Bytes::from_static(b"the beginning"))))
            }
            RecordsFault::PassesWhatIsTooLong if too_long => {
                let length = usize::try_from(MAX_MACHINE_RECORD_BYTES).expect("fits a test's memory") + 1;
                one(what, Ok(Acted::local(vec![0; length].into())))
            }
            RecordsFault::Reformats => one(what, result.map(|acted| appended(acted, "\n"))),
            RecordsFault::TellsInWords(secret) => one(format!("{what} from {secret}"), result),
            RecordsFault::TellsInBytes(secret) => one(what, result.map(|acted| appended(acted, secret))),
            RecordsFault::TellsInErrors(secret) => {
                let told = result.map_err(|_not_told| Error::PermissionDenied {
                    object: name.to_string(),
                    operation: "reading",
                    source: Some(secret.into()),
                });
                one(what, told)
            }
            _ => one(what, result),
        }
    }
}

impl fmt::Display for FaultyMachineRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[deny(clippy::missing_trait_methods)]
impl MachineRecords for FaultyMachineRecords {
    fn records(&self, machine: &Machine, settled: BTreeSet<RecordName>) -> BoxStream<'_, MachineRecord> {
        let call = {
            let mut calls = self.calls.lock();
            *calls += 1;
            *calls
        };
        let settled = match self.fault {
            RecordsFault::IgnoresWhatIsSettled => BTreeSet::new(),
            RecordsFault::TakesAllForSettled if !settled.is_empty() => return stream::empty().boxed(),
            _ => settled,
        };
        let spoilt = (self.inner.records(machine, settled))
            .flat_map(move |record| stream::iter(self.spoil(record, call)));
        if self.fault != RecordsFault::StopsAtAFailure {
            return spoilt.boxed();
        }
        let mut failed = false;
        spoilt
            .take_while(move |record| {
                let go_on = !failed;
                failed |= record.result().is_err();
                futures::future::ready(go_on)
            })
            .boxed()
    }
}
