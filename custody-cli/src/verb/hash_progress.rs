use std::ffi::OsStr;

use custody_hash::{CHUNK_BYTES, ChunkRun};
use indicatif::{ProgressBar, ProgressStyle};

use crate::console::Console;
use crate::printable;

/// How far one file is: a bar, where somebody watches.
pub(super) struct Watch(Option<ProgressBar>);

impl Watch {
    pub(super) fn new(name: &OsStr, length_bytes: Option<u64>, console: &Console) -> Self {
        if !console.err_is_terminal() || console.is_json() {
            return Self(None);
        }
        let bar = length_bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let template = "{msg} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(printable::name(name));
        Self(Some(bar))
    }

    /// Counts chunks that are final.
    pub(super) fn add(&mut self, run: &ChunkRun) {
        if let Some(bar) = &self.0 {
            bar.inc(run.chunks().saturating_mul(CHUNK_BYTES));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
