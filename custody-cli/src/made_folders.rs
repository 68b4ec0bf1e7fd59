use std::fs;
use std::path::{Path, PathBuf};

/// The folders that did not exist before a plan looked at a store, innermost first.
#[derive(Debug)]
pub(crate) struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// What of this path is missing now.
    pub(crate) fn before(path: &Path) -> Self {
        // What cannot be looked at counts as there: it is then never removed.
        let missing = path
            .ancestors()
            .take_while(|path| path.try_exists().is_ok_and(|there| !there));
        Self(missing.map(Path::to_owned).collect())
    }

    /// Removes them again, each only when it is empty.
    pub(crate) fn take_back(self) {
        for folder in self.0 {
            // One that somebody else put something into meanwhile stays; so do those above it.
            if fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }
}
