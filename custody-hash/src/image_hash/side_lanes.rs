//! The digests by other algorithms: each goes through the stream from its start to its end.

use std::sync::Arc;

use digest::DynDigest;

use super::{
    lane::{Lane, LaneHasher, LaneName, Part},
    state::ImageState,
    turn::{Turn, take_turns},
};
use crate::{
    ChunkRun, Piece, Result, SideDigest,
    engine::{AnyJob, Job, ReadyQueue},
    image_options::NamedDigest,
    progress::Meter,
};

pub(crate) type SideLane = Lane<SideHasher>;

/// A lane for each side digest.
pub(crate) struct SideLanes(Vec<NamedLane>);

struct NamedLane {
    name: String,
    lane: Arc<SideLane>,
}

pub(crate) struct SideHasher(Box<dyn DynDigest + Send>);

impl SideLanes {
    pub(crate) fn new(
        sides: Vec<NamedDigest>,
        state: &Arc<ImageState>,
        mut new_meter: impl FnMut() -> Arc<Meter>,
    ) -> Self {
        let lanes = sides.into_iter().map(|NamedDigest { name, digest }| {
            let (lane_name, hasher) = (LaneName::Side(name.clone()), SideHasher(digest));
            NamedLane {
                name,
                lane: Lane::new(lane_name, hasher, Arc::clone(state), new_meter()),
            }
        });
        Self(lanes.collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn send(&self, part: &Part, queue: &ReadyQueue) {
        self.0.iter().for_each(|side| side.lane.send(part.clone(), queue));
    }

    pub(crate) fn end(&self, queue: &ReadyQueue) {
        self.0.iter().for_each(|side| side.lane.end(queue));
    }

    pub(crate) fn are_done(&self) -> bool {
        self.0.iter().all(|side| side.lane.is_done())
    }

    pub(crate) fn abandon(&self) {
        self.0.iter().for_each(|side| side.lane.abandon());
    }

    pub(crate) fn take_digests(&self) -> Result<Vec<SideDigest>> {
        let take = |NamedLane { name, lane }: &NamedLane| {
            Ok(SideDigest {
                name: name.clone(),
                value: lane.take_outcome()?,
            })
        };
        self.0.iter().map(take).collect()
    }
}

impl LaneHasher for SideHasher {
    type Outcome = Vec<u8>;

    fn job(lane: Arc<Lane<Self>>, _: &Piece) -> AnyJob {
        AnyJob::Side(lane)
    }

    fn advance(&mut self, piece: &mut Piece, budget_bytes: u64) -> u64 {
        let now = piece.split_to(budget_bytes);
        now.slices().for_each(|bytes| self.0.update(bytes));
        now.length_bytes()
    }

    fn finish(self) -> (Vec<u8>, Vec<ChunkRun>) {
        (self.0.finalize().into_vec(), Vec::new())
    }
}

impl Job for SideLane {
    /// Foreign code: what one does must not touch another.
    const TOGETHER: usize = 1;

    fn run(lanes: Vec<Arc<Self>>) -> Vec<Arc<Self>> {
        take_turns(lanes, |turns| turns.iter_mut().for_each(Turn::advance))
    }

    fn fail(&self, message: &str) {
        self.fail_image(message);
    }
}
