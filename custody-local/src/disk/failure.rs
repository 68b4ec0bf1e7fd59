use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use custody_core::Error;
use rustix::fs::FlockOperation;
use rustix::io::Errno;

const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// Gives the operating system's error number its meaning, for an operation on an object.
pub(crate) fn failed(object: impl Into<String>, operation: &'static str) -> impl FnOnce(Errno) -> Error {
    let object = object.into();
    move |errno| {
        let source = Some(std::io::Error::from(errno).into());
        match errno {
            Errno::NOENT => Error::NotFound { object },
            Errno::EXIST => Error::AlreadyExists { object },
            // A file too large for its file system (FAT) has, for the custodian, the same remedy: another destination.
            Errno::NOSPC | Errno::DQUOT | Errno::FBIG => Error::NoSpace { object, source },
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Error::PermissionDenied {
                object,
                operation,
                source,
            },
            _ => Error::Provider {
                object,
                operation,
                source,
            },
        }
    }
}

/// Takes a lock that others hold for moments only. `Ok(false)` when it was held all the time.
///
/// The wait is bounded because the holder may be a program that hangs. Runs on a thread that may block.
pub(crate) fn lock_within(
    file: &OwnedFd,
    operation: FlockOperation,
    patience: Duration,
) -> rustix::io::Result<bool> {
    let end = Instant::now() + patience;
    loop {
        match rustix::fs::flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) if Instant::now() < end => std::thread::sleep(LOCK_PAUSE),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(errno) => return Err(errno),
        }
    }
}
