//! What a thread has of a lane while it is that lane's turn.

use std::sync::Arc;

use super::lane::{Lane, LaneHasher, Part, Standing};

/// What a lane hashes before it lets other lanes have the thread: half a millisecond's worth.
const TURN_BYTES: u64 = 1 << 20;

/// A lane whose hasher is on this thread.
pub(super) struct Turn<H: LaneHasher> {
    pub(super) hasher: H,
    /// The part that is being hashed.
    pub(super) part: Option<Part>,
    pub(super) left_bytes: u64,
    lane: Arc<Lane<H>>,
}

impl<H: LaneHasher> Turn<H> {
    /// Nothing if the lane was abandoned meanwhile.
    pub(super) fn begin(lane: Arc<Lane<H>>) -> Option<Self> {
        let hasher = lane.mailbox().start()?;
        Some(Self {
            hasher,
            part: None,
            left_bytes: TURN_BYTES,
            lane,
        })
    }

    /// Whether there is something to hash now: the next part is in hand if so.
    pub(super) fn is_ready(&mut self) -> bool {
        if self.lane.state.is_abandoned() {
            return false;
        }
        if self.part.is_none() {
            self.part = self.lane.mailbox().parts.pop_front();
        }
        self.part.is_some()
    }

    /// Hashes some of the part in hand, at most what is left of the turn.
    pub(super) fn advance(&mut self) {
        if let Some(part) = &mut self.part {
            let taken_bytes = self.hasher.advance(&mut part.piece, self.left_bytes);
            self.took(taken_bytes);
        }
    }

    /// Counts what was hashed, and lets go of the part if nothing is left of it.
    pub(super) fn took(&mut self, taken_bytes: u64) {
        self.left_bytes = self.left_bytes.saturating_sub(taken_bytes);
        self.lane.meter.add(taken_bytes);
        if self
            .part
            .as_ref()
            .is_some_and(|part| part.piece.length_bytes() == 0)
        {
            self.part = None;
        }
    }

    /// Ends the turn. Gives the lane back if it has more to do.
    pub(super) fn end(mut self) -> Option<Arc<Lane<H>>> {
        let Self { lane, part, .. } = self;
        if lane.state.is_abandoned() {
            lane.give_up();
            return None;
        }
        let runs = self.hasher.take_runs();
        let mut mailbox = lane.mailbox();
        mailbox.add_runs(runs);
        if let Some(part) = part {
            mailbox.parts.push_front(part);
        }
        if !mailbox.parts.is_empty() {
            mailbox.standing = Standing::Queued(self.hasher);
            drop(mailbox);
            return Some(lane);
        }
        if !mailbox.ended {
            mailbox.standing = Standing::Idle(self.hasher);
            drop(mailbox);
            lane.state.wake_at_rest();
            return None;
        }
        drop(mailbox);
        let (outcome, runs) = self.hasher.finish();
        let mut mailbox = lane.mailbox();
        mailbox.add_runs(runs);
        mailbox.standing = Standing::Done(Some(outcome));
        drop(mailbox);
        lane.state.wake();
        None
    }
}

/// Turns of several lanes at once. `advance` hashes something of those that have something to hash; the turns of all
/// end when the first has had its share, so that those that go together stay together.
pub(super) fn take_turns<H: LaneHasher>(
    lanes: Vec<Arc<Lane<H>>>,
    mut advance: impl FnMut(&mut [Turn<H>]),
) -> Vec<Arc<Lane<H>>> {
    let mut turns: Vec<_> = lanes.into_iter().filter_map(Turn::begin).collect();
    let mut again = Vec::new();
    while turns.iter().all(|turn| turn.left_bytes > 0) {
        for idle in turns.extract_if(.., |turn| !turn.is_ready()) {
            again.extend(idle.end());
        }
        if turns.is_empty() {
            break;
        }
        advance(&mut turns);
    }
    again.extend(turns.into_iter().filter_map(Turn::end));
    again
}
