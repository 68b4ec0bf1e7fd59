use custody_core::{Error, Result};
use rustix::fs::Stat;

const GROUP_OR_OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// Refuses a folder in which another user could replace what is written.
///
/// Its owner must be this process's user or root. Group and others may write only where the sticky bit keeps
/// them from renaming and deleting what is not theirs; what they add is then refused by its own owner.
pub(crate) fn check_ours(path: &str, stat: &Stat) -> Result<()> {
    let us = rustix::process::geteuid().as_raw();
    let refused = |reason: String| Error::Refused {
        object: path.to_owned(),
        reason,
    };
    if stat.st_uid != us && stat.st_uid != 0 {
        return Err(refused(format!(
            "belongs to user {}, who could replace what is stored in it; give it to user {us} (chown) or choose another place",
            stat.st_uid
        )));
    }
    if stat.st_mode & GROUP_OR_OTHERS_WRITE != 0 && stat.st_mode & STICKY == 0 {
        return Err(refused(format!(
            "other users may write to it (mode {:04o}) and could replace what is stored in it; run `chmod go-w` on it or choose another place",
            stat.st_mode & 0o7777
        )));
    }
    Ok(())
}
