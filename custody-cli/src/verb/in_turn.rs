//! Work that is done side by side and comes out in order.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use custody_core::Remedy;

use crate::exit::Exit;
use crate::failure::Failure;

/// Outcomes that wait at most for one that takes long: with more, memory would grow with the number of tasks.
const HELD_AT_MOST: u64 = 1 << 14;

/// Who gives tasks out, and takes what came of each in the order in which they were given out.
pub(super) trait Desk {
    type Task: Send;
    type Outcome: Send;

    /// The next task. After none there are no more.
    fn next(&mut self) -> Option<Self::Task>;

    fn take(&mut self, task: Self::Task, outcome: Result<Self::Outcome, Panicked>);
}

/// The work on a task panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panicked;

impl From<Panicked> for Failure {
    fn from(_: Panicked) -> Self {
        let error = "a thread panicked while it read the file";
        Self::new(Exit::Incomplete, error, Remedy::ReportBug)
    }
}

/// Does so many tasks at once. One that takes long keeps no thread but its own: the others go on with what is next.
pub(super) fn in_turn<D: Desk>(at_once: usize, desk: &mut D, work: impl Fn(&D::Task) -> D::Outcome + Sync) {
    let work = |task: &D::Task| catch_unwind(AssertUnwindSafe(|| work(task))).map_err(|_panic| Panicked);
    if at_once > 1 && side_by_side(at_once, desk, &work) {
        return;
    }
    while let Some(task) = desk.next() {
        let outcome = work(&task);
        desk.take(task, outcome);
    }
}

/// Says whether it did the work: not if there is no thread to be had.
fn side_by_side<D: Desk>(
    at_once: usize,
    desk: &mut D,
    work: &(impl Fn(&D::Task) -> Result<D::Outcome, Panicked> + Sync),
) -> bool {
    let (to_do, tasks) = mpsc::channel::<(u64, D::Task)>();
    let (done, outcomes) = mpsc::channel();
    let tasks = &Mutex::new(tasks);
    thread::scope(|scope| {
        let start = |_: &usize| {
            let done = done.clone();
            let worker = move || {
                loop {
                    let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((number, task)) = next else { return };
                    let outcome = work(&task);
                    if done.send((number, task, outcome)).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new().spawn_scoped(scope, worker).is_ok()
        };
        let threads = (0..at_once).filter(start).count();
        drop(done);
        let (mut dealt, mut taken, mut under_way) = (0, 0, 0);
        let (mut all_dealt, mut waiting) = (threads == 0, BTreeMap::new());
        loop {
            // One ahead for each thread, so that none waits for this one while it prints.
            while !all_dealt && under_way < 2 * threads && dealt - taken < HELD_AT_MOST {
                match desk.next().map(|task| to_do.send((dealt, task))) {
                    Some(Ok(())) => (dealt, under_way) = (dealt + 1, under_way + 1),
                    _ => all_dealt = true,
                }
            }
            if under_way == 0 {
                break;
            }
            let Ok((number, task, outcome)) = outcomes.recv() else {
                break;
            };
            under_way -= 1;
            waiting.insert(number, (task, outcome));
            while let Some((task, outcome)) = waiting.remove(&taken) {
                taken += 1;
                desk.take(task, outcome);
            }
        }
        drop(to_do);
        threads > 0
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Condvar, Mutex};

    use super::*;

    /// Counts up to a number, and notes what comes back.
    #[derive(Default)]
    struct Numbers {
        next: u64,
        end: u64,
        taken: Vec<(u64, Result<u64, Panicked>)>,
    }

    impl Desk for Numbers {
        type Task = u64;
        type Outcome = u64;

        fn next(&mut self) -> Option<u64> {
            assert!(self.next <= self.end, "asked after the end");
            let next = (self.next < self.end).then_some(self.next);
            self.next += u64::from(next.is_some());
            next
        }

        fn take(&mut self, task: u64, outcome: Result<u64, Panicked>) {
            self.taken.push((task, outcome));
        }
    }

    fn run(at_once: usize, end: u64, work: impl Fn(u64) -> u64 + Sync) -> Vec<(u64, Result<u64, Panicked>)> {
        let mut desk = Numbers {
            end,
            ..Numbers::default()
        };
        in_turn(at_once, &mut desk, |task| work(*task));
        desk.taken
    }

    #[test]
    fn outcomes_come_in_order_whatever_the_number_of_threads() {
        let expected: Vec<_> = (0..1000).map(|n| (n, Ok(n * n))).collect();
        for at_once in [0, 1, 2, 7] {
            assert_eq!(run(at_once, 1000, |n| n * n), expected, "{at_once}");
            assert_eq!(run(at_once, 0, |n| n), []);
        }
    }

    #[test]
    fn all_others_are_done_while_one_takes_long() {
        const MORE: u64 = 50;
        let (done, changed) = (Mutex::new(0), Condvar::new());
        let outcomes = run(2, MORE + 1, |n| {
            let mut done = done.lock().unwrap();
            if n == 0 {
                let wait = std::time::Duration::from_secs(20);
                let (others, timeout) = changed
                    .wait_timeout_while(done, wait, |done| *done < MORE)
                    .unwrap();
                assert!(!timeout.timed_out(), "{} others were done", *others);
            } else {
                *done += 1;
                changed.notify_all();
            }
            n
        });
        assert!(
            outcomes.iter().all(|(_, outcome)| outcome.is_ok()),
            "{outcomes:?}"
        );
        assert!(outcomes.is_sorted_by_key(|(task, _)| *task));
    }

    #[test]
    fn no_more_are_at_work_than_was_said() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        run(3, 60, |n| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(1));
            now.fetch_sub(1, Ordering::SeqCst);
            n
        });
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
    }

    #[test]
    fn work_that_panics_is_told_and_keeps_no_other() {
        for at_once in [1, 3] {
            let outcomes = run(at_once, 20, |n| {
                assert!(n % 5 != 0, "told to");
                n
            });
            let expected: Vec<_> = (0..20)
                .map(|n| (n, if n % 5 == 0 { Err(Panicked) } else { Ok(n) }))
                .collect();
            assert_eq!(outcomes, expected);
        }
    }
}
