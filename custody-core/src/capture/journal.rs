//! The acquisition log as the journal of the workflow: durable before anything else happens.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;

use super::notes::NoteSigner;
use super::state::AcquisitionState;
use super::warrant::AnchoredSeal;
use crate::custody_log::{Act, Chain, Checkpoint, Circumstances, Event, LogWriter, read_chain};
use crate::digest::Sha256Digest;
use crate::error::{Error, Result};
use crate::port::{Clock, Entropy, LogAnchor, LogHead, LogName, LogStore};
use crate::ports::Ports;
use crate::service::ServiceRecord;

/// An intent line that was written and must be answered.
#[derive(Debug, Clone, Copy)]
#[must_use = "an intent is answered by a done or a failed line"]
pub(super) struct Intent(u64);

impl Intent {
    /// The intent of an earlier run, by the number of its line.
    pub(super) const fn of_line(line: u64) -> Self {
        Self(line)
    }
}

/// The log of one acquisition, with what it says so far.
#[derive(Debug)]
pub(super) struct Journal {
    log: Arc<dyn LogStore>,
    anchor: Arc<dyn LogAnchor>,
    signer: NoteSigner,
    writer: LogWriter,
    state: AcquisitionState,
    /// Where the anchored log ends; none until the anchor could be asked, and as long as there is no store.
    anchored: Option<LogHead>,
    /// Lines that are durable here and not yet at the anchor; what they are is only known once it was asked.
    pending: Vec<Bytes>,
}

impl Journal {
    /// Begins the log of a new acquisition with its opening line.
    ///
    /// An anchor that does not answer is asked again before anything goes there: evidence that may vanish does not wait
    /// for it.
    pub(super) async fn begin(
        ports: &Ports,
        name: LogName,
        circumstances: Circumstances,
        opening: Act,
    ) -> Result<Self> {
        let mut writer = new_writer(&name, Chain::new(), circumstances, &ports.clock, &ports.entropy);
        let draft = writer.draft(opening, None, ServiceRecord::none(), None)?;
        let state = AcquisitionState::fold(&name.to_string(), std::slice::from_ref(&draft.event))?;
        let head = ports.log.head(&name).await?;
        let anchored = match state.binding {
            Some(_) => ports.anchor.head(&name).await.ok(),
            None => None,
        };
        if head != LogHead::EMPTY || anchored.is_some_and(|anchored| anchored != LogHead::EMPTY) {
            return Err(Error::AlreadyExists {
                object: name.to_string(),
            });
        }
        ports.log.append(&name, &head, &draft.bytes).await?;
        writer.accept(&draft);
        Ok(Self {
            log: ports.log.clone(),
            anchor: ports.anchor.clone(),
            signer: NoteSigner::new(ports),
            writer,
            state,
            anchored,
            pending: vec![draft.bytes],
        })
    }

    /// Opens the log of an acquisition that was begun before, and says so in it.
    pub(super) async fn reopen(ports: &Ports, name: LogName, circumstances: Circumstances) -> Result<Self> {
        let object = name.to_string();
        let tail = ports.log.set_aside_tail(&name).await?;
        let (chain, events) = read_chain(&object, ports.log.lines(&name, 0)).await?;
        let state = AcquisitionState::fold(&object, &events)?;
        let anchored = match state.binding {
            Some(_) => ports.anchor.head(&name).await.ok(),
            None => None,
        };
        let pending = match anchored {
            Some(anchored) => unanchored(ports.log.as_ref(), &name, chain.head(), anchored).await?,
            None => Vec::new(),
        };
        let mut journal = Self {
            log: ports.log.clone(),
            anchor: ports.anchor.clone(),
            signer: NoteSigner::new(ports),
            writer: new_writer(&name, chain, circumstances, &ports.clock, &ports.entropy),
            state,
            anchored,
            pending,
        };
        if let Some(tail) = tail {
            let (length, sha256) = ((tail.len() as u64).into(), Sha256Digest::of(&tail));
            journal.note(Act::TailSetAside { length, sha256 }).await?;
        }
        Ok(journal)
    }

    /// The log's name.
    pub(super) const fn log(&self) -> &LogName {
        self.writer.log()
    }

    /// What the log says so far.
    pub(super) const fn state(&self) -> &AcquisitionState {
        &self.state
    }

    /// Who, where, how and why, as its lines say.
    pub(super) const fn circumstances(&self) -> &Circumstances {
        self.writer.circumstances()
    }

    /// How many lines there are.
    pub(super) const fn lines(&self) -> u64 {
        self.writer.head().size
    }

    /// The checkpoint over all lines so far.
    pub(super) fn position(&self) -> Result<Checkpoint> {
        Ok(self.writer.checkpoint(&self.state.bound()?.origin))
    }

    /// Writes the line before an act on the outside.
    pub(super) async fn intend(&mut self, act: Act) -> Result<Intent> {
        self.write(act, None, ServiceRecord::none()).await.map(Intent)
    }

    /// As [`intend`](Self::intend), for an act on what a service answered, with that answer.
    pub(super) async fn intend_answered(&mut self, act: Act, service: ServiceRecord) -> Result<Intent> {
        self.write(act, None, service).await.map(Intent)
    }

    /// As [`intend`](Self::intend), for an act that exposes or destroys: the anchor has the line first.
    pub(super) async fn intend_anchored(&mut self, act: Act) -> Result<Intent> {
        let intent = self.intend(act).await?;
        self.flush().await?;
        Ok(intent)
    }

    /// Writes the line after an act, with what the service answered.
    pub(super) async fn answer(&mut self, intent: Intent, act: Act, service: ServiceRecord) -> Result<()> {
        self.write(act, Some(intent.0), service).await.map(drop)
    }

    /// Writes a line that answers no intent.
    pub(super) async fn note(&mut self, act: Act) -> Result<u64> {
        self.write(act, None, ServiceRecord::none()).await
    }

    /// As [`note`](Self::note), with what a service answered.
    pub(super) async fn note_answered(&mut self, act: Act, service: ServiceRecord) -> Result<()> {
        self.write(act, None, service).await.map(drop)
    }

    async fn write(&mut self, act: Act, intent: Option<u64>, service: ServiceRecord) -> Result<u64> {
        let draft = self.writer.draft(act, intent, service, None)?;
        // Folded first: a line that does not fit what came before never becomes durable.
        let mut state = self.state.clone();
        state
            .take(&draft.event)
            .map_err(|reason| Error::misuse(format!("{}: {reason}", self.writer.log())))?;
        self.log
            .append(self.writer.log(), &self.writer.head(), &draft.bytes)
            .await?;
        self.writer.accept(&draft);
        self.state = state;
        self.pending.push(draft.bytes);
        Ok(draft.event.seq)
    }

    /// Brings the anchor up to the last line.
    ///
    /// # Errors
    /// [`Error::Refused`] as long as the acquisition is bound to no store; otherwise the anchor's.
    pub(super) async fn flush(&mut self) -> Result<()> {
        let anchored = match self.anchored {
            Some(anchored) => anchored,
            None => self.meet_anchor().await?,
        };
        if self.pending.is_empty() {
            return Ok(());
        }
        let acted = self
            .anchor
            .append(self.writer.log(), &anchored, &self.pending)
            .await?;
        if acted.value != self.writer.head() {
            return Err(Error::Integrity {
                object: self.writer.log().to_string(),
                place: "head of the anchored log".into(),
                expected: self.writer.head().to_string(),
                actual: acted.value.to_string(),
            });
        }
        self.anchored = Some(acted.value);
        self.pending.clear();
        Ok(())
    }

    /// Asks the anchor where its log ends, and finds the lines that it does not have.
    async fn meet_anchor(&mut self) -> Result<LogHead> {
        self.state.bound()?;
        let name = self.writer.log();
        let anchored = self.anchor.head(name).await?;
        self.pending = unanchored(self.log.as_ref(), name, self.writer.head(), anchored).await?;
        self.anchored = Some(anchored);
        Ok(anchored)
    }

    /// Signs a checkpoint over all lines so far and anchors it; gives the proof that it lies there.
    pub(super) async fn checkpoint(&mut self, ports: &Ports) -> Result<(Checkpoint, AnchoredSeal)> {
        self.flush().await?;
        let checkpoint = self.position()?;
        self.signer
            .anchor(ports, self.writer.log(), &checkpoint, &[])
            .await?;
        Ok((checkpoint.clone(), AnchoredSeal::acknowledged(checkpoint)))
    }
}

fn new_writer(
    name: &LogName,
    chain: Chain,
    circumstances: Circumstances,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> LogWriter {
    LogWriter::new(name.clone(), chain, circumstances, clock.clone(), entropy.clone())
}

/// The local lines that the anchor does not have, after checking that it has exactly the ones before.
async fn unanchored(
    log: &dyn LogStore,
    name: &LogName,
    local: LogHead,
    anchored: LogHead,
) -> Result<Vec<Bytes>> {
    let fork = |actual: String| Error::Integrity {
        object: name.to_string(),
        place: format!("line {}", anchored.size),
        expected: format!("an anchored log that the local one continues ({local})"),
        actual,
    };
    if anchored.size > local.size {
        return Err(fork(format!(
            "an anchored log that is ahead of the local one ({anchored})"
        )));
    }
    let mut lines = log.lines(name, anchored.size.saturating_sub(1));
    let mut pending = Vec::new();
    let mut first = anchored.size > 0;
    while let Some(line) = lines.next().await {
        let line = line?;
        if std::mem::take(&mut first) {
            if Sha256Digest::of(&line) != anchored.line {
                return Err(fork(format!("another line there ({anchored})")));
            }
        } else {
            pending.push(line);
        }
    }
    Ok(pending)
}

/// The events of a log, for whoever only reads them.
pub(super) async fn events(log: &dyn LogStore, name: &LogName) -> Result<Vec<Event>> {
    Ok(read_chain(&name.to_string(), log.lines(name, 0)).await?.1)
}
