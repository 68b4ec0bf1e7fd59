//! The machine that the demonstration captures: two encrypted data disks, whose keys lie in a vault of its owners. A test
//! captures it too, and has other tools open the stored disks with the escrowed keys.

use custody_testkit::azure_sim::{Bytes, Scenario};
use custody_testkit::volume::{BitLockerVolume, GptDisk, Luks2Volume, MadeBitLocker};

/// The lab, its data disks encrypted: the first by BitLocker, the second by LUKS, its key wrapped in the vault.
pub(crate) fn scenario() -> Scenario {
    let (bitlocker, passphrase) = (bitlocker(), passphrase());
    let luks = Luks2Volume::new(2, &passphrase, vec![0xa5; 1 << 20]).make();
    let mut lab = Scenario::lab_with_keys(&bitlocker.key_file, &passphrase);
    for (name, volume) in [("web-01-data-0", bitlocker.image), ("web-01-data-1", luks)] {
        let disk = GptDisk::new(512).with_partition(volume).make();
        lab.disk_mut(name).bytes = Bytes::Exactly(disk.image);
    }
    lab
}

/// The volume of the first data disk. libbde opens none that does not begin as NTFS does.
pub(crate) fn bitlocker() -> MadeBitLocker {
    BitLockerVolume::new(1, BitLockerVolume::ntfs_content(2 << 20)).make()
}

/// What opens the volume of the second.
pub(crate) fn passphrase() -> Vec<u8> {
    custody_testkit::fake::pattern(32, 5)
}
