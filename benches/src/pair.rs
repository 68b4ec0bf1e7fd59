use std::time::Duration;

use crate::program::Run;

/// How two programs compare.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Ratio {
    /// Median of ours.
    pub ours: Duration,
    /// Median of the peer's.
    pub peer: Duration,
    /// Our wall time over the peer's: below 1 we are faster.
    pub wall: f64,
    /// The largest resident set of ours, in bytes.
    pub peak_bytes: u64,
}

/// Two programs, measured in turn.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    name: &'a str,
    pairs: usize,
}

impl<'a> Pair<'a> {
    /// So many runs of each.
    #[must_use]
    pub const fn new(name: &'a str, pairs: usize) -> Self {
        Self { name, pairs }
    }

    /// Measures, and prints the figures beside the bound that `wall` is held to.
    #[must_use]
    pub fn measure(self, mut ours: impl FnMut() -> Run, mut peer: impl FnMut() -> Run, bound: f64) -> Ratio {
        let (mut our_walls, mut peer_walls, mut peak_bytes) = (Vec::new(), Vec::new(), 0);
        for _ in 0..self.pairs.max(1) {
            let run = ours();
            our_walls.push(run.wall);
            peak_bytes = peak_bytes.max(run.peak_bytes);
            peer_walls.push(peer().wall);
        }
        let (ours, peer) = (median(our_walls), median(peer_walls));
        let ratio = Ratio {
            ours,
            peer,
            wall: ours.as_secs_f64() / peer.as_secs_f64(),
            peak_bytes,
        };
        println!(
            "{:<52} ours {:>7.3} s  peer {:>7.3} s  ratio {:>5.2} (at most {bound:.2})  peak {:>3} MiB",
            self.name,
            ours.as_secs_f64(),
            peer.as_secs_f64(),
            ratio.wall,
            peak_bytes >> 20,
        );
        ratio
    }
}

fn median(mut walls: Vec<Duration>) -> Duration {
    walls.sort_unstable();
    walls.get(walls.len() / 2).copied().unwrap_or_default()
}
