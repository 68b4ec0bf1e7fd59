//! The digests of the whole stream: each goes through it from its start to its end.

use std::sync::Arc;

use digest::DynDigest;

use super::{
    lane::{Lane, LaneHasher, LaneName, Part},
    state::ImageState,
};
use crate::{
    Result, SideDigest,
    engine::{ReadyQueue, Urgency},
    image_options::NamedDigest,
    progress::Meter,
    whole_hasher::{WholeDigestPair, WholeHasher},
};

/// The lanes for the whole digest, if wanted, and for each side digest.
pub(crate) struct SequentialLanes {
    whole: Option<Arc<Lane<WholeHasher>>>,
    sides: Vec<SideLane>,
}

struct SideLane {
    name: String,
    lane: Arc<Lane<SideHasher>>,
}

struct SideHasher(Box<dyn DynDigest + Send>);

impl SequentialLanes {
    pub(crate) fn new(
        whole: Option<WholeHasher>,
        sides: Vec<NamedDigest>,
        state: &Arc<ImageState>,
        mut new_meter: impl FnMut() -> Arc<Meter>,
    ) -> Self {
        let whole = whole.map(|hasher| Lane::new(LaneName::Whole, hasher, Arc::clone(state), new_meter()));
        let sides = sides.into_iter().map(|NamedDigest { name, digest }| {
            let (lane_name, hasher) = (LaneName::Side(name.clone()), SideHasher(digest));
            SideLane {
                name,
                lane: Lane::new(lane_name, hasher, Arc::clone(state), new_meter()),
            }
        });
        Self {
            whole,
            sides: sides.collect(),
        }
    }

    pub(crate) fn send(&self, part: &Part, queue: &ReadyQueue) {
        self.whole.iter().for_each(|lane| lane.send(part.clone(), queue));
        self.sides
            .iter()
            .for_each(|side| side.lane.send(part.clone(), queue));
    }

    pub(crate) fn end(&self, queue: &ReadyQueue) {
        self.whole.iter().for_each(|lane| lane.end(queue));
        self.sides.iter().for_each(|side| side.lane.end(queue));
    }

    pub(crate) fn are_done(&self) -> bool {
        self.whole.iter().all(|lane| lane.is_done()) && self.sides.iter().all(|side| side.lane.is_done())
    }

    pub(crate) fn abandon(&self) {
        self.whole.iter().for_each(|lane| lane.abandon());
        self.sides.iter().for_each(|side| side.lane.abandon());
    }

    pub(crate) fn take_whole(&self) -> Result<Option<WholeDigestPair>> {
        self.whole.as_ref().map(|lane| lane.take_outcome()).transpose()
    }

    pub(crate) fn take_sides(&self) -> Result<Vec<SideDigest>> {
        let take = |SideLane { name, lane }: &SideLane| {
            Ok(SideDigest {
                name: name.clone(),
                value: lane.take_outcome()?,
            })
        };
        self.sides.iter().map(take).collect()
    }
}

impl LaneHasher for WholeHasher {
    type Outcome = WholeDigestPair;
    const URGENCY: Urgency = Urgency::Sequential;

    fn update(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }

    fn finish(self) -> WholeDigestPair {
        self.finish()
    }
}

impl LaneHasher for SideHasher {
    type Outcome = Vec<u8>;
    const URGENCY: Urgency = Urgency::Sequential;

    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> Vec<u8> {
        self.0.finalize().into_vec()
    }
}
