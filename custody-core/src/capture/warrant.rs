use crate::ids::SnapshotName;

/// The right to delete exactly one disk snapshot that we made.
#[derive(Debug)]
pub struct DeletionWarrant {
    snapshot: SnapshotName,
}

impl DeletionWarrant {
    /// The snapshot it is for.
    #[must_use]
    pub const fn snapshot(&self) -> &SnapshotName {
        &self.snapshot
    }
}
