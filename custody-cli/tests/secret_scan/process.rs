//! The arguments and the environment of a process while it runs, and of what it started.

use std::fs;
use std::io::{ErrorKind, Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Needles;

/// How long a process that is there may show nothing: while it starts, and from when its memory is gone until it is called
/// ended. Source: Linux, `fs/exec.c`, `begin_new_exec`, and `kernel/exit.c`, `do_exit`.
const SHOWS_NOTHING: Duration = Duration::from_secs(5);
/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(180);
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);
/// "No such process": what reading a file of one that is gone comes to. Source: Linux, `errno(3)`.
const GONE: i32 = 3;

/// A process, by its folder in `/proc`.
pub(crate) struct Process {
    folder: PathBuf,
    shows_nothing: Duration,
}

/// What a look showed in which no secret was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Arguments and environment of it, and of what it started.
    Everything,
    /// An environment was hidden: the process keeps other processes of its user out, and this one may no more than those.
    Arguments,
    /// Nothing, for it has ended.
    Ended,
}

/// What a file of a process shows.
enum Shown {
    Bytes(Vec<u8>),
    /// Its owner keeps others out.
    Hidden,
    Ended,
}

impl Process {
    pub(crate) fn of(id: u32) -> Self {
        Self::at(format!("/proc/{id}").into(), SHOWS_NOTHING)
    }

    /// The one that this folder tells of; it may show nothing for so long.
    pub(crate) fn at(folder: PathBuf, shows_nothing: Duration) -> Self {
        Self {
            folder,
            shows_nothing,
        }
    }

    /// Looks once. The error is what was found and where, or what of a process that runs could not be looked at: a scan
    /// that sees nothing has found nothing.
    pub(crate) fn look(&self, needles: &Needles) -> Result<Seen, String> {
        let mut seen = Seen::Everything;
        for file in ["cmdline", "environ"] {
            match self.shown(file)? {
                Shown::Bytes(bytes) => {
                    if let Some(found) = needles.find(&bytes) {
                        return Err(format!("{file} of {} holds {found}", self.folder.display()));
                    }
                }
                Shown::Hidden => seen = Seen::Arguments,
                Shown::Ended => return Ok(Seen::Ended),
            }
        }
        for child in self.children()? {
            if child.look(needles)? == Seen::Arguments {
                seen = Seen::Arguments;
            }
        }
        Ok(seen)
    }

    fn shown(&self, file: &str) -> Result<Shown, String> {
        let begun = Instant::now();
        loop {
            let why = match fs::read(self.folder.join(file)) {
                Ok(bytes) if !bytes.is_empty() => return Ok(Shown::Bytes(bytes)),
                Ok(_) => "it is empty".to_owned(),
                Err(error)
                    if file == "environ"
                        && error.kind() == ErrorKind::PermissionDenied
                        && !sees_hidden_processes() =>
                {
                    return Ok(Shown::Hidden);
                }
                Err(error) => error.to_string(),
            };
            if self.has_ended() {
                return Ok(Shown::Ended);
            }
            if begun.elapsed() > self.shows_nothing {
                let process = self.folder.display();
                return Err(format!(
                    "{process} runs, and its {file} cannot be looked at: {why}"
                ));
            }
            sleep(BETWEEN_LOOKS);
        }
    }

    fn has_ended(&self) -> bool {
        match fs::read_to_string(self.folder.join("stat")) {
            // The state stands behind the name, which is in brackets and may hold some.
            Ok(stat) => {
                let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
                matches!(state, Some('Z' | 'X'))
            }
            Err(error) => error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(GONE),
        }
    }

    fn children(&self) -> Result<Vec<Self>, String> {
        let threads = match fs::read_dir(self.folder.join("task")) {
            Ok(threads) => threads,
            Err(_) if self.has_ended() => return Ok(Vec::new()),
            Err(error) => {
                return Err(format!(
                    "what {} started cannot be seen: {error}",
                    self.folder.display()
                ));
            }
        };
        let mut children = Vec::new();
        // A thread may end at any time.
        for thread in threads.flatten() {
            let ids = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            children.extend(ids.split_whitespace().map(|id| Self::of(id.parse().unwrap())));
        }
        Ok(children)
    }
}

/// Whether this process sees the environment of one that keeps others of its user out. Source: Linux, `ptrace(2)`, "Ptrace
/// access mode checking", and `capabilities(7)`: `CAP_SYS_PTRACE` is 19.
pub(crate) fn sees_hidden_processes() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let rights = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let rights = u64::from_str_radix(rights.unwrap().trim(), 16).unwrap();
    rights >> 19 & 1 == 1
}

/// A run that was looked at.
pub(crate) struct Watched {
    pub(crate) output: Output,
    /// How often everything of its process was seen.
    pub(crate) looks: usize,
}

/// Runs a command with this on its standard input, and looks at its process again and again until it has ended, or until
/// `enough` says so and it is killed. The error is that of [`Process::look`]; the command is killed then.
pub(crate) fn watched(
    mut command: Command,
    input: &[u8],
    needles: &Needles,
    enough: impl FnMut() -> bool,
) -> Result<Watched, String> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    std::thread::scope(|scope| {
        // What nobody reads would hold it up.
        let readers = [
            scope.spawn(move || read_all(out)),
            scope.spawn(move || read_all(err)),
        ];
        child.stdin.take().unwrap().write_all(input).unwrap();
        let looks = looked_at(&mut child, needles, enough);
        child.kill().unwrap();
        let status = child.wait().unwrap();
        let [stdout, stderr] = readers.map(|reader| reader.join().unwrap());
        let output = Output {
            status,
            stdout,
            stderr,
        };
        Ok(Watched {
            output,
            looks: looks?,
        })
    })
}

fn looked_at(
    child: &mut Child,
    needles: &Needles,
    mut enough: impl FnMut() -> bool,
) -> Result<usize, String> {
    let (process, begun) = (Process::of(child.id()), Instant::now());
    let mut looks = 0;
    while child.try_wait().unwrap().is_none() && !enough() {
        if begun.elapsed() > PATIENCE {
            return Err("it does not end".to_owned());
        }
        looks += usize::from(process.look(needles)? == Seen::Everything);
        sleep(BETWEEN_LOOKS);
    }
    Ok(looks)
}

fn read_all(mut pipe: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).unwrap();
    bytes
}
