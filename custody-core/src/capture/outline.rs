//! What a capture would create, read and delete, in words.

use super::plan::Plan;
use crate::layout;
use crate::port::SnapshotKind;

/// What a capture would do outside of this host, for whoever decides on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outline {
    /// What it would create.
    pub created: Vec<String>,
    /// What it would read.
    pub read: Vec<String>,
    /// What it would delete, and when.
    pub deleted: Vec<String>,
}

impl Plan {
    /// What the capture would create, read and delete, as far as the provider tells how disks are taken.
    #[must_use]
    pub fn outline(&self) -> Outline {
        let mut outline = Outline::default();
        for (item, disk) in self.items.iter().zip(&self.machine.disks) {
            let object = self.folder.join(&item.file);
            match disk.snapshot {
                Some(SnapshotKind::Made) => {
                    let snapshot = format!("disk snapshot {} of {}", item.snapshot, item.disk);
                    outline.created.push(snapshot.clone());
                    outline
                        .read
                        .push(format!("{snapshot}, by an access that is ended"));
                    outline.deleted.push(format!(
                        "{snapshot}, once its copy was stored, read back, matched and sealed"
                    ));
                }
                Some(SnapshotKind::Existing) => outline.read.push(format!(
                    "{}, which is there and stays, by an access that is ended",
                    item.disk
                )),
                Some(SnapshotKind::InPlace) | None => outline.read.push(item.disk.to_string()),
            }
            outline
                .created
                .push(format!("object {object}, with its lists beside it"));
        }
        if let Some(place) = &self.keys {
            outline
                .created
                .push(format!("each key that a disk turns out to need, in {place}"));
            outline
                .read
                .push("the keys of the disks, where their disk snapshots say that they lie".into());
        }
        if let Some(place) = &self.digests {
            outline.created.push(format!("the digests of each item: {place}"));
        }
        outline.created.push(format!(
            "objects in {}: log, checkpoints, what is told of the machine, manifest, seal, sums",
            self.folder
        ));
        outline.created.push(format!(
            "lines and a checkpoint of {}",
            layout::log(&crate::port::LogName::Register)
        ));
        outline.read.push(format!(
            "machine {}: what its provider tells of it",
            self.machine.machine
        ));
        outline
            .read
            .push("every stored copy, from its first byte to its last".into());
        outline
    }
}
