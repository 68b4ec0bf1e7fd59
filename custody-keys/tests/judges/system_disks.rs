//! Disks of Linux machines whose header lies in a file of the boot partition.

use std::fs;
use std::path::Path;

use custody_core::port::ProofVerdict;
use custody_testkit::volume::GptDisk;

use crate::programs::succeeds;
use crate::support::{content, prove, random};
use crate::{MIB, PASSPHRASE};

/// A disk as Azure Disk Encryption leaves it: a boot partition of this kind that holds the header, and the system.
fn system_disk(folder: &Path, make: &dyn Fn(&Path, &Path) -> Vec<u8>, header_options: &[&str]) -> Vec<u8> {
    let tree = folder.join("tree");
    fs::create_dir_all(tree.join("luks")).unwrap();
    fs::create_dir_all(tree.join("grub")).unwrap();
    for number in 0..40 {
        fs::write(tree.join(format!("grub/module-{number}.mod")), content(3000)).unwrap();
    }
    let header = tree.join("luks/osluksheader");
    // Azure Disk Encryption makes a file of 32 MiB of zeros for it.
    fs::write(&header, vec![0; 32 * MIB]).unwrap();
    let system = folder.join("system");
    fs::write(&system, vec![0; 20 * MIB]).unwrap();
    let mut arguments = vec![
        "luksFormat",
        "--batch-mode",
        "--key-file=-",
        "--pbkdf-force-iterations=1000",
    ];
    arguments.extend(header_options);
    arguments.extend(["--header", header.to_str().unwrap(), system.to_str().unwrap()]);
    succeeds("cryptsetup", &arguments, PASSPHRASE);
    let boot = make(&tree, &folder.join("boot"));
    // The system looks random, as encrypted content does.
    let disk = GptDisk::new(512)
        .with_partition(boot)
        .with_partition(random(4 * MIB, 1))
        .make();
    disk.image
}

fn ext(kind: &'static str) -> impl Fn(&Path, &Path) -> Vec<u8> {
    move |tree, file| {
        let arguments = [
            "-q",
            "-t",
            kind,
            "-d",
            tree.to_str().unwrap(),
            file.to_str().unwrap(),
            "64M",
        ];
        succeeds("mke2fs", &arguments, b"");
        fs::read(file).unwrap()
    }
}

fn xfs(tree: &Path, file: &Path) -> Vec<u8> {
    let entry = |path: &str| format!("---644 0 0 {}/{path}\n", tree.display());
    let modules: String = (0..40)
        .map(|number| {
            format!(
                "module-{number}.mod {}",
                entry(&format!("grub/module-{number}.mod"))
            )
        })
        .collect();
    let prototype = format!(
        "/\n0 0\nd--755 0 0\ngrub d--755 0 0\n{modules}$\nluks d--755 0 0\nosluksheader {}$\n$\n",
        entry("luks/osluksheader")
    );
    let path = file.with_extension("prototype");
    fs::write(&path, prototype).unwrap();
    fs::write(file, vec![0; 320 * MIB]).unwrap();
    succeeds(
        "mkfs.xfs",
        &["-q", "-p", path.to_str().unwrap(), file.to_str().unwrap()],
        b"",
    );
    fs::read(file).unwrap()
}

fn the_detached_header_opens(make: &dyn Fn(&Path, &Path) -> Vec<u8>) {
    for options in [&["--type=luks1"][..], &["--type=luks2", "--pbkdf=pbkdf2"]] {
        let folder = tempfile::tempdir().unwrap();
        let image = system_disk(folder.path(), make, options);
        let proof = prove(image.clone(), PASSPHRASE);
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
        let opened = proof
            .volumes
            .iter()
            .find(|volume| volume.verdict == ProofVerdict::Opens)
            .unwrap();
        assert!(
            opened
                .notes
                .iter()
                .any(|note| note.contains("/luks/osluksheader")),
            "{opened:?}"
        );
        assert!(proof.bytes_read < 4 << 20, "{} bytes", proof.bytes_read);
        let proof = prove(image, b"another one");
        assert_ne!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
    }
}

#[test]
#[ignore = "needs cryptsetup and e2fsprogs"]
fn the_header_on_an_ext_boot_partition_is_found() {
    for kind in ["ext2", "ext3", "ext4"] {
        the_detached_header_opens(&ext(kind));
    }
}

#[test]
#[ignore = "needs cryptsetup and xfsprogs"]
fn the_header_on_an_xfs_boot_partition_is_found() {
    the_detached_header_opens(&xfs);
}

#[test]
#[ignore = "needs cryptsetup, e2fsprogs and xfsprogs"]
fn damaged_boot_partitions_are_looked_into_and_neither_panic_nor_run_away() {
    let options = &["--type=luks2", "--pbkdf=pbkdf2"][..];
    for (make, rounds) in [
        (&ext("ext4") as &dyn Fn(&Path, &Path) -> Vec<u8>, 60_usize),
        (&xfs, 12),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut image = system_disk(folder.path(), make, options);
        // The boot partition begins at 1 MiB: its superblock, its first inodes and directories lie near its start.
        for round in 0..rounds {
            let changed: Vec<(usize, u8)> = (0..40)
                .map(|number| MIB + (round * 7919 + number * 104_729) % (256 << 10))
                .map(|at| (at, image[at]))
                .collect();
            for (at, byte) in &changed {
                image[*at] = byte.wrapping_add(1 + u8::try_from(round % 254).unwrap());
            }
            let proof = prove(image.clone(), PASSPHRASE);
            assert!(proof.bytes_read <= 64 << 20, "{proof:?}");
            for (at, byte) in changed.into_iter().rev() {
                image[at] = byte;
            }
        }
    }
}
