use custody_core::Result;
use custody_core::digest::DiskData;
use custody_core::visible;

use super::vhd_footer::{COOKIE, FOOTER_BYTES, VhdFooter, VhdKind};

/// The bytes at a file's start that are looked at.
pub(super) const HEAD_BYTES: u64 = 512;

/// Containers that are known by what they begin with: offset, bytes, name.
///
/// Sources: QEMU `docs/interop/qcow2.rst` and `block/qcow.c`; Microsoft \[MS-VHDX\] 2.2.1; VMware "Virtual Disk
/// Format 5.0"; VirtualBox `VDICore.h`; libewf "Expert Witness Compression Format" 3.1 and 2.0.
const CONTAINERS: [(usize, &[u8], &str); 9] = [
    (0, b"QFI\xfb", "qcow2"),
    (0, b"vhdxfile", "vhdx"),
    (0, b"KDMV", "vmdk"),
    (0, b"COWD", "vmdk"),
    (0, b"# Disk DescriptorFile", "vmdk-descriptor"),
    (0x40, b"\x7f\x10\xda\xbe", "vdi"),
    (0, b"EVF\x09\x0d\x0a\xff\x00", "ewf"),
    (0, b"LVF\x09\x0d\x0a\xff\x00", "ewf-logical"),
    (0, b"EVF2\x0d\x0a\x81\x00", "ewf2"),
];

/// What an image file is, by its content. The file is taken whole whatever it is; this decides only
/// which of its bytes are called the disk's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageFormat {
    /// `raw`, `vhd-fixed`, `vhdx`, …
    pub(super) name: String,
    /// Which bytes are the disk's own.
    pub(super) data: DiskData,
    /// What else the content says, by name; values escaped.
    pub(super) attributes: Vec<(&'static str, String)>,
}

impl ImageFormat {
    /// A raw image, or a device.
    pub(super) fn raw() -> Self {
        Self {
            name: "raw".to_owned(),
            data: DiskData::WholeFile,
            attributes: Vec::new(),
        }
    }

    /// Recognises a file of `length` bytes: `read(at, n)` gives `n` of them. Two reads of 512 bytes
    /// at most, whatever the content says.
    ///
    /// # Errors
    /// What `read` fails with.
    pub(super) fn recognise(
        length: u64,
        mut read: impl FnMut(u64, u64) -> Result<bytes::Bytes>,
    ) -> Result<Self> {
        let head = read(0, length.min(HEAD_BYTES))?;
        for (at, magic, name) in CONTAINERS {
            if head.get(at..).is_some_and(|head| head.starts_with(magic)) {
                return Ok(Self::container(name, Vec::new()));
            }
        }
        if length < FOOTER_BYTES {
            return Ok(Self::raw());
        }
        let tail = read(length - FOOTER_BYTES, FOOTER_BYTES)?;
        if let Some(footer) = VhdFooter::parse(&tail) {
            return Ok(Self::of_footer(&footer, length));
        }
        if tail.get(1..).is_some_and(|tail| tail.starts_with(&COOKIE)) {
            // The specification: versions before Virtual PC 2004 make files with a footer of 511 bytes.
            return Ok(Self::suspect(
                "vhd",
                "its VHD footer has 511 bytes, as programs before Virtual PC 2004 wrote it".to_owned(),
                Vec::new(),
            ));
        }
        if head.starts_with(&COOKIE) {
            return Ok(Self::suspect(
                "vhd",
                "it begins with a copy of a VHD footer and does not end with one: it may have been cut"
                    .to_owned(),
                Vec::new(),
            ));
        }
        Ok(Self::raw())
    }

    fn of_footer(footer: &VhdFooter, length: u64) -> Self {
        let attributes = vec![
            ("vhd-creator", visible::escape_bytes(&footer.creator)),
            ("vhd-current-bytes", footer.current_bytes.to_string()),
            ("vhd-original-bytes", footer.original_bytes.to_string()),
            ("vhd-made-unix-seconds", footer.made_unix_s.to_string()),
            ("vhd-unique-id", footer.unique_id_text()),
        ];
        match footer.kind {
            VhdKind::Fixed => match footer.lie_about_fixed(length) {
                None => Self {
                    name: "vhd-fixed".to_owned(),
                    data: DiskData::Prefix {
                        length: footer.current_bytes.into(),
                    },
                    attributes,
                },
                Some(lie) => Self::suspect("vhd-fixed", lie, attributes),
            },
            VhdKind::Dynamic => Self::container("vhd-dynamic", attributes),
            VhdKind::Differencing => Self {
                name: "vhd-differencing".to_owned(),
                data: DiskData::NotComputed {
                    reason: "vhd-differencing holds only what differs from another file, its parent"
                        .to_owned(),
                },
                attributes,
            },
            VhdKind::Unknown(kind) => {
                let lie = format!("its VHD footer says that the disk is of type {kind}, which is not known");
                Self::suspect("vhd", lie, attributes)
            }
        }
    }

    fn container(name: &str, attributes: Vec<(&'static str, String)>) -> Self {
        Self {
            name: name.to_owned(),
            data: DiskData::NotComputed {
                reason: format!("{name} container; convert with qemu-img to compare disk data"),
            },
            attributes,
        }
    }

    /// A file that says of itself what is not so: taken whole, and said.
    fn suspect(name: &str, what: String, mut attributes: Vec<(&'static str, String)>) -> Self {
        attributes.push(("anomaly", what.clone()));
        Self {
            name: name.to_owned(),
            data: DiskData::NotComputed { reason: what },
            attributes,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::super::vhd_footer::made_footer;
    use super::*;

    fn recognise(file: &[u8]) -> ImageFormat {
        ImageFormat::recognise(file.len() as u64, |at, n| {
            let at = usize::try_from(at).unwrap();
            Ok(Bytes::copy_from_slice(
                &file[at..at + usize::try_from(n).unwrap()],
            ))
        })
        .unwrap()
    }

    fn disk_with(footer: &[u8]) -> Vec<u8> {
        let mut file = vec![7; 4096];
        file.extend_from_slice(footer);
        file
    }

    #[test]
    fn files_of_every_small_size_are_raw() {
        for length in [0, 1, 511, 512, 513, 1024] {
            assert_eq!(recognise(&vec![7; length]), ImageFormat::raw());
        }
    }

    #[test]
    fn a_fixed_vhd_is_its_disk_and_a_footer() {
        let format = recognise(&disk_with(&made_footer(2, 4096)));
        assert_eq!(format.name, "vhd-fixed");
        assert_eq!(format.data, DiskData::Prefix { length: 4096.into() });
    }

    #[test]
    fn a_footer_that_lies_leaves_the_disk_data_uncomputed_and_is_told() {
        let mut bad_sum = made_footer(2, 4096);
        bad_sum[100] = 1;
        for footer in [made_footer(2, 4095), bad_sum, made_footer(9, 4096)] {
            let format = recognise(&disk_with(&footer));
            let DiskData::NotComputed { reason } = &format.data else {
                panic!("{:?}", format.data)
            };
            assert!(
                format.attributes.contains(&("anomaly", reason.clone())),
                "{format:?}"
            );
        }
    }

    #[test]
    fn containers_are_taken_whole_with_the_reason() {
        let with = |at: usize, magic: &[u8]| {
            let mut file = vec![0; 1024];
            file[at..at + magic.len()].copy_from_slice(magic);
            recognise(&file)
        };
        for (at, magic, name) in CONTAINERS {
            let format = with(at, magic);
            assert_eq!(format.name, name);
            assert!(matches!(&format.data, DiskData::NotComputed { reason } if reason.contains(name)));
        }
        let dynamic = recognise(&disk_with(&made_footer(3, 1 << 40)));
        assert_eq!(dynamic.name, "vhd-dynamic");
        let differencing = recognise(&disk_with(&made_footer(4, 1 << 40)));
        assert_eq!(differencing.name, "vhd-differencing");
    }

    #[test]
    fn a_vhd_that_was_cut_or_is_older_than_the_format_is_told() {
        let mut cut = made_footer(3, 1 << 30).to_vec();
        cut.resize(5000, 1);
        assert!(
            recognise(&cut)
                .attributes
                .iter()
                .any(|(name, _)| *name == "anomaly")
        );
        let old = disk_with(&made_footer(2, 4096)[..511]);
        assert!(matches!(recognise(&old).data, DiskData::NotComputed { .. }));
    }

    proptest! {
        #[test]
        fn no_content_leads_a_read_outside_the_file(
            head in prop::collection::vec(any::<u8>(), 0..64),
            length in prop_oneof![0_u64..2048, any::<u64>()],
            kind in 0_u32..6,
            claimed in any::<u64>(),
        ) {
            let footer = made_footer(kind, claimed);
            let format = ImageFormat::recognise(length, |at, n| {
                assert!(at.checked_add(n).is_some_and(|end| end <= length) && n <= 512);
                let mut bytes = if at > 0 { footer.to_vec() } else { head.clone() };
                bytes.resize(usize::try_from(n).unwrap(), 0);
                Ok(Bytes::from(bytes))
            })
            .unwrap();
            prop_assert!(format.data.length(length).is_none_or(|data| data <= length));
        }
    }
}
