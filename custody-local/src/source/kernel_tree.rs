use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use custody_core::visible;

/// The most that is read of one attribute; the longest that means anything to us is far shorter.
const MAX_ATTRIBUTE_BYTES: u64 = 4096;

/// Where the kernel tells of devices and mounts: `/sys` and `/proc`. Tests put folders in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KernelTree {
    pub(super) sys: PathBuf,
    pub(super) proc: PathBuf,
}

impl KernelTree {
    /// This host's.
    pub(super) fn host() -> Self {
        Self {
            sys: "/sys".into(),
            proc: "/proc".into(),
        }
    }

    /// What names this run of the kernel.
    pub(super) fn boot_id(&self) -> Option<String> {
        attribute(&self.proc.join("sys/kernel/random/boot_id"))
    }
}

/// The text of an attribute: trimmed, escaped; `None` where there is none, or nothing in it.
pub(super) fn attribute(path: &Path) -> Option<String> {
    let bytes = attribute_bytes(path)?;
    let text = visible::escape_bytes(bytes.trim_ascii());
    (!text.is_empty()).then_some(text)
}

/// The bytes of an attribute, at most [`MAX_ATTRIBUTE_BYTES`].
pub(super) fn attribute_bytes(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(MAX_ATTRIBUTE_BYTES)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes)
}

/// A made-up `/sys` and `/proc`, for tests.
#[cfg(test)]
pub(super) struct MadeTree {
    folder: tempfile::TempDir,
    pub(super) tree: KernelTree,
}

/// These files below `/sys`; a path that begins with `proc/` lies below `/proc`.
#[cfg(test)]
pub(super) fn made_tree(files: &[(&str, &str)]) -> MadeTree {
    let folder = tempfile::tempdir().unwrap();
    let tree = KernelTree {
        sys: folder.path().join("sys"),
        proc: folder.path().join("proc"),
    };
    std::fs::create_dir_all(tree.sys.join("dev/block")).unwrap();
    std::fs::create_dir_all(&tree.proc).unwrap();
    let made = MadeTree { folder, tree };
    for (path, content) in files {
        let path = match path.strip_prefix("proc/") {
            Some(below) => made.tree.proc.join(below),
            None => made.tree.sys.join(path),
        };
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Latin-1, so that a test can write any byte.
        let bytes: Vec<u8> = match content.chars().all(|c| u32::from(c) < 256) {
            true => content.chars().map(|c| u8::try_from(c).unwrap()).collect(),
            false => content.as_bytes().to_vec(),
        };
        std::fs::write(path, bytes).unwrap();
    }
    made
}

#[cfg(test)]
impl MadeTree {
    /// A symbolic link below `/sys`.
    pub(super) fn link(&self, to: &str, at: &str) {
        let at = self.tree.sys.join(at);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, at).unwrap();
        assert!(self.folder.path().is_dir());
    }
}
