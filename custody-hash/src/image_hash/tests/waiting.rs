//! Who waits for what: room, threads, the end.

use std::{
    num::NonZeroU64,
    pin::pin,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    ImageLayout, ImageOptions, Piece, WholeDigests,
    samples::{Event, Hooked, data, engine, image_of, sha2_of},
};

const PIECE_BYTES: usize = 64 << 10;

/// A door that starts closed.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self) {
        drop(
            self.opened
                .wait_while(self.open.lock().unwrap(), |open| !*open)
                .unwrap(),
        );
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

/// Tells when it is woken.
struct Bell(Mutex<mpsc::Sender<()>>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.lock().unwrap().send(()).unwrap_or_default();
    }
}

fn bell() -> (Waker, mpsc::Receiver<()>) {
    let (sender, rung) = mpsc::channel();
    (Waker::from(Arc::new(Bell(Mutex::new(sender)))), rung)
}

/// Options with a side digest that hashes nothing until the gate opens.
fn stalled(in_flight_bytes: usize) -> (ImageOptions, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let stop = Arc::clone(&gate);
    let options = ImageOptions::default()
        .with_in_flight_bytes(in_flight_bytes as u64)
        .with_side_digest("stalled", Hooked::new(move |_| stop.pass()));
    (options, gate)
}

/// Data that counts itself for as long as anyone holds it.
struct Counted {
    bytes: Vec<u8>,
    alive: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(self.bytes.len(), Ordering::SeqCst);
    }
}

fn counted(length: usize, alive: &Arc<AtomicUsize>) -> Piece {
    alive.fetch_add(length, Ordering::SeqCst);
    Piece::Data(Bytes::from_owner(Counted {
        bytes: vec![1; length],
        alive: Arc::clone(alive),
    }))
}

fn within_a_second(condition: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while !condition() {
        if started.elapsed() > Duration::from_secs(1) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

#[test]
fn a_stalled_lane_stops_push_from_completing() {
    let engine = engine(2);
    let (options, gate) = stalled(4 * PIECE_BYTES);
    let mut image = engine
        .start(ImageLayout::new(5 * PIECE_BYTES as u64), options)
        .unwrap();
    for seed in 0..4 {
        image.push_blocking(data(PIECE_BYTES, seed)).unwrap();
    }
    let (waker, rung) = bell();
    let mut push = pin!(image.push(data(PIECE_BYTES, 4)));
    let mut context = Context::from_waker(&waker);
    assert!(push.as_mut().poll(&mut context).is_pending());
    assert!(rung.recv_timeout(Duration::from_millis(50)).is_err());
    assert!(push.as_mut().poll(&mut context).is_pending());

    gate.open();
    while push.as_mut().poll(&mut context).is_pending() {
        rung.recv_timeout(Duration::from_secs(5))
            .expect("room must wake whoever waits for it");
    }
}

#[test]
fn a_push_dropped_while_it_waits_has_not_accepted_its_piece() {
    let engine = engine(2);
    let (options, gate) = stalled(PIECE_BYTES);
    let layout = ImageLayout::new(2 * PIECE_BYTES as u64 + 3);
    let mut image = engine.start(layout, options).unwrap();
    let pieces = [data(PIECE_BYTES, 0), data(3, 1), data(PIECE_BYTES, 2)];
    image.push_blocking(pieces[0].clone()).unwrap();
    image.push_blocking(pieces[1].clone()).unwrap(); // small: gathered, not in flight yet
    let (waker, _rung) = bell();
    for _ in 0..3 {
        let mut push = pin!(image.push(pieces[2].clone()));
        assert!(push.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(image.progress().accepted_bytes(), PIECE_BYTES as u64 + 3);
    gate.open();
    image.push_blocking(pieces[2].clone()).unwrap();
    let (_, digests) = image.finish_blocking().unwrap();
    assert_eq!(digests.stored_file, Some(sha2_of(&image_of(&pieces))));
}

#[test]
fn no_more_bytes_are_in_flight_than_the_bound() {
    const PIECES: usize = 200;
    let alive = Arc::new(AtomicUsize::new(0));
    let options = ImageOptions::default().with_in_flight_bytes(3 * PIECE_BYTES as u64);
    let layout = ImageLayout::new((PIECES * PIECE_BYTES) as u64);
    let mut image = engine(2).start(layout, options).unwrap();
    for _ in 0..PIECES {
        image.push_blocking(counted(PIECE_BYTES, &alive)).unwrap();
        assert!(alive.load(Ordering::SeqCst) <= 3 * PIECE_BYTES);
    }
    image.finish_blocking().unwrap();
    assert!(within_a_second(|| alive.load(Ordering::SeqCst) == 0));
}

#[test]
fn a_piece_larger_than_the_bound_is_accepted_alone() {
    for bound in [0, 1, 1_000] {
        let options = ImageOptions::default()
            .with_in_flight_bytes(bound)
            .with_chunk_bytes(NonZeroU64::new(100_000).unwrap());
        let pieces = [
            data(150_000, 0),
            Piece::Zero {
                length_bytes: 150_000,
            },
            data(5, 1),
            data(300_000, 2),
        ];
        let mut image = engine(1).start(ImageLayout::new(600_005), options).unwrap();
        for piece in &pieces {
            image.push_blocking(piece.clone()).unwrap();
        }
        let (_, digests) = image.finish_blocking().unwrap();
        assert_eq!(digests.stored_file, Some(sha2_of(&image_of(&pieces))));
    }
}

#[test]
fn no_more_lanes_run_than_there_are_threads_and_each_on_one() {
    let engine = engine(2);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let images = (0..6).map(|_| {
        let own = AtomicUsize::new(0);
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        let hook = move |event| {
            if event == Event::Update {
                assert_eq!(own.fetch_add(1, Ordering::SeqCst), 0, "one lane on two threads");
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(2));
                running.fetch_sub(1, Ordering::SeqCst);
                own.fetch_sub(1, Ordering::SeqCst);
            }
        };
        let options = ImageOptions::default().with_side_digest("watched", Hooked::new(hook));
        let mut image = engine.start(ImageLayout::of_unknown_length(), options).unwrap();
        for seed in 0..10 {
            image.push_blocking(data(PIECE_BYTES, seed)).unwrap();
        }
        image
    });
    for image in images.collect::<Vec<_>>() {
        image.finish_blocking().unwrap();
    }
    // How many of them do run side by side is the operating system's choice.
    assert!((1..=2).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}

#[test]
fn a_dropped_image_lets_go_of_what_is_queued() {
    let engine = engine(1);
    let (options, gate) = stalled(64 * PIECE_BYTES);
    let alive = Arc::new(AtomicUsize::new(0));
    let mut image = engine.start(ImageLayout::of_unknown_length(), options).unwrap();
    for _ in 0..20 {
        image.push_blocking(counted(PIECE_BYTES, &alive)).unwrap();
    }
    drop(image);
    assert!(
        within_a_second(|| alive.load(Ordering::SeqCst) <= PIECE_BYTES),
        "{alive:?}"
    );
    gate.open();
    assert!(within_a_second(|| alive.load(Ordering::SeqCst) == 0), "{alive:?}");
}

#[test]
fn a_dropped_image_does_not_hash_its_hole_to_the_end() {
    let engine = engine(1);
    let mut image = engine
        .start(ImageLayout::new(1 << 40), ImageOptions::default())
        .unwrap();
    image
        .push_blocking(Piece::Zero {
            length_bytes: 1 << 40,
        })
        .unwrap();
    drop(image);
    let started = Instant::now();
    drop(engine); // waits for its thread
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn the_hole_of_one_image_does_not_hold_up_the_chunks_of_another() {
    let engine = engine(1);
    let mut holey = engine
        .start(ImageLayout::new(1 << 40), ImageOptions::default())
        .unwrap();
    holey
        .push_blocking(Piece::Zero {
            length_bytes: 1 << 40,
        })
        .unwrap();
    let options = ImageOptions::default().with_whole_digests(WholeDigests::Omit);
    let mut image = engine
        .start(ImageLayout::new(10 * PIECE_BYTES as u64), options)
        .unwrap();
    let started = Instant::now();
    for seed in 0..10 {
        image.push_blocking(data(PIECE_BYTES, seed)).unwrap();
    }
    image.finish_blocking().unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    assert!(holey.progress().hashed_bytes() < 1 << 40);
}

#[test]
fn the_last_handle_may_go_inside_a_waker_on_the_engines_own_thread() {
    struct HoldsTheEngine(Mutex<Option<crate::Engine>>, mpsc::Sender<()>);
    impl Wake for HoldsTheEngine {
        fn wake(self: Arc<Self>) {
            drop(self.0.lock().unwrap().take());
            self.1.send(()).unwrap();
        }
    }

    let engine = engine(1);
    let (options, gate) = stalled(PIECE_BYTES);
    let mut image = engine.start(ImageLayout::of_unknown_length(), options).unwrap();
    image.push_blocking(data(PIECE_BYTES, 0)).unwrap();
    let holder = Mutex::new(None);
    let (sender, dropped) = mpsc::channel();
    let waker = Arc::new(HoldsTheEngine(holder, sender));
    {
        let mut push = pin!(image.push(data(PIECE_BYTES, 1)));
        let waker = Waker::from(Arc::clone(&waker));
        assert!(push.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    waker.0.lock().unwrap().replace(engine);
    drop(image);
    gate.open();
    dropped
        .recv_timeout(Duration::from_secs(5))
        .expect("the thread must not wait for itself");
}

#[test]
fn any_executor_drives_an_image() {
    let engine = engine(1);
    let hash = async || {
        let options = ImageOptions::default().with_in_flight_bytes(1);
        let mut image = engine
            .start(ImageLayout::new(3 * PIECE_BYTES as u64), options)
            .unwrap();
        for seed in 0..3 {
            image.push(data(PIECE_BYTES, seed)).await.unwrap();
        }
        image.finish().await.unwrap().1
    };
    let by_futures = futures::executor::block_on(hash());

    let (waker, rung) = bell();
    let mut by_hand = pin!(hash());
    let by_hand = loop {
        match by_hand.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(digests) => break digests,
            Poll::Pending => rung.recv_timeout(Duration::from_secs(5)).unwrap(),
        }
    };
    assert_eq!(by_futures, by_hand);
}

#[test]
fn progress_is_that_of_the_slowest_lane() {
    let engine = engine(2);
    let (options, gate) = stalled(64 * PIECE_BYTES);
    let mut image = engine
        .start(ImageLayout::new(3 * PIECE_BYTES as u64), options)
        .unwrap();
    let progress = image.progress();
    for seed in 0..3 {
        image.push_blocking(data(PIECE_BYTES, seed)).unwrap();
    }
    let all = 3 * PIECE_BYTES as u64;
    assert_eq!((progress.accepted_bytes(), progress.hashed_bytes()), (all, 0));
    assert_eq!(progress.stored_file_bytes(), Some(all));
    gate.open();
    image.finish_blocking().unwrap();
    assert_eq!(progress.hashed_bytes(), all);
}
