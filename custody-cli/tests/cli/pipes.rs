//! Pipes that are read one by one, so that a test decides which file takes long.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Stdio};
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant};

use custody_core::digest::Sha256Digest;
use rustix::fs::{CWD, Mode, OFlags, mkfifoat};

use crate::bench::{Bench, Run, finish};

const PATIENCE: Duration = Duration::from_secs(20);

/// Makes more pipes than are read at once: two for each thread are.
pub(crate) fn make(bench: &Bench) -> Vec<String> {
    let count = 2 * available_parallelism().unwrap().get() + 4;
    let names = (0..count).map(|number| format!("pipe{number}"));
    names.inspect(|name| make_one(bench, name)).collect()
}

pub(crate) fn make_one(bench: &Bench, name: &str) {
    mkfifoat(CWD, bench.path(name), Mode::RUSR | Mode::WUSR).unwrap();
}

/// What a list says of a pipe into which its name is written.
pub(crate) fn sum(name: &str) -> String {
    format!("{}  {name}\n", Sha256Digest::of(name.as_bytes()))
}

/// Runs the program on pipes, and writes into the first of them last: all others have to be read while it takes long.
pub(crate) fn run(bench: &Bench, mut command: Command, pipes: &[String]) -> Run {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (first, others) = pipes.split_first().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let stuck = others
        .iter()
        .chain([first])
        .find(|name| !write(bench, name, deadline));
    if let Some(stuck) = stuck {
        child.kill().unwrap();
        panic!("{stuck} was not read: {}", finish(child).err);
    }
    finish(child)
}

/// Writes a pipe's name into it as soon as somebody reads.
fn write(bench: &Bench, name: &str, deadline: Instant) -> bool {
    let mut options = OpenOptions::new();
    // An error while nobody reads, so that this never waits for ever.
    options
        .write(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    while Instant::now() < deadline {
        if let Ok(mut pipe) = options.open(bench.path(name)) {
            pipe.write_all(name.as_bytes()).unwrap();
            return true;
        }
        sleep(Duration::from_millis(1));
    }
    false
}
