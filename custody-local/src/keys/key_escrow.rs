use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::ids::{AcquisitionId, Segment};
use custody_core::port::{EscrowReceipt, EscrowRecord, KeyEscrow};
use custody_core::{Acted, Error, Result};
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use super::escrow_file::EscrowFile;
use crate::disk::{Branch, Folder, PartialFile, check_ours, failed, read_up_to, write_all_at};

const SUFFIX: &str = ".json";
/// Read by its owner; changed by nobody.
const MODE: u32 = 0o400;
/// The longest file: a key of 8 MiB in base64, with what is said of it.
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// A directory in which wrapped keys lie, each a file that is written once. It takes no key in plain form.
///
/// `<name>.json` holds the wrapped key and what is known of it; see `docs/record-format.md` for the form. Whoever holds an
/// identity that it is wrapped for needs no custody to unwrap it.
#[derive(Debug, Clone)]
pub struct DirectoryEscrow {
    branch: Branch,
}

impl DirectoryEscrow {
    /// Opens the directory; makes it, for this user alone, where it is missing. Blocks.
    ///
    /// # Errors
    /// [`Error::Refused`] where another user could replace what lies in it.
    pub fn create_or_open(path: &Path) -> Result<Self> {
        let folder = Folder::open_or_make(path)?;
        Ok(Self {
            branch: Branch::root(Arc::new(folder))?,
        })
    }

    /// Opens the directory where it is. Blocks.
    ///
    /// # Errors
    /// [`Error::NotFound`]; otherwise as [`create_or_open`](Self::create_or_open).
    pub fn open(path: &Path) -> Result<Self> {
        let folder = Folder::open(path)?;
        Ok(Self {
            branch: Branch::root(Arc::new(folder))?,
        })
    }

    pub(crate) const fn of_branch(branch: Branch) -> Self {
        Self { branch }
    }

    fn deposit_now(&self, name: &Segment, file: &EscrowFile, record: &EscrowRecord) -> Result<EscrowReceipt> {
        let file_name = name.with_suffix(SUFFIX);
        let bytes = file.to_bytes()?;
        if bytes.len() > MAX_FILE_BYTES {
            return Err(Error::malformed(
                name.as_str(),
                format!("would have more than {MAX_FILE_BYTES} bytes in the escrow"),
            ));
        }
        let begun = PartialFile::begin(self.branch.clone(), file_name.as_str());
        let put = begun.and_then(|partial| {
            write_all_at(partial.file(), &bytes, 0).map_err(failed(partial.path(), "write"))?;
            partial.commit(MODE, |_| Ok(()))
        });
        match put {
            Ok(()) => return Ok(EscrowReceipt::new(name, &record.key)),
            Err(Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(error),
        }
        let kept = self.withdraw_now(name)?;
        if !kept.is_same_key(record) {
            return Err(Error::AlreadyExists {
                object: self.branch.folder().path_of(file_name.as_str()),
            });
        }
        Ok(EscrowReceipt::new(name, &kept.key))
    }

    fn withdraw_now(&self, name: &Segment) -> Result<EscrowRecord> {
        let file_name = name.with_suffix(SUFFIX);
        let folder = self.branch.folder();
        let path = folder.path_of(file_name.as_str());
        let file = folder.open_plain(file_name.as_str())?;
        let file = file.ok_or_else(|| Error::NotFound { object: path.clone() })?;
        let stat = rustix::fs::fstat(&file).map_err(failed(&*path, "describe"))?;
        check_ours(&path, &stat)?;
        let bytes = read_up_to(&file, 0, MAX_FILE_BYTES).map_err(failed(&*path, "read"))?;
        EscrowFile::record(&path, &bytes)
    }

    /// Every name, ascending.
    fn names(&self) -> Result<Vec<Segment>> {
        let mut names = Vec::new();
        for found in self.branch.folder().names()? {
            let Some(name) = found.to_str().ok().and_then(|name| name.strip_suffix(SUFFIX)) else {
                continue;
            };
            // What begins with a dot is on its way, or is nobody's key.
            if let Ok(name) = name.parse() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn list_now(&self, of: &AcquisitionId) -> Result<Vec<EscrowReceipt>> {
        let mut receipts = Vec::new();
        for name in self.names()? {
            let record = self.withdraw_now(&name)?;
            if record.acquisition == *of {
                receipts.push(EscrowReceipt::new(&name, &record.key));
            }
        }
        Ok(receipts)
    }
}

impl fmt::Display for DirectoryEscrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "escrow {}", self.branch.folder().path())
    }
}

#[async_trait]
impl KeyEscrow for DirectoryEscrow {
    async fn deposit(&self, name: &Segment, record: &EscrowRecord) -> Result<Acted<EscrowReceipt>> {
        // Before anything else: a key in plain form is never written.
        let file = EscrowFile::of(record).ok_or_else(|| Error::Unsupported {
            operation: "keeping a key in plain form",
            provider: self.to_string(),
        })?;
        self.deposit_now(name, &file, record).map(Acted::local)
    }

    async fn withdraw(&self, name: &Segment) -> Result<Acted<EscrowRecord>> {
        let (escrow, name) = (self.clone(), name.clone());
        let record = blocking::unblock(move || escrow.withdraw_now(&name)).await?;
        Ok(Acted::local(record))
    }

    fn list(&self, of: &AcquisitionId) -> BoxStream<'_, Result<EscrowReceipt>> {
        let (escrow, of) = (self.clone(), of.clone());
        let listed = async move {
            let receipts = blocking::unblock(move || escrow.list_now(&of)).await?;
            Ok(stream::iter(receipts.into_iter().map(Ok)))
        };
        stream::once(listed).try_flatten().boxed()
    }
}
