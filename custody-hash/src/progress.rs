//! How far an image has come, in plain numbers.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// A live view of one image under way. Clone it, keep it, ask it from any thread and at any time, also while a push or
/// a finish is waiting; asking costs a lock that nobody holds for long, and a few loads.
///
/// [`ImageHash::progress`](crate::ImageHash::progress) gives it; a pass that begins and ends in one call, such as
/// [`Engine::hash_image`](crate::Engine::hash_image), shows itself in the one that was given to its options.
///
/// # Examples
/// ```
/// use custody_hash::{Engine, EngineOptions, ImageLayout, ImageOptions, Progress};
///
/// let progress = Progress::new();
/// let options = ImageOptions::default().with_progress(progress.clone());
/// let engine = Engine::new(EngineOptions::default())?;
/// std::thread::scope(|scope| {
///     let pass = scope.spawn(|| engine.hash_image(&vec![7; 9 << 20], ImageLayout::new(9 << 20), options, |_| Ok(())));
///     // … meanwhile, here: progress.hashed_bytes() …
///     pass.join().expect("no panic")
/// })?;
/// assert_eq!(progress.hashed_bytes(), 9 << 20);
/// # Ok::<(), custody_hash::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Progress {
    view: Arc<Mutex<View>>,
}

/// What an image counts.
#[derive(Debug, Default)]
struct View {
    stored_file_bytes: Option<u64>,
    accepted: Arc<Meter>,
    lanes: Vec<Arc<Meter>>,
}

/// A number of bytes that only grows.
#[derive(Debug, Default)]
pub(crate) struct Meter(AtomicU64);

impl Progress {
    /// One that stands at zero until an image begins with it; see
    /// [`ImageOptions::with_progress`](crate::ImageOptions::with_progress). Given to several images, it shows the one
    /// that began last.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes that every digest has taken in: where the slowest of them is. Never decreases while an image lasts.
    #[must_use]
    pub fn hashed_bytes(&self) -> u64 {
        let view = self.view();
        view.lanes.iter().map(|lane| lane.bytes()).min().unwrap_or(0)
    }

    /// Bytes that were pushed and accepted.
    #[must_use]
    pub fn accepted_bytes(&self) -> u64 {
        self.view().accepted.bytes()
    }

    /// The declared length of the stored file, if one was declared.
    #[must_use]
    pub fn stored_file_bytes(&self) -> Option<u64> {
        self.view().stored_file_bytes
    }

    /// From now on, shows an image that counts here.
    pub(crate) fn show(&self, stored_file_bytes: Option<u64>, accepted: &Arc<Meter>, lanes: Vec<Arc<Meter>>) {
        *self.view() = View {
            stored_file_bytes,
            accepted: Arc::clone(accepted),
            lanes,
        };
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meter {
    pub(crate) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
