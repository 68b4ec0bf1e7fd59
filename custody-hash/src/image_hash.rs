//! One image on its way through an engine.

use std::{fmt, sync::Arc};

use crate::{
    ChunkRun, Engine, Error, ImageDigests, ImageLayout, ImageOptions, Piece, Progress, Result, SavedPass,
    WholeDigests, block_on::block_on, engine::ReadyQueue, image_pass::ImagePass, merkle::MerkleFrontier,
    progress::Meter, whole_hasher::WholeDigestPair,
};

mod chunk_lanes;
mod gather;
mod image_lane;
mod lane;
mod side_lanes;
mod state;
mod turn;

use chunk_lanes::ChunkLanes;
use gather::Gather;
use image_lane::ImageOutcome;
use lane::{Lane, LaneName, Part};
use side_lanes::SideLanes;
use state::{Charge, ImageState};

pub(crate) use self::{
    chunk_lanes::ChunkLane, gather::SMALL_BYTES as COPIED_BELOW_BYTES, image_lane::ImageLane,
    side_lanes::SideLane,
};

/// The least that a piece counts in flight, so that a million tiny pieces cannot hide a hundred megabytes of queue.
const LEAST_CHARGE_BYTES: u64 = 1 << 10;

/// An image that is being hashed: push its pieces in order, then finish.
///
/// Made by [`Engine::start`]. Hashing happens on the engine's threads. The futures wait for room and for the end, do
/// no work to speak of, need no runtime, and can be driven by any executor; the `_blocking` twins do the same by putting
/// the calling thread to sleep. All is `Send`.
///
/// After [`Error::GoesOn`](crate::Error::GoesOn) or [`Error::LanePanicked`](crate::Error::LanePanicked) the image has
/// failed: every later call returns the same error. Dropping it frees what it holds and leaves other images alone.
///
/// Memory: the bytes in flight ([`ImageOptions::with_in_flight_bytes`]) and about 600 KiB. A caller that pushes slices
/// of a buffer keeps that buffer alive for as long as any slice is in flight.
///
/// # Examples
/// ```
/// use bytes::Bytes;
/// use custody_hash::{ChunkRun, Engine, EngineOptions, ImageLayout, ImageOptions, Piece};
///
/// let engine = Engine::new(EngineOptions::default())?;
/// let layout = ImageLayout::new((64 << 20) + 512).with_disk_data_bytes(64 << 20);
/// let mut image = engine.start(layout, ImageOptions::default())?;
/// let mut runs = image.push_blocking(Piece::Zero { length_bytes: 64 << 20 })?;
/// runs.extend(image.push_blocking(Piece::Data(Bytes::from_static(&[b'f'; 512])))?);
/// let (rest, digests) = image.finish_blocking()?;
/// runs.extend(rest);
///
/// assert_eq!(runs[0], ChunkRun::Zero { chunks: 16 });
/// assert_eq!(digests.chunks, 17);
/// assert_ne!(digests.disk_data, digests.stored_file);
/// # Ok::<(), custody_hash::Error>(())
/// ```
pub struct ImageHash {
    layout: ImageLayout,
    received_bytes: u64,
    /// Length of the piece that was refused because it went beyond the declared length.
    refused_bytes: u64,
    gather: Gather,
    stream: Stream,
    sides: SideLanes,
    state: Arc<ImageState>,
    accepted: Arc<Meter>,
    progress: Progress,
    engine: Engine,
}

/// The digests by SHA-256.
enum Stream {
    /// Whole and chunk digests in one pass, on one thread at a time.
    Fused(Arc<ImageLane>),
    /// Chunk digests only, on any number of threads.
    Chunks(ChunkLanes),
}

impl ImageHash {
    pub(crate) fn start(engine: Engine, layout: ImageLayout, options: ImageOptions) -> Result<Self> {
        layout.check()?;
        options.check()?;
        let in_flight_bytes = options.in_flight_bytes(engine.threads());
        let state = Arc::new(ImageState::new(in_flight_bytes));
        let mut meters = Vec::new();
        let mut new_meter = || {
            let meter = Arc::new(Meter::default());
            meters.push(Arc::clone(&meter));
            meter
        };
        let stream = match options.whole_digests {
            WholeDigests::Hash => {
                let pass = ImagePass::new(layout.disk_data_bytes(), options.chunk_bytes);
                Stream::Fused(Lane::new(LaneName::Whole, pass, Arc::clone(&state), new_meter()))
            }
            WholeDigests::Omit => Stream::Chunks(ChunkLanes::new(
                options.chunk_bytes,
                Arc::clone(&state),
                new_meter(),
            )),
        };
        let sides = SideLanes::new(options.side_digests, &state, new_meter);
        let accepted = Arc::new(Meter::default());
        let progress = options.progress;
        progress.show(layout.stored_file_bytes(), &accepted, meters);
        Ok(Self {
            layout,
            received_bytes: 0,
            refused_bytes: 0,
            gather: Gather::default(),
            stream,
            sides,
            state,
            accepted,
            progress,
            engine,
        })
    }

    pub(crate) fn resume(engine: Engine, saved: &SavedPass, options: ImageOptions) -> Result<Self> {
        if options.whole_digests == WholeDigests::Omit || !options.side_digests.is_empty() {
            return Err(Error::CannotSave {
                what: "side digests, or chunk digests alone",
            });
        }
        let mut image = Self::start(engine, saved.layout(), options)?;
        let meter = Arc::new(Meter::default());
        let meters = vec![Arc::clone(&meter)];
        for meter in [&meter, &image.accepted] {
            meter.add(saved.position_bytes());
        }
        let length_bytes = saved.layout().stored_file_bytes();
        image.progress.show(length_bytes, &image.accepted, meters);
        image.received_bytes = saved.position_bytes();
        let pass = saved.pass().clone();
        image.stream = Stream::Fused(Lane::new(LaneName::Whole, pass, Arc::clone(&image.state), meter));
        Ok(image)
    }

    /// Accepts the next piece, waiting for room if need be, and returns the chunk digests that became final since the
    /// last call: in stream order, each once, possibly none.
    ///
    /// A piece of length zero is accepted and changes nothing.
    ///
    /// # Errors
    /// [`Error::GoesOn`](crate::Error::GoesOn) if the piece goes beyond the declared length; nothing of it is hashed.
    /// [`Error::LanePanicked`](crate::Error::LanePanicked) if a digest failed, now or earlier.
    ///
    /// # Cancel safety
    /// A future that is dropped before it is ready has not accepted the piece: push the same piece again, or drop the
    /// image. A future that is ready has accepted it. There is nothing in between, and no digest is lost.
    pub async fn push(&mut self, piece: Piece) -> Result<Vec<ChunkRun>> {
        self.check()?;
        let length_bytes = piece.length_bytes();
        let end_bytes = self.layout.advance(self.received_bytes, length_bytes);
        let end_bytes = end_bytes.inspect_err(|_| self.refused_bytes = length_bytes)?;

        if let Some(piece) = self.gather.offer(piece) {
            self.send_gathered().await?;
            if let Some(piece) = self.gather.offer(piece) {
                let charge = self.room(length_bytes).await?;
                self.send(piece, charge);
            }
        }
        self.received_bytes = end_bytes;
        self.accepted.add(length_bytes);
        self.stream.take_runs()
    }

    /// [`push`](Self::push) for callers without an executor: the thread sleeps until there is room.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_blocking(&mut self, piece: Piece) -> Result<Vec<ChunkRun>> {
        block_on(self.push(piece))
    }

    /// Ends the stream, waits until everything is hashed, and returns the remaining chunk digests and all others.
    ///
    /// # Errors
    /// [`Error::EndedEarly`](crate::Error::EndedEarly) if fewer bytes were pushed than declared, and
    /// [`Error::DataBeyondImage`](crate::Error::DataBeyondImage) if a stream of undeclared length ended within the
    /// disk data. [`Error::GoesOn`](crate::Error::GoesOn) and [`Error::LanePanicked`](crate::Error::LanePanicked) if
    /// the image has failed.
    ///
    /// # Cancel safety
    /// Dropping the future drops the image; there will be no digests.
    pub async fn finish(mut self) -> Result<(Vec<ChunkRun>, ImageDigests)> {
        self.check()?;
        self.layout.check_end(self.received_bytes)?;
        self.send_gathered().await?;
        self.stream.end(self.engine.queue());
        self.sides.end(self.engine.queue());
        self.ended().await?;

        let runs = self.stream.take_runs()?;
        let (whole, tree) = self.stream.take_outcome()?;
        let digests = ImageDigests {
            stored_file_bytes: self.received_bytes,
            stored_file: whole.map(|whole| whole.stored_file),
            disk_data: whole.and_then(|whole| whole.disk_data),
            chunks: tree.len(),
            root: tree.root(),
            side: self.sides.take_digests()?,
        };
        Ok((runs, digests))
    }

    /// [`finish`](Self::finish) for callers without an executor: the thread sleeps until everything is hashed.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_blocking(self) -> Result<(Vec<ChunkRun>, ImageDigests)> {
        block_on(self.finish())
    }

    /// Waits until all that was pushed is hashed, and returns the chunk digests that became final and a state from
    /// which [`Engine::resume`] goes on, in another process if need be. This image can go on as well.
    ///
    /// # Errors
    /// [`Error::CannotSave`](crate::Error::CannotSave) with side digests, whose state nobody can read, and where chunk
    /// digests are made alone: begin again at a chunk there. Those of [`push`](Self::push).
    ///
    /// # Cancel safety
    /// Nothing is lost: what was final is returned by the next call.
    pub async fn save(&mut self) -> Result<(Vec<ChunkRun>, SavedPass)> {
        self.check()?;
        let Stream::Fused(lane) = &self.stream else {
            return Err(Error::CannotSave {
                what: "chunk digests alone",
            });
        };
        if !self.sides.is_empty() {
            return Err(Error::CannotSave { what: "side digests" });
        }
        let lane = Arc::clone(lane);
        self.send_gathered().await?;
        self.state.await_rest();
        let pass = std::future::poll_fn(|context| {
            self.state.poll_until(context, || match self.state.check() {
                Ok(()) => lane.at_rest(ImagePass::clone).map(Ok),
                Err(failure) => Some(Err(failure)),
            })
        });
        let pass = pass.await?;
        Ok((lane.take_runs(), SavedPass::new(self.layout, pass)))
    }

    /// [`save`](Self::save) for callers without an executor.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_blocking(&mut self) -> Result<(Vec<ChunkRun>, SavedPass)> {
        block_on(self.save())
    }

    /// A live view of how far the image has come, to be kept beside it.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// How many bytes may be in flight.
    pub(crate) fn in_flight_bytes(&self) -> u64 {
        self.state.limit_bytes()
    }

    /// Whether the image can still succeed.
    fn check(&self) -> Result<()> {
        self.state.check()?;
        self.layout
            .advance(self.received_bytes, self.refused_bytes)
            .map(drop)
    }

    /// Hands what was gathered to the lanes. Dropped early, it has handed over nothing.
    async fn send_gathered(&mut self) -> Result<()> {
        if self.gather.length_bytes() > 0 {
            let charge = self.room(self.gather.length_bytes()).await?;
            let piece = self.gather.take();
            self.send(piece, charge);
        }
        Ok(())
    }

    async fn room(&self, length_bytes: u64) -> Result<Charge> {
        self.state.room(length_bytes.max(LEAST_CHARGE_BYTES)).await
    }

    fn send(&mut self, piece: Piece, charge: Charge) {
        let part = Part::new(piece, Some(Arc::new(charge)));
        let queue = self.engine.queue();
        self.sides.send(&part, queue);
        self.stream.send(part, queue);
    }

    /// Waits until every lane is done.
    async fn ended(&self) -> Result<()> {
        std::future::poll_fn(|context| {
            self.state.poll_until(context, || match self.state.check() {
                Ok(()) => (self.stream.is_done() && self.sides.are_done()).then_some(Ok(())),
                Err(failure) => Some(Err(failure)),
            })
        })
        .await
    }
}

impl Stream {
    fn send(&mut self, part: Part, queue: &ReadyQueue) {
        match self {
            Self::Fused(lane) => lane.send(part, queue),
            Self::Chunks(chunks) => chunks.send(part, queue),
        }
    }

    fn end(&mut self, queue: &ReadyQueue) {
        match self {
            Self::Fused(lane) => lane.end(queue),
            Self::Chunks(chunks) => chunks.end(queue),
        }
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Fused(lane) => lane.is_done(),
            Self::Chunks(chunks) => chunks.are_done(),
        }
    }

    fn take_runs(&mut self) -> Result<Vec<ChunkRun>> {
        match self {
            Self::Fused(lane) => Ok(lane.take_runs()),
            Self::Chunks(chunks) => chunks.take_runs(),
        }
    }

    fn take_outcome(&self) -> Result<(Option<WholeDigestPair>, MerkleFrontier)> {
        match self {
            Self::Fused(lane) => {
                let ImageOutcome { whole, tree } = lane.take_outcome()?;
                Ok((Some(whole), tree?))
            }
            Self::Chunks(chunks) => Ok((None, chunks.tree()?.clone())),
        }
    }

    fn abandon(&self) {
        match self {
            Self::Fused(lane) => lane.abandon(),
            Self::Chunks(chunks) => chunks.abandon(),
        }
    }
}

impl fmt::Debug for ImageHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageHash")
            .field("layout", &self.layout)
            .field("received_bytes", &self.received_bytes)
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

impl Drop for ImageHash {
    fn drop(&mut self) {
        self.state.abandon();
        self.stream.abandon();
        self.sides.abandon();
    }
}

#[cfg(test)]
mod tests;
