//! LUKS headers in files: Azure Disk Encryption on Linux keeps the header of the system's disk on its boot partition.

use custody_core::extent::ByteRange;

use crate::access::{Halt, Step, Window};
use crate::disk_proof::ProvenVolume;
use crate::file_system::{FileInside, FileSystemKind};
use crate::luks;
use crate::trial::Trial;

/// Where the header lies: on a boot partition of its own, or below the root of a file system.
///
/// Source: Microsoft, "Azure Disk Encryption for Linux VMs troubleshooting guide" and its rescue scripts, which open
/// the disk with `--header /boot/luks/osluksheader`. Read 2026-11-28.
const PATHS: [&str; 2] = ["/luks/osluksheader", "/boot/luks/osluksheader"];

/// File systems in which a header may lie, and volumes that lack one.
#[derive(Debug, Default)]
pub(crate) struct DetachedHeaders {
    places: Vec<Place>,
    wanted: Vec<ByteRange>,
}

#[derive(Debug)]
struct Place {
    volume: Window,
    name: &'static str,
    kind: Option<FileSystemKind>,
}

impl DetachedHeaders {
    pub(crate) fn may_lie_in(&mut self, volume: &Window, name: &'static str) {
        let kind = match name {
            "ext2, ext3 or ext4" => Some(FileSystemKind::Ext),
            "XFS" => Some(FileSystemKind::Xfs),
            "Btrfs" => None,
            _ => return,
        };
        self.places.push(Place {
            volume: volume.clone(),
            name,
            kind,
        });
    }

    pub(crate) fn wanted_by(&mut self, range: ByteRange) {
        self.wanted.push(range);
    }
}

/// Looks for headers where a volume lacks one, and tries the key on those that are found.
pub(crate) async fn prove(
    headers: DetachedHeaders,
    trial: &Trial,
    volumes: &mut Vec<ProvenVolume>,
) -> Step<()> {
    if headers.wanted.is_empty() {
        return Ok(());
    }
    for place in &headers.places {
        let range = place.volume.range();
        let Some(kind) = place.kind else {
            let name = place.name;
            let reason = format!(
                "a LUKS header may lie in a file of this {name} file system, which is not looked into"
            );
            volumes.push(ProvenVolume::unknown(range, reason));
            continue;
        };
        for path in PATHS {
            match prove_file(&place.volume, kind, path, trial).await {
                Ok(None) => {}
                Ok(Some(mut proven)) => {
                    proven.notes.push(format!(
                        "a header in a file, {path} of this {} file system; it does not name the volume that it opens, \
                         and of this disk these look encrypted and have no header: {}",
                        place.name,
                        list(&headers.wanted)
                    ));
                    volumes.push(proven);
                }
                Err(Halt::CannotTell(reason)) => {
                    let reason = format!(
                        "whether {path} is a LUKS header in this {} file system: {reason}",
                        place.name
                    );
                    volumes.push(ProvenVolume::unknown(range, reason));
                }
                Err(halt) => return Err(halt),
            }
        }
    }
    Ok(())
}

async fn prove_file(
    volume: &Window,
    kind: FileSystemKind,
    path: &'static str,
    trial: &Trial,
) -> Step<Option<ProvenVolume>> {
    let Some(file) = FileInside::find(volume, kind, path).await? else {
        return Ok(None);
    };
    let finding = luks::prove(&file, trial).await?;
    Ok(Some(ProvenVolume::new(volume.range(), finding)))
}

fn list(ranges: &[ByteRange]) -> String {
    let ranges: Vec<String> = ranges.iter().take(16).map(ToString::to_string).collect();
    ranges.join(", ")
}
