use std::ffi::OsStr;

use custody_hash::{CHUNK_BYTES, ChunkRun};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::console::Console;
use crate::printable;

/// A line for each file that is under way, one below the other, where somebody watches.
#[derive(Debug)]
pub(super) struct Bars {
    screen: Option<MultiProgress>,
}

/// How far one file is; its line goes when dropped.
#[derive(Debug)]
pub(super) struct Watch(Option<(MultiProgress, ProgressBar)>);

impl Bars {
    pub(super) fn new(console: &Console) -> Self {
        let is_watched = console.err_is_terminal() && !console.is_json();
        Self {
            screen: is_watched.then(MultiProgress::new),
        }
    }

    /// The line of a file that begins.
    pub(super) fn watch(&self, name: &OsStr, length_bytes: Option<u64>) -> Watch {
        Watch(self.screen.as_ref().map(|screen| {
            let bar = length_bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            let bar = screen.add(bar);
            let template = match length_bytes {
                Some(_) => "{msg} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
                None => "{msg} {bytes}, {bytes_per_sec}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(printable::name(name));
            (screen.clone(), bar)
        }))
    }

    /// Prints something with the lines out of the way.
    pub(super) fn aside(&self, print: impl FnOnce()) {
        match &self.screen {
            Some(screen) => screen.suspend(print),
            None => print(),
        }
    }
}

impl Watch {
    /// Counts chunks that are final.
    pub(super) fn add(&mut self, run: &ChunkRun) {
        if let Some((_, bar)) = &self.0 {
            bar.inc(run.chunks().saturating_mul(CHUNK_BYTES));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((screen, bar)) = &self.0 {
            bar.finish_and_clear();
            screen.remove(bar);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    const WIDTH: u16 = 80;

    /// A terminal whose lines can be looked at: a character beyond the last column goes into the next line.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<Grid>>);

    #[derive(Debug, Default)]
    struct Grid {
        lines: Vec<Vec<char>>,
        row: usize,
        column: usize,
    }

    impl Screen {
        fn lines(&self) -> Vec<String> {
            let grid = self.0.lock().unwrap();
            let lines = grid.lines.iter().map(|line| line.iter().collect::<String>());
            lines
                .map(|line| line.trim_end().to_owned())
                .filter(|line| !line.is_empty())
                .collect()
        }

        fn write(&self, text: &str) {
            let mut grid = self.0.lock().unwrap();
            for c in text.chars() {
                if c == '\r' {
                    grid.column = 0;
                    continue;
                }
                if c == '\n' || grid.column == usize::from(WIDTH) {
                    (grid.row, grid.column) = (grid.row + 1, 0);
                }
                if c != '\n' {
                    let column = grid.column;
                    grid.line()[column] = c;
                    grid.column += 1;
                }
            }
        }

        fn move_by(&self, rows: isize) {
            let mut grid = self.0.lock().unwrap();
            grid.row = grid.row.saturating_add_signed(rows);
        }
    }

    impl Grid {
        fn line(&mut self) -> &mut Vec<char> {
            let rows = self.lines.len().max(self.row + 1);
            self.lines.resize(rows, vec![' '; usize::from(WIDTH)]);
            &mut self.lines[self.row]
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            WIDTH
        }
        fn move_cursor_up(&self, n: usize) -> io::Result<()> {
            self.move_by(-isize::try_from(n).unwrap());
            Ok(())
        }
        fn move_cursor_down(&self, n: usize) -> io::Result<()> {
            self.move_by(isize::try_from(n).unwrap());
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write(text);
            self.write("\n");
            Ok(())
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.write(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            let mut grid = self.0.lock().unwrap();
            grid.line().fill(' ');
            grid.column = 0;
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn files_that_are_under_way_at_once_have_a_line_each_and_those_that_are_done_none() {
        let terminal = Screen::default();
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let bars = Bars {
            screen: Some(MultiProgress::with_draw_target(target)),
        };
        let mut first = bars.watch(OsStr::new("first"), Some(8 << 20));
        let mut second = bars.watch(OsStr::new("second"), None);
        first.add(&ChunkRun::Zero { chunks: 1 });
        second.add(&ChunkRun::Zero { chunks: 1 });
        let lines = terminal.lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("first 4.00 MiB of 8.00 MiB"), "{lines:?}");
        assert!(lines[1].starts_with("second 4.00 MiB,"), "{lines:?}");
        bars.aside(|| assert_eq!(terminal.lines(), [""; 0], "they are out of the way"));
        assert_eq!(terminal.lines().len(), 2);
        drop(first);
        let lines = terminal.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("second"), "{lines:?}");
        drop(second);
        assert_eq!(terminal.lines(), [""; 0]);
    }
}
