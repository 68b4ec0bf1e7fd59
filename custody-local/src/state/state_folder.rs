use std::fmt;
use std::path::Path;
use std::sync::Arc;

use custody_core::custody_log::{Chain, Trust};
use custody_core::ids::AcquisitionId;
use custody_core::port::{Entropy, LogName, LogStore as _};
use custody_core::{Error, Result, layout};
use futures::StreamExt as _;
use rustix::fs::Stat;

use super::acquisition_lock::AcquisitionLock;
use super::file_signer::FileSigner;
use super::journal::JournalStore;
use super::key_folder::{KeyFolder, KeyOrigin};
use super::temporary;
use crate::disk::{Branch, Folder, failed};
use crate::keys::DirectoryEscrow;
use crate::store::DirectoryStore;

pub(super) const ACQUISITIONS_FOLDER: &str = "acquisitions";
const ESCROW_FOLDER: &str = "escrow";
const GROUP_AND_OTHERS: u32 = 0o077;

/// Whether a state folder may lie where it does not outlive the machine's next start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum TemporaryState {
    /// No: a capture that is stopped there could not be resumed, and its keys would be lost.
    #[default]
    Refuse,
    /// Yes: for tests and demonstrations.
    Allow,
}

/// How a state folder is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateOptions {
    /// Whether it may be temporary.
    pub temporary: TemporaryState,
}

impl StateOptions {
    /// Sets whether it may be temporary.
    #[must_use]
    pub const fn with_temporary(mut self, temporary: TemporaryState) -> Self {
        self.temporary = temporary;
        self
    }
}

/// What this host keeps apart from any store: journals, signing keys, the newest checkpoints seen. Clones share it.
///
/// For its owner alone (mode 0700). Nothing in it is evidence; but who can write to it can sign in this host's name.
#[derive(Debug, Clone)]
pub struct StateFolder {
    root: Arc<Folder>,
    journal: JournalStore,
}

impl StateFolder {
    /// Opens it; makes it, and what is missing above it, for this user alone. Blocks for a few file operations.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is not a directory, belongs to somebody else, is open to others, or would not
    /// outlive the machine's next start.
    pub fn open(path: &Path, options: StateOptions) -> Result<Self> {
        let root = Folder::open_or_make(path)?;
        let stat = rustix::fs::fstat(&root).map_err(failed(root.path(), "describe"))?;
        let refused = |reason: String| Error::Refused {
            object: format!("state folder {}", root.path()),
            reason,
        };
        let us = rustix::process::geteuid().as_raw();
        if stat.st_uid != us {
            return Err(refused(format!(
                "belongs to user {}, and this program runs as user {us}; run it as that user, or choose a folder of your own",
                stat.st_uid
            )));
        }
        if stat.st_mode & GROUP_AND_OTHERS != 0 {
            return Err(refused(format!(
                "is open to other users (mode {:04o}), and signing keys lie in it; run `chmod 700` on it",
                stat.st_mode & 0o7777
            )));
        }
        if options.temporary == TemporaryState::Refuse {
            let real = path.canonicalize().unwrap_or_else(|_unresolved| path.to_owned());
            if let Some(why) = temporary::why_temporary(&root, &real)? {
                return Err(refused(format!("{why}; choose a folder on a disk that stays")));
            }
        }
        let root = Arc::new(root);
        let journal = JournalStore::new(Arc::clone(&root));
        Ok(Self { root, journal })
    }

    /// Refuses a state folder that lies inside a store, or a store inside a state folder: nothing inside a store may
    /// be a root of trust for it. Compares the folders themselves, so that no link or mount hides it. Blocks.
    ///
    /// # Errors
    /// [`Error::Refused`] naming both.
    pub fn check_apart_from(&self, store: &DirectoryStore) -> Result<()> {
        let (ours, theirs) = (&self.root, store.root());
        let inside = |inner: &Arc<Folder>, outer: &Arc<Folder>| -> Result<bool> {
            let outer = rustix::fs::fstat(&**outer).map_err(failed(outer.path(), "describe"))?;
            Ok(inner
                .and_above()?
                .iter()
                .any(|stat| identity(stat) == identity(&outer)))
        };
        if inside(ours, theirs)? || inside(theirs, ours)? {
            return Err(Error::Refused {
                object: format!("state folder {}", ours.path()),
                reason: format!(
                    "it and the store {} are the same or one lies inside the other; keys and journals must lie apart from what they vouch for: choose another folder with --state",
                    theirs.path()
                ),
            });
        }
        Ok(())
    }

    /// The journals in it, for [`custody_core::Ports::log`].
    #[must_use]
    pub fn journal(&self) -> JournalStore {
        self.journal.clone()
    }

    /// The acquisitions that have a journal here, oldest first. What has another name than an acquisition is an
    /// error in its place. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn acquisitions(&self) -> Result<Vec<Result<AcquisitionId>>> {
        let Some(folder) = self.root.enter(ACQUISITIONS_FOLDER)? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for name in folder.names()? {
            let shown = custody_core::visible::escape_bytes(name.to_bytes());
            let id: Result<AcquisitionId> = name.to_string_lossy().parse();
            match id {
                Ok(id) => match folder.enter(id.as_str())? {
                    Some(own) if own.stat(layout::LOG_FILE)?.is_none() => {}
                    Some(_) => found.push(Ok(id)),
                    None => found.push(Err(Error::malformed(folder.path_of(&shown), "is not a folder"))),
                },
                Err(_not_an_id) => found.push(Err(Error::malformed(
                    folder.path_of(&shown),
                    "is not an acquisition's folder, so custody did not put it there",
                ))),
            }
        }
        Ok(found)
    }

    /// The full name of an acquisition's log: its case stands in the journal's first line.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no journal, or no line in it; [`Error::Integrity`] when its first line is
    /// not one of this acquisition's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn log_name(&self, acquisition: &AcquisitionId) -> Result<LogName> {
        let object = format!("journal of acquisition {acquisition}");
        // The case does not decide where a journal lies, so any will do to find it.
        let anywhere = LogName::Acquisition {
            case: acquisition.as_str().parse()?,
            acquisition: acquisition.clone(),
        };
        let Some(line) = self.journal.lines(&anywhere, 0).next().await.transpose()? else {
            let own = self.root.enter(ACQUISITIONS_FOLDER)?;
            let own = own
                .map(|all| all.enter(acquisition.as_str()))
                .transpose()?
                .flatten();
            let torn = own.map(|own| own.stat(layout::LOG_FILE)).transpose()?.flatten();
            return Err(Error::NotFound {
                object: match torn {
                    // Nothing is done before the first line is durable.
                    Some(_) => format!(
                        "a whole line in the {object} (stopped before anything was done, it is begun anew; or the journal was cut)"
                    ),
                    None => object,
                },
            });
        };
        let fault = |actual: String| Error::Integrity {
            object,
            place: "line 1".into(),
            expected: "the first line of this acquisition's log".into(),
            actual,
        };
        let event = match Chain::new().take(&line) {
            Ok(event) => event,
            Err(wrong) => return Err(fault(wrong.reason)),
        };
        match (event.case, event.acquisition) {
            (Some(case), Some(found)) if found == *acquisition => Ok(LogName::Acquisition {
                case,
                acquisition: found,
            }),
            (_, found) => Err(fault(format!("a line of {found:?}"))),
        }
    }

    /// Takes the right to work on an acquisition. Blocks for a moment.
    ///
    /// # Errors
    /// [`Error::Precondition`] while another program of this host holds it, naming its process where known.
    pub fn lock_acquisition(&self, acquisition: &AcquisitionId) -> Result<AcquisitionLock> {
        let branch = self.branch([ACQUISITIONS_FOLDER, acquisition.as_str()])?;
        AcquisitionLock::take(branch.folder(), acquisition)
    }

    /// The signing key of this name, made now where there is none. Blocks.
    ///
    /// A key made now is pinned nowhere yet: show its fingerprint, to be written down elsewhere.
    ///
    /// # Errors
    /// As [`signer`](Self::signer), [`Error::NotFound`] aside; and when the system's generator fails.
    pub fn signer_or_new(&self, name: &str, entropy: &dyn Entropy) -> Result<(FileSigner, KeyOrigin)> {
        KeyFolder::of(self)?.signer_or_new(name, entropy)
    }

    /// The signing key of this name. Blocks.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] when others could have read it; [`Error::Malformed`] when it is no
    /// Ed25519 key; [`Error::Integrity`] when the public half beside it belongs to another key.
    pub fn signer(&self, name: &str) -> Result<FileSigner> {
        KeyFolder::of(self)?.signer(name)
    }

    /// This host's own keys, each by itself: whose signatures are trusted without a trust file. Blocks.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the file that is no public key; [`Error::Refused`] for one that others may write.
    pub fn own_trust(&self) -> Result<Trust> {
        KeyFolder::of(self)?.trust()
    }

    /// Where this host keeps wrapped keys when nobody names another place; made where it is missing. Blocks.
    ///
    /// # Errors
    /// [`Error::Refused`] where another user could interfere.
    pub fn escrow(&self) -> Result<DirectoryEscrow> {
        Ok(DirectoryEscrow::of_branch(self.branch([ESCROW_FOLDER])?))
    }

    pub(super) fn root(&self) -> &Folder {
        &self.root
    }

    pub(super) fn branch<const N: usize>(&self, names: [&str; N]) -> Result<Branch> {
        Branch::root(Arc::clone(&self.root))?.grow(names)
    }
}

impl fmt::Display for StateFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "state folder {}", self.root.path())
    }
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}
