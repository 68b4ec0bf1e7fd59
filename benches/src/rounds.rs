use std::time::Duration;

use crate::bounds::Bounds;

/// The middle one of several measurements.
#[must_use]
pub fn median(mut walls: Vec<Duration>) -> Duration {
    walls.sort_unstable();
    walls.get(walls.len() / 2).copied().unwrap_or_default()
}

/// How large a bench is: its own size, or a part of it, to see that it works.
///
/// `CUSTODY_BENCH_PART=8` makes images an eighth as large. Fixed times weigh more then, so that bounds are told and
/// not held.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    part: u64,
}

impl Size {
    /// As the environment says.
    ///
    /// # Panics
    /// When it says anything but a number from 1 on.
    #[must_use]
    pub fn asked_for() -> Self {
        let part = std::env::var("CUSTODY_BENCH_PART").map_or(1, |text| text.parse().unwrap_or(0));
        assert!(part > 0, "CUSTODY_BENCH_PART is a number from 1 on");
        Self { part }
    }

    /// So many bytes, or the part of them that was asked for: whole MiB, and at least one.
    #[must_use]
    pub const fn of(self, bytes: u64) -> u64 {
        let mib = (bytes / self.part) >> 20;
        if mib == 0 { 1 << 20 } else { mib << 20 }
    }

    /// Whether bounds are held.
    #[must_use]
    pub const fn holds(self) -> bool {
        self.part == 1
    }

    /// The words beside a figure: held to its bound, unless the images are only a part of what the bound is meant for.
    #[must_use]
    pub fn verdict(self, bounds: &mut Bounds, name: &str, figure: f64, at_most: f64) -> String {
        if self.holds() {
            bounds.hold(name, figure, at_most)
        } else {
            format!("a part of the size: not held to {at_most:.2}")
        }
    }
}
