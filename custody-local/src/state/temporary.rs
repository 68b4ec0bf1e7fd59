use std::path::Path;

use custody_core::Result;
use rustix::fs::{CWD, Mode, OFlags};

use crate::disk::{Folder, failed};

/// Source: statfs(2), Linux man-pages 6.9, read 2026-11-21.
const TMPFS_MAGIC: i128 = 0x0102_1994;
const RAMFS_MAGIC: i128 = 0x8584_58f6;

/// A cloud machine's resource disk, emptied whenever the machine moves, carries this file at its root.
/// Source: WALinuxAgent, `azurelinuxagent/daemon/resourcedisk/default.py`, `DATALOSS_WARNING_FILE_NAME`;
/// cloud-init, `cloudinit/sources/DataSourceAzure.py`, which compares it without regard to case. Read 2026-11-21.
const DATA_LOSS_WARNING: &[u8] = b"DATALOSS_WARNING_README.txt";

/// Why what is kept in this folder would not survive; `None` when nothing speaks for that.
pub(super) fn why_temporary(folder: &Folder, path: &Path) -> Result<Option<String>> {
    let system = rustix::fs::fstatfs(folder).map_err(failed(folder.path(), "describe"))?;
    // The kernel's word is signed on some machines; the magic number is its low 32 bits.
    let magic = i128::from(system.f_type) & 0xffff_ffff;
    if magic == TMPFS_MAGIC || magic == RAMFS_MAGIC {
        return Ok(Some(
            "is in memory (tmpfs) and would be lost at the next start".into(),
        ));
    }
    let device = rustix::fs::fstat(folder)
        .map_err(failed(folder.path(), "describe"))?
        .st_dev;
    let root = path
        .ancestors()
        .take_while(|above| rustix::fs::stat(*above).is_ok_and(|stat| stat.st_dev == device))
        .last()
        .unwrap_or(path);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(root_fd) = rustix::fs::openat(CWD, root, flags, Mode::empty()) else {
        // A mount point that may be crossed but not read: nothing can be said, and nothing speaks against it.
        return Ok(None);
    };
    let warned = rustix::fs::Dir::read_from(&root_fd)
        .map_err(failed(folder.path(), "list the mount point of"))?
        .filter_map(std::result::Result::ok)
        .any(|entry| {
            entry
                .file_name()
                .to_bytes()
                .eq_ignore_ascii_case(DATA_LOSS_WARNING)
        });
    Ok(warned
        .then(|| "is on a cloud machine's temporary disk, which is emptied when the machine moves".into()))
}
