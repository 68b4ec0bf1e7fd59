use std::fmt;

use async_trait::async_trait;
use custody_core::extent::{ByteRange, Extent};
use custody_core::ids::ObjectName;
use custody_core::port::{Deposit, DepositOptions, LegalHold, Receipt, Rereading, Taken};
use custody_core::{Acted, Error, Result};

use super::MemoryStore;

/// An object on its way into a [`MemoryStore`].
pub(super) struct MemoryDeposit {
    store: MemoryStore,
    name: ObjectName,
    options: DepositOptions,
    turn: u64,
    bytes: Vec<u8>,
}

impl MemoryDeposit {
    pub(super) const fn new(
        store: MemoryStore,
        name: ObjectName,
        options: DepositOptions,
        turn: u64,
    ) -> Self {
        Self {
            store,
            name,
            options,
            turn,
            bytes: Vec::new(),
        }
    }

    /// How the deposit stands: blocks that are whole are settled, and some are lost.
    fn stand(&mut self, range: ByteRange) -> Taken {
        let mut state = self.store.state.lock();
        let end = range.end();
        let Some(block) = state.block_bytes else {
            return Taken::for_good(end);
        };
        if self.options.rereading == Rereading::OnDemand
            && let Some(lost) = (state.losses.front().copied()).filter(|at| (range.start()..end).contains(at))
        {
            state.losses.pop_front();
            let start = lost - lost % block;
            self.bytes.truncate(usize::try_from(start).unwrap_or_default());
            return Taken::lost_from(start);
        }
        let settled = if end == self.options.length {
            end
        } else {
            end - end % block
        };
        Taken::so_far(settled, end)
    }

    /// Takes this deposit's own mark away; one that a later deposit made stays.
    fn leave_staging(&self) {
        let mut state = self.store.state.lock();
        if state.staging.get(&self.name) == Some(&self.turn) {
            state.staging.remove(&self.name);
        }
    }
}

impl fmt::Debug for MemoryDeposit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryDeposit({}, {} bytes)", self.name, self.bytes.len())
    }
}

impl Drop for MemoryDeposit {
    fn drop(&mut self) {
        self.leave_staging();
    }
}

#[async_trait]
impl Deposit for MemoryDeposit {
    async fn write(&mut self, extent: Extent) -> Result<Taken> {
        let range = extent.range();
        let next = self.bytes.len() as u64;
        if range.start() != next || range.end() > self.options.length {
            return Err(Error::misuse(format!(
                "{}: {range} was written where byte {next} of {} was due",
                self.name, self.options.length
            )));
        }
        {
            let state = self.store.state.lock();
            if state
                .capacity
                .is_some_and(|room| state.used() + range.end() > room)
            {
                return Err(Error::NoSpace {
                    object: self.name.to_string(),
                    source: Some("the fake store's capacity".into()),
                });
            }
        }
        match extent {
            Extent::Data { bytes, .. } => self.bytes.extend_from_slice(&bytes),
            Extent::Zero { .. } | Extent::Unread { .. } => {
                let end = usize::try_from(range.end()).map_err(|error| Error::misuse(error.to_string()))?;
                self.bytes.resize(end, 0);
            }
        }
        Ok(self.stand(range))
    }

    async fn commit(mut self: Box<Self>) -> Result<Acted<Receipt>> {
        let written = self.bytes.len() as u64;
        if written != self.options.length {
            return Err(Error::misuse(format!(
                "{}: {written} of {} bytes were written",
                self.name, self.options.length
            )));
        }
        let mut state = self.store.state.lock();
        let service = state.answer("commit");
        if state.staging.get(&self.name) != Some(&self.turn) {
            return Err(Error::misuse(format!(
                "{}: a later deposit under this name discarded this one",
                self.name
            )));
        }
        if state.is_taken(&self.name) {
            return Err(Error::AlreadyExists {
                object: self.name.to_string(),
            }
            .answered(service));
        }
        let held = self.options.hold == LegalHold::Place;
        let owner = Some(self.options.acquisition.clone());
        let bytes = std::mem::take(&mut self.bytes);
        state.put(&self.name, bytes, owner, held);
        let receipt = self.store.receipt(&self.name, state.object(&self.name)?);
        // Dropping the deposit takes its mark away, which needs the lock.
        drop(state);
        Ok(Acted {
            value: receipt,
            service,
        })
    }

    async fn abort(self: Box<Self>) -> Result<Acted<()>> {
        let service = self.store.state.lock().answer("abort");
        self.leave_staging();
        Ok(Acted { value: (), service })
    }
}
