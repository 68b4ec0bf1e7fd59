use std::sync::Arc;

use bytes::Bytes;

use super::act::Act;
use super::chain::Chain;
use super::checkpoint::Checkpoint;
use super::event::{Circumstances, Event, When};
use crate::canonical;
use crate::error::Result;
use crate::hex;
use crate::ids::{AcquisitionId, CaseId};
use crate::port::{Clock, Entropy, LogHead, LogName};
use crate::service::ServiceRecord;

/// Makes the next line of a log: numbers it, chains it, salts it, dates it. Stores nothing itself.
#[derive(Debug)]
pub struct LogWriter {
    log: LogName,
    chain: Chain,
    circumstances: Circumstances,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// A line that was made but is not yet part of the log.
#[derive(Debug)]
pub(crate) struct DraftLine {
    pub(crate) event: Event,
    pub(crate) bytes: Bytes,
}

impl LogWriter {
    /// Goes on behind what `chain` has read.
    #[must_use]
    pub fn new(
        log: LogName,
        chain: Chain,
        circumstances: Circumstances,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            log,
            chain,
            circumstances,
            clock,
            entropy,
        }
    }

    /// The log.
    #[must_use]
    pub const fn log(&self) -> &LogName {
        &self.log
    }

    /// Who, where, how and why, as its lines say.
    #[must_use]
    pub const fn circumstances(&self) -> &Circumstances {
        &self.circumstances
    }

    /// Where the log stands.
    #[must_use]
    pub const fn head(&self) -> LogHead {
        self.chain.head()
    }

    /// The checkpoint over all lines so far.
    #[must_use]
    pub fn checkpoint(&self, origin: &str) -> Checkpoint {
        Checkpoint {
            origin: origin.to_owned(),
            size: self.chain.head().size,
            root: self.chain.root(),
        }
    }

    /// Drafts the next line. [`accept`](Self::accept) it once it is durable.
    pub(crate) fn draft(
        &self,
        act: Act,
        intent: Option<u64>,
        service: ServiceRecord,
        subject: Option<(&CaseId, &AcquisitionId)>,
    ) -> Result<DraftLine> {
        let mut salt = [0_u8; 16];
        self.entropy.fill(&mut salt)?;
        let (case, acquisition) = match (&self.log, subject) {
            (LogName::Acquisition { case, acquisition }, _) => {
                (Some(case.clone()), Some(acquisition.clone()))
            }
            (LogName::Register, Some((case, acquisition))) => (Some(case.clone()), Some(acquisition.clone())),
            (LogName::Register, None) => (None, None),
        };
        let monotonic_ms = u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(0);
        let event = Event {
            v: Event::VERSION,
            seq: self.head().size,
            prev: self.head().line,
            salt: hex::encode(&salt),
            case,
            acquisition,
            intent,
            when: When::new(self.clock.now(), monotonic_ms, self.clock.boot_id()),
            circumstances: self.circumstances.clone(),
            service: (!service.is_empty()).then_some(service),
            act,
        };
        let bytes = canonical::to_bytes(&event)?.into();
        Ok(DraftLine { event, bytes })
    }

    /// Takes a drafted line as the log's last.
    pub(crate) fn accept(&mut self, line: &DraftLine) {
        self.chain.accept(&line.bytes);
    }
}
