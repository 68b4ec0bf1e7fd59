use std::sync::Barrier;

use bytes::Bytes;
use custody_core::Error;
use custody_core::port::{EvidenceReaderExt as _, LogAnchor as _, LogHead, LogName};
use futures::TryStreamExt as _;

use crate::open;
use crate::support::{Scratch, object, pattern, store, wait};

#[test]
fn of_two_captures_that_store_one_name_exactly_one_wins() {
    let scratch = Scratch::new();
    let sinks = [open(scratch.path()), open(scratch.path())];
    for round in 0..50 {
        let name = object(&format!("disk-{round}"));
        let start = Barrier::new(2);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = sinks
                .iter()
                .zip([1, 2])
                .map(|(sink, seed)| {
                    let (start, name) = (&start, &name);
                    scope.spawn(move || {
                        start.wait();
                        (seed, store(sink, name, &pattern(5000, seed)))
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners: Vec<u64> = outcomes
            .iter()
            .filter(|(_, done)| done.is_ok())
            .map(|(seed, _)| *seed)
            .collect();
        assert_eq!(winners.len(), 1, "round {round}: {outcomes:?}");
        assert_eq!(
            wait(sinks[0].fetch(&name, 5000)).unwrap(),
            pattern(5000, winners[0])
        );
        for (_, lost) in outcomes.into_iter().filter(|(_, done)| done.is_err()) {
            let error = lost.unwrap_err();
            assert!(
                matches!(error, Error::AlreadyExists { .. } | Error::Precondition { .. }),
                "{error}"
            );
        }
    }
}

#[test]
fn of_two_hundred_races_for_the_next_line_each_has_one_winner() {
    let scratch = Scratch::new();
    let stores = [open(scratch.path()), open(scratch.path())];
    let mut head = LogHead::EMPTY;
    for round in 0..200 {
        let start = Barrier::new(2);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = stores
                .iter()
                .enumerate()
                .map(|(writer, store)| {
                    let start = &start;
                    scope.spawn(move || {
                        let line = Bytes::from(format!("round {round} writer {writer}"));
                        start.wait();
                        wait(store.append(&LogName::Register, &head, &[line]))
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won: Vec<LogHead> = outcomes.iter().flatten().map(|acted| acted.value).collect();
        assert_eq!(won.len(), 1, "round {round}: {outcomes:?}");
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(matches!(error, Error::Precondition { .. }), "{error}");
        }
        head = won[0];
    }
    let lines: Vec<Bytes> = wait(stores[0].lines(&LogName::Register, 0).try_collect()).unwrap();
    assert_eq!(lines.len(), 200);
    for (round, line) in lines.iter().enumerate() {
        assert!(line.starts_with(format!("round {round} writer ").as_bytes()));
    }
}
