use crate::bounds::Bounds;
use crate::program::Run;
use crate::rounds::median;

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

    /// Measures, prints the figures, and holds the ratio of the medians to a bound, if there is one.
    pub fn measure(
        self,
        bounds: &mut Bounds,
        at_most: Option<f64>,
        mut ours: impl FnMut() -> Run,
        mut peer: impl FnMut() -> Run,
    ) {
        let (mut our_walls, mut peer_walls, mut peak_bytes) = (Vec::new(), Vec::new(), 0);
        for _ in 0..self.pairs.max(1) {
            let run = ours();
            our_walls.push(run.wall);
            peak_bytes = peak_bytes.max(run.peak_bytes);
            peer_walls.push(peer().wall);
        }
        let (ours, peer) = (median(our_walls), median(peer_walls));
        let ratio = ours.as_secs_f64() / peer.as_secs_f64();
        let verdict = at_most.map_or_else(
            || "reported".to_owned(),
            |at_most| bounds.hold(self.name, ratio, at_most),
        );
        println!(
            "{:<44} ours {:>7.3} s  peer {:>7.3} s  ratio {ratio:>5.2} ({verdict})  peak {:>3} MiB",
            self.name,
            ours.as_secs_f64(),
            peer.as_secs_f64(),
            peak_bytes >> 20,
        );
    }
}
