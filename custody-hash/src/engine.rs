//! The threads that hash, shared by many images.

use std::{
    fmt,
    num::NonZeroUsize,
    sync::Arc,
    thread::{self, JoinHandle},
};

use crate::{Error, ImageHash, ImageLayout, ImageOptions, Result, SavedPass, backend_name};

mod buffers;
mod image;
mod read_ahead;
mod reader;
mod ready_queue;
mod tree;

pub(crate) use ready_queue::{AnyJob, Job, ReadyQueue};

/// A set of named threads that hash as many images at a time as you [`start`](Self::start).
///
/// Cloning gives another handle to the same threads. They end, and are waited for, when the last handle and the last
/// [`ImageHash`] are gone; what they have in hand then takes milliseconds.
///
/// An image with a whole digest keeps one thread busy at a time with that and its chunk digests, which share the work,
/// and one more with each side digest. Where whole digests are left out, its chunks go to all threads. Two images that
/// share a thread go together, 1.7 times as fast as one after the other where the processor has SHA extensions and
/// AVX-512. More threads than cores gain nothing, and more images than threads share them fairly.
///
/// `Display` names the layer for logs: `custody-hash(2 threads, sha2)`.
///
/// # Examples
/// ```
/// use custody_hash::{Engine, EngineOptions};
/// use std::num::NonZeroUsize;
///
/// let engine = Engine::new(EngineOptions::default().with_threads(NonZeroUsize::MIN))?;
/// assert_eq!(engine.threads().get(), 1);
/// # Ok::<(), custody_hash::Error>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    crew: Arc<Crew>,
}

/// How an [`Engine`] is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineOptions {
    threads: NonZeroUsize,
}

/// The threads of an engine; dropping it ends them.
struct Crew {
    queue: Arc<ReadyQueue>,
    threads: Vec<JoinHandle<()>>,
    planned: NonZeroUsize,
}

impl Engine {
    /// Starts the threads. They are named `custody-hash-0` and so on, and sleep while there is nothing to hash.
    ///
    /// # Errors
    /// [`Error::Thread`] if the operating system refuses one; those that were started end again.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "options are given away, so that they may come to own things"
    )]
    pub fn new(options: EngineOptions) -> Result<Self> {
        let EngineOptions { threads: planned } = options;
        let mut crew = Crew {
            queue: Arc::new(ReadyQueue::default()),
            threads: Vec::new(),
            planned,
        };
        for number in 0..planned.get() {
            let (name, queue) = (format!("custody-hash-{number}"), Arc::clone(&crew.queue));
            let spawned = thread::Builder::new()
                .name(name.clone())
                .spawn(move || queue.work());
            crew.threads
                .push(spawned.map_err(|source| Error::Thread { name, source })?);
        }
        Ok(Self { crew: Arc::new(crew) })
    }

    /// Begins to hash an image; any number may be under way at once. Takes no time and starts no thread.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::DataBeyondImage`] or [`Error::DuplicateSideDigest`] if the request contradicts
    /// itself.
    pub fn start(&self, layout: ImageLayout, options: ImageOptions) -> Result<ImageHash> {
        ImageHash::start(self.clone(), layout, options)
    }

    /// Goes on with an image from where [`ImageHash::save`] left it; the next piece begins at
    /// [`SavedPass::position_bytes`](crate::SavedPass::position_bytes).
    ///
    /// # Errors
    /// [`Error::CannotSave`] if the options ask for side digests, or for chunk digests alone.
    pub fn resume(&self, saved: &SavedPass, options: ImageOptions) -> Result<ImageHash> {
        ImageHash::resume(self.clone(), saved, options)
    }

    /// How many threads hash.
    #[must_use]
    pub fn threads(&self) -> NonZeroUsize {
        self.crew.planned
    }

    pub(crate) fn queue(&self) -> &ReadyQueue {
        &self.crew.queue
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("threads", &self.threads())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self.threads();
        let plural = if threads == NonZeroUsize::MIN { "" } else { "s" };
        write!(f, "custody-hash({threads} thread{plural}, {})", backend_name())
    }
}

impl EngineOptions {
    /// How many threads hash at the same time. The default is what the operating system says is available to this
    /// process, or one if it does not say.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = threads;
        self
    }
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.queue.close();
        let this_thread = thread::current().id();
        for thread in self.threads.drain(..) {
            // The last handle may go on one of our own threads, inside a waker that we call. That thread cannot wait
            // for itself, and ends on its own.
            if thread.thread().id() != this_thread {
                // A thread of ours catches all panics; there is nothing to learn from its result.
                drop(thread.join());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::{
        Piece,
        samples::{Hooked, engine},
    };

    #[test]
    fn the_threads_end_with_the_last_handle() {
        let engine = engine(3);
        let queue = Arc::downgrade(&engine.crew.queue);
        let image = engine
            .start(ImageLayout::new(0), ImageOptions::default())
            .unwrap();
        drop(engine.clone());
        drop(engine);
        assert_eq!(queue.strong_count(), 4, "an image keeps its engine");
        drop(image);
        assert_eq!(queue.strong_count(), 0);
    }

    #[test]
    fn the_threads_have_names() {
        let (sender, names) = mpsc::channel();
        let tell = move |_| sender.send(thread::current().name().map(str::to_owned)).unwrap();
        let options = ImageOptions::default().with_side_digest("teller", Hooked::new(tell));
        let mut image = engine(1).start(ImageLayout::new(1), options).unwrap();
        image.push_blocking(Piece::Data("a".into())).unwrap();
        image.finish_blocking().unwrap();
        assert_eq!(names.recv().unwrap().as_deref(), Some("custody-hash-0"));
    }

    #[test]
    fn an_engine_names_itself_for_logs() {
        let backend = backend_name();
        assert_eq!(
            engine(1).to_string(),
            format!("custody-hash(1 thread, {backend})")
        );
        assert_eq!(
            engine(2).to_string(),
            format!("custody-hash(2 threads, {backend})")
        );
    }

    #[test]
    fn engines_and_images_go_to_other_threads() {
        fn can_go<T: Send>(_: &T) {}
        let engine = engine(1);
        can_go(&engine);
        let mut image = engine
            .start(ImageLayout::new(0), ImageOptions::default())
            .unwrap();
        can_go(&image.push(Piece::Zero { length_bytes: 0 }));
        can_go(&image.finish());
    }
}
