//! Volumes on disks: GPT and MBR, two sector sizes, several volumes, tables that lie, and containers.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use custody_core::extent::ByteRange;
use custody_core::port::ProofVerdict;
use custody_testkit::volume::{BitLockerVolume, GptDisk, Luks2Volume, MbrDisk};
use support::{content, prove, random, reason};

const MIB: usize = 1 << 20;
const PASSPHRASE: &[u8] = b"correct horse battery staple";

fn luks() -> Vec<u8> {
    Luks2Volume::new(1, PASSPHRASE, content(64 << 10)).make()
}

#[test]
fn several_volumes_of_one_disk_are_each_judged() {
    let (one, two) = (
        BitLockerVolume::new(1, content(MIB)).make(),
        BitLockerVolume::new(2, content(MIB)).make(),
    );
    for sector in [512, 4096] {
        let disk = GptDisk::new(sector)
            .with_partition(one.image.clone())
            .with_partition(luks())
            .with_partition(content(4096))
            .with_partition(two.image.clone());
        let disk = disk.make();
        let proof = prove(disk.image, &two.key_file);
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
        let told: Vec<_> = proof
            .volumes
            .iter()
            .map(|volume| (volume.range, &volume.verdict))
            .collect();
        let expected = [
            (disk.partitions[0], &ProofVerdict::DoesNotOpen),
            (disk.partitions[1], &ProofVerdict::DoesNotOpen),
            (disk.partitions[3], &ProofVerdict::Opens),
        ];
        assert_eq!(told, expected);
    }
}

#[test]
fn logical_volumes_of_an_extended_partition_are_found() {
    for sector in [512, 4096] {
        let disk = MbrDisk::new(sector)
            .with_partition(content(4096))
            .with_partition(content(4096))
            .with_partition(luks())
            .make();
        let proof = prove(disk.image, PASSPHRASE);
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{sector}: {proof:?}");
        assert_eq!(proof.volumes.len(), 1, "{proof:?}");
        assert_eq!(proof.volumes[0].range, disk.partitions[2]);
    }
}

#[test]
fn a_chain_of_boot_records_that_leads_back_cannot_be_told() {
    let disk = MbrDisk::new(512)
        .with_partition(content(4096))
        .with_partition(content(4096))
        .with_partition(content(4096))
        .make();
    let mut image = disk.image;
    let record = usize::try_from(disk.partitions[1].start()).unwrap() - MIB;
    image[record + 462 + 8..record + 462 + 12].fill(0);
    let proof = prove(image, PASSPHRASE);
    assert!(reason(&proof.verdict).contains("leads back"), "{proof:?}");
}

#[test]
fn partitions_beyond_the_disk_are_refused_with_the_number() {
    let disk = GptDisk::new(512)
        .with_partition(luks())
        .with_claim(1 << 40, (1 << 40) + 7)
        .with_claim(4096, 1 << 30)
        .with_claim(9000, 8000)
        .make();
    let length = disk.image.len();
    let proof = prove(disk.image.clone(), PASSPHRASE);
    assert_eq!(proof.verdict, ProofVerdict::Opens);
    let reasons: Vec<_> = proof.volumes[1..]
        .iter()
        .map(|volume| reason(&volume.verdict))
        .collect();
    let told = reasons.join("\n");
    assert!(told.contains(&format!(
        "claims to start at byte {}, beyond the disk, which has {length}",
        512_u64 << 40
    )));
    assert!(
        told.contains(&format!("claims to end at byte {}", 512 * ((1_u64 << 30) + 1))),
        "{told}"
    );
    assert!(told.contains("partition 4 has no sector"), "{told}");
    // Without a volume that opens, what could not be looked at decides.
    let proof = prove(disk.image, b"another one");
    assert!(reason(&proof.verdict).contains("beyond the disk"), "{proof:?}");
}

#[test]
fn the_second_gpt_stands_in_for_a_damaged_first_one() {
    let disk = GptDisk::new(512).with_partition(luks()).make();
    for at in [512 + 60, 1024 + 40] {
        let mut image = disk.image.clone();
        image[at] ^= 1;
        let proof = prove(image, PASSPHRASE);
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
        assert!(
            proof.notes.iter().any(|note| note.contains("second GPT")),
            "{proof:?}"
        );
    }
    let mut image = disk.image.clone();
    image[512..1024].fill(0);
    assert_eq!(prove(image, PASSPHRASE).verdict, ProofVerdict::Opens);
}

#[test]
fn two_damaged_gpts_cannot_be_told() {
    let disk = GptDisk::new(512).with_partition(luks()).make();
    let (mut image, last) = (disk.image, MIB);
    image[512 + 60] ^= 1;
    let end = image.len();
    image[end - last..].fill(0);
    let proof = prove(image, PASSPHRASE);
    assert!(
        reason(&proof.verdict).contains("neither copy of it can be used"),
        "{proof:?}"
    );
}

#[test]
fn the_footer_of_a_fixed_vhd_is_not_part_of_the_disk() {
    let disk = GptDisk::new(512).with_partition(luks()).make();
    let mut image = disk.image;
    // Only the second table is whole: it lies where the disk ends, before the footer.
    image[512 + 60] ^= 1;
    image.extend(b"conectix");
    image.resize(image.len() + 504, 0);
    assert_eq!(prove(image, PASSPHRASE).verdict, ProofVerdict::Opens);
}

#[test]
fn a_disk_without_encryption_has_none() {
    let mut ext4 = vec![0; MIB];
    ext4[1080..1082].copy_from_slice(&[0x53, 0xef]);
    let disk = GptDisk::new(512)
        .with_partition(ext4)
        .with_partition(vec![0; MIB])
        .make();
    for image in [
        disk.image,
        vec![0; 2 * MIB],
        content(2 * MIB),
        vec![0; 3],
        Vec::new(),
    ] {
        let length = image.len();
        let proof = prove(image, PASSPHRASE);
        assert_eq!(proof.verdict, ProofVerdict::NotEncrypted, "{length}: {proof:?}");
    }
}

#[test]
fn no_encryption_is_said_with_what_was_seen_on_each_volume() {
    let mut ext4 = vec![0; MIB];
    ext4[1080..1082].copy_from_slice(&[0x53, 0xef]);
    let disk = GptDisk::new(512)
        .with_partition(ext4)
        .with_partition(vec![0; MIB])
        .make();
    let proof = prove(disk.image, PASSPHRASE);
    assert_eq!(
        proof.notes,
        [
            format!(
                "bytes {}: ext2, ext3 or ext4 by its signature, not encrypted",
                disk.partitions[0]
            ),
            format!(
                "bytes {}: nothing is recognised; a header that was wiped or lies elsewhere cannot be excluded",
                disk.partitions[1]
            ),
        ]
    );
    // And the notes come along into a record, as many as it takes.
    let told = custody_core::port::KeyProof::from(proof.clone());
    assert_eq!(told.notes, proof.notes);
    let mut many = proof;
    many.notes = vec!["a note".to_owned(); 70];
    let told = custody_core::port::KeyProof::from(many);
    assert_eq!(told.notes.len(), 65);
    assert_eq!(told.notes[64], "6 more are left out");
    let empty = prove(GptDisk::new(512).make().image, PASSPHRASE);
    assert_eq!(empty.notes, ["the partition table names no volume"]);
}

#[test]
fn an_encrypted_volume_whose_header_was_wiped_cannot_be_told() {
    for payload_at in [2 * MIB, 16 * MIB] {
        let mut wiped = vec![0; payload_at];
        wiped.extend(random(4 * MIB, 1));
        let proof = prove(GptDisk::new(512).with_partition(wiped).make().image, PASSPHRASE);
        let told = reason(&proof.verdict);
        assert!(
            told.contains(&format!("its bytes from {payload_at} on look random")),
            "{told}"
        );
        assert!(told.contains("was wiped"), "{told}");
    }
}

/// A disk whose first sector is written over, from byte 0 on.
fn beginning_with(mut image: Vec<u8>, signature: &[u8]) -> Vec<u8> {
    image[..signature.len()].copy_from_slice(signature);
    image
}

const FIRST_SECTORS: [&[u8]; 3] = [b"\xeb\x52\x90NTFS    ", b"XFSB", b"\xeb\x76\x90EXFAT   "];

#[test]
fn a_signature_in_the_first_sector_does_not_hide_a_partition_table() {
    for signature in FIRST_SECTORS {
        let gpt = GptDisk::new(512).with_partition(luks()).make();
        let mbr = MbrDisk::new(512)
            .with_partition(content(4096))
            .with_partition(content(4096))
            .with_partition(luks())
            .make();
        for (disk, range) in [
            (beginning_with(gpt.image, signature), gpt.partitions[0]),
            (beginning_with(mbr.image, signature), mbr.partitions[2]),
        ] {
            let proof = prove(disk, PASSPHRASE);
            assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
            assert_eq!(proof.volumes.last().unwrap().range, range, "{proof:?}");
            assert!(
                proof.notes.iter().any(|note| note.contains("both are looked at")),
                "{proof:?}"
            );
        }
    }
    // A volume that is encrypted as a whole does not hide one either.
    let mut whole = luks();
    let gpt = GptDisk::new(4096).with_partition(luks()).make();
    whole.truncate(4096);
    let proof = prove(beginning_with(gpt.image, &whole), PASSPHRASE);
    assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
}

#[test]
fn boot_code_that_looks_like_entries_is_no_partition_table() {
    let mut volume = beginning_with(vec![0; 2 * MIB], FIRST_SECTORS[0]);
    volume[510..512].copy_from_slice(&[0x55, 0xaa]);
    // An entry far beyond the disk.
    volume[446 + 4] = 0x07;
    volume[446 + 8..446 + 16].fill(0x74);
    let proof = prove(volume, PASSPHRASE);
    assert_eq!(proof.verdict, ProofVerdict::NotEncrypted, "{proof:?}");
}

#[test]
fn a_second_gpt_is_sought_whatever_the_first_sector_says() {
    for sector in [512, 4096] {
        let disk = GptDisk::new(sector).with_partition(luks()).make();
        let mut image = disk.image.clone();
        // Sector 0, the first table and its entries are gone.
        image[..MIB / 2].fill(0);
        let proof = prove(image.clone(), PASSPHRASE);
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{sector}: {proof:?}");
        for signature in FIRST_SECTORS {
            let proof = prove(beginning_with(image.clone(), signature), PASSPHRASE);
            assert_eq!(proof.verdict, ProofVerdict::Opens, "{sector}: {proof:?}");
        }
    }
}

#[test]
fn a_table_that_an_earlier_use_left_at_the_end_adds_encrypted_volumes_alone() {
    // A file system over the whole disk, and an MBR, each written where a GPT was once.
    let old = GptDisk::new(512)
        .with_partition(random(2 * MIB, 1))
        .with_partition(luks())
        .make();
    let mut ext4 = old.image.clone();
    ext4[..MIB / 2].fill(0);
    ext4[1080..1082].copy_from_slice(&[0x53, 0xef]);
    let mut mbr = old.image.clone();
    mbr[512..MIB / 2].fill(0);
    mbr[446 + 4] = 0x83;
    mbr[446 + 8..446 + 12].copy_from_slice(&64_u32.to_le_bytes());
    mbr[446 + 12..446 + 16].copy_from_slice(&64_u32.to_le_bytes());
    for image in [ext4, mbr] {
        let proof = prove(image, b"another one");
        assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen, "{proof:?}");
        let [volume] = proof.volumes.as_slice() else {
            panic!("{proof:?}")
        };
        assert_eq!(volume.range, old.partitions[1]);
        assert!(
            proof
                .notes
                .iter()
                .any(|note| note.contains("a GPT at the end of the disk")),
            "{proof:?}"
        );
    }
}

#[test]
fn a_partition_of_an_mbr_beside_a_gpt_is_found() {
    let disk = GptDisk::new(512).with_partition(content(4096)).make();
    let mut image = disk.image;
    let at = image.len() - MIB;
    let hidden = luks();
    image.splice(at..at, hidden.iter().copied().chain(std::iter::repeat_n(0, MIB)));
    let (first, count) = (
        u32::try_from(at / 512).unwrap(),
        u32::try_from(hidden.len() / 512).unwrap(),
    );
    image[462 + 4] = 0x83;
    image[462 + 8..462 + 12].copy_from_slice(&first.to_le_bytes());
    image[462 + 12..462 + 16].copy_from_slice(&count.to_le_bytes());
    let proof = prove(image, PASSPHRASE);
    assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
    assert!(
        proof
            .notes
            .iter()
            .any(|note| note.contains("an MBR beside the GPT")),
        "{proof:?}"
    );
}

#[test]
fn a_damaged_gpt_without_a_protective_record_cannot_be_told() {
    let disk = GptDisk::new(512).with_partition(luks()).make();
    let mut image = disk.image;
    image[..512].fill(0);
    image[512 + 60] ^= 1;
    let end = image.len();
    image[end - MIB..].fill(0);
    let proof = prove(image, PASSPHRASE);
    assert!(
        reason(&proof.verdict).contains("neither copy of it can be used"),
        "{proof:?}"
    );
}

#[test]
fn what_looks_encrypted_without_a_header_cannot_be_told() {
    let disk = GptDisk::new(512).with_partition(random(2 * MIB, 1)).make();
    for image in [disk.image, random(2 * MIB, 1)] {
        let proof = prove(image, PASSPHRASE);
        assert!(reason(&proof.verdict).contains("look random"), "{proof:?}");
    }
}

#[test]
fn what_holds_volumes_of_its_own_cannot_be_told() {
    let mut lvm = vec![0; MIB];
    lvm[512..520].copy_from_slice(b"LABELONE");
    let mut vhdx = vec![0; MIB];
    vhdx[..8].copy_from_slice(b"vhdxfile");
    const LDM_DATA: [u8; 16] = [
        0xa0, 0x60, 0x9b, 0xaf, 0x31, 0x14, 0x62, 0x4f, 0xbc, 0x68, 0x33, 0x11, 0x71, 0x4a, 0x69, 0xad,
    ];
    const LUKS: [u8; 16] = [
        0xcb, 0x7c, 0x7d, 0xca, 0xed, 0x63, 0x53, 0x4c, 0x86, 0x1c, 0x17, 0x42, 0x53, 0x60, 0x59, 0xcc,
    ];
    for (image, part) in [
        (GptDisk::new(512).with_partition(lvm).make().image, "LVM"),
        (vhdx, "VHDX"),
        (
            GptDisk::new(512)
                .with_partition_of(LDM_DATA, vec![0; MIB])
                .make()
                .image,
            "dynamic disk",
        ),
        (
            GptDisk::new(512)
                .with_partition_of(LUKS, vec![0; MIB])
                .make()
                .image,
            "a LUKS volume",
        ),
    ] {
        let proof = prove(image, PASSPHRASE);
        assert!(reason(&proof.verdict).contains(part), "{proof:?}");
    }
}

#[test]
fn a_whole_disk_may_be_one_volume() {
    let proof = prove(luks(), PASSPHRASE);
    assert_eq!(proof.verdict, ProofVerdict::Opens);
    assert_eq!(proof.volumes[0].range, ByteRange::at(0, luks().len() as u64));
}
