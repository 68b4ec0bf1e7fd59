use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Parts of a volume that were read so far, for code that reads without waiting.
///
/// What is asked for and not there is remembered: the caller reads it and asks again. File systems are walked from the
/// start each time, which costs little beside a request over a network.
#[derive(Debug, Clone)]
pub(super) struct BlockCache(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    blocks: BTreeMap<u64, Bytes>,
    length: u64,
    missing: Option<u64>,
}

/// Large enough that a walk takes few turns, small enough that it reads little.
pub(super) const BLOCK_BYTES: usize = 32 << 10;

/// Why bytes could not be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Absent {
    #[error("not read yet")]
    NotYet,
    #[error("the file system leads to byte {0}, beyond its volume")]
    Beyond(u64),
}

impl BlockCache {
    pub(super) fn new(length: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            blocks: BTreeMap::new(),
            length,
            missing: None,
        })))
    }

    /// A cache of a volume that is all there.
    pub(super) fn filled(bytes: &[u8]) -> Self {
        let cache = Self::new(bytes.len() as u64);
        for (number, block) in (0..).zip(bytes.chunks(BLOCK_BYTES)) {
            cache.insert(number, Bytes::copy_from_slice(block));
        }
        cache
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The bytes of the volume.
    pub(super) fn length(&self) -> u64 {
        self.with(|state| state.length)
    }

    /// Which block was asked for and was not there.
    pub(super) fn take_missing(&self) -> Option<u64> {
        self.with(|state| state.missing.take())
    }

    pub(super) fn insert(&self, number: u64, block: Bytes) {
        self.with(|state| state.blocks.insert(number, block));
    }

    /// Fills `out` with the bytes at this place.
    pub(super) fn read(&self, at: u64, out: &mut [u8]) -> Result<(), Absent> {
        self.with(|state| {
            let end = at.saturating_add(out.len() as u64);
            if end > state.length {
                return Err(Absent::Beyond(end));
            }
            let mut next = at;
            let mut rest = out;
            while !rest.is_empty() {
                let number = next / BLOCK_BYTES as u64;
                let inside = usize::try_from(next % BLOCK_BYTES as u64).unwrap_or(usize::MAX);
                let Some(block) = state.blocks.get(&number) else {
                    state.missing = Some(number);
                    return Err(Absent::NotYet);
                };
                let from = block.get(inside..).unwrap_or_default();
                let count = from.len().min(rest.len());
                if count == 0 {
                    return Err(Absent::Beyond(end));
                }
                let (now, later) = rest.split_at_mut(count);
                now.copy_from_slice(from.get(..count).unwrap_or_default());
                rest = later;
                next += count as u64;
            }
            Ok(())
        })
    }
}
