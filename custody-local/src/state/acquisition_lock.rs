use std::os::fd::OwnedFd;

use custody_core::ids::AcquisitionId;
use custody_core::{Error, Result};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::disk::{Folder, failed, read_up_to, write_all_at};

const LOCK_FILE: &str = "lock";
const MAX_PID_BYTES: usize = 32;

/// The right to work on an acquisition: at most one holder on this host. Dropping gives it back; so does the end of
/// the process, however it comes.
#[derive(Debug)]
pub struct AcquisitionLock {
    acquisition: AcquisitionId,
    _file: OwnedFd,
}

impl AcquisitionLock {
    pub(super) fn take(folder: &Folder, acquisition: &AcquisitionId) -> Result<Self> {
        let path = folder.path_of(LOCK_FILE);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(folder, LOCK_FILE, flags, Mode::RUSR | Mode::WUSR)
            .map_err(failed(&*path, "open"))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(Error::Precondition {
                    object: format!("acquisition {acquisition}"),
                    expected: "no other program working on it".into(),
                    actual: match holder(&file) {
                        Some(pid) => {
                            format!("process {pid} of this host works on it; wait for it, or stop it")
                        }
                        None => "another process works on it; wait for it, or stop it".into(),
                    },
                });
            }
            Err(errno) => return Err(failed(path, "lock")(errno)),
        }
        let pid = format!("{}\n", std::process::id());
        rustix::fs::ftruncate(&file, 0)
            .and_then(|()| write_all_at(&file, pid.as_bytes(), 0))
            .map_err(failed(path, "write"))?;
        Ok(Self {
            acquisition: acquisition.clone(),
            _file: file,
        })
    }

    /// What it is the right to work on.
    #[must_use]
    pub const fn acquisition(&self) -> &AcquisitionId {
        &self.acquisition
    }
}

/// The process that wrote its number into the file: for people, nothing rests on it.
fn holder(file: &OwnedFd) -> Option<u32> {
    let bytes = read_up_to(file, 0, MAX_PID_BYTES).ok()?;
    std::str::from_utf8(&bytes).ok()?.trim().parse().ok()
}
