//! The machine's disks, and what names the keys that they are encrypted with at rest.

use serde_json::Value;

use super::MachineExhibit;
use super::part::{Found, Part, each};

/// The version of the disk resource provider's interface that is spoken.
const VERSION: (&str, &str) = ("api-version", "2023-10-02");

const DISK: Part = Part {
    stem: "disk",
    what: "disk, which names its disk encryption sets",
    action: "Microsoft.Compute/disks/read",
    version: VERSION,
};
const ENCRYPTION_SET: Part = Part {
    stem: "disk-encryption-set",
    what: "disk encryption set, which names the key of disks at rest",
    action: "Microsoft.Compute/diskEncryptionSets/read",
    version: VERSION,
};

impl MachineExhibit<'_> {
    /// The disks, and the disk encryption sets that they name.
    ///
    /// Source: Microsoft's OpenAPI documents of the disk provider, 2023-10-02, `Disk`, `DiskEncryptionSet`.
    pub(super) async fn disks(&mut self, machine: &Value) {
        let (mut disks, mut sets) = (Found::default(), Found::default());
        disks.add(machine.pointer("/properties/storageProfile/osDisk/managedDisk/id"));
        for disk in each(machine, "/properties/storageProfile/dataDisks") {
            disks.add(disk.pointer("/managedDisk/id"));
        }
        for disk in self.all(&DISK, disks).await {
            sets.add(disk.pointer("/properties/encryption/diskEncryptionSetId"));
            sets.add(disk.pointer("/properties/securityProfile/secureVMDiskEncryptionSetId"));
        }
        self.all(&ENCRYPTION_SET, sets).await;
    }
}
