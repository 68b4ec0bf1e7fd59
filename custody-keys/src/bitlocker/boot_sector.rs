use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::guid::Guid;

/// What a BitLocker volume begins with: where its three copies of the metadata lie.
///
/// Source: libbde, "BitLocker Drive Encryption (BDE) format specification", section "Volume header". Read 2026-11-28.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BootSector {
    pub(crate) form: Form,
    pub(crate) reach: Reach,
    pub(crate) copies: [u64; 3],
}

/// Which boot sector it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Windows 7 to 11, an NTFS or ReFS volume.
    Fixed,
    /// BitLocker To Go, on removable drives.
    ToGo,
}

/// How far the encryption of the volume reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To one place, which the metadata name.
    Contiguous,
    /// To what was written: bitmaps tell which parts. So it is where only used space is encrypted, and where a newer Windows
    /// was stopped while it converted the volume.
    OnWrite,
}

pub(crate) const BOOT_SECTOR_BYTES: usize = 512;
pub(crate) const SIGNATURE: &[u8; 8] = b"-FVE-FS-";

const WHAT: &str = "BitLocker boot sector";
const TO_GO_SIGNATURE: &[u8; 8] = b"MSWIN4.1";
const VISTA_JUMP: [u8; 3] = [0xeb, 0x52, 0x90];
const FIXED_AT: usize = 0xa0;
const TO_GO_AT: usize = 0x1a8;
const CONTIGUOUS: Guid = Guid::of("4967d63b-2e29-4ad8-8399-f6a339e3d001");
const ON_WRITE: Guid = Guid::of("92a84d3b-dd80-4d0e-9e4e-b1e3284eaed8");

impl BootSector {
    /// Whether a volume that begins so claims to be BitLocker's.
    pub(crate) fn is_claimed_by(head: &[u8]) -> bool {
        let fields = Fields::new(WHAT, head);
        let oem = fields.array(3).unwrap_or_default();
        oem == *SIGNATURE || (oem == *TO_GO_SIGNATURE && Self::reach_at(&fields, TO_GO_AT).is_some())
    }

    fn reach_at(fields: &Fields<'_>, at: usize) -> Option<Reach> {
        match Guid::from_stored(fields.array(at).ok()?) {
            CONTIGUOUS => Some(Reach::Contiguous),
            ON_WRITE => Some(Reach::OnWrite),
            _ => None,
        }
    }

    pub(crate) fn parse(head: &[u8]) -> Result<Self> {
        let fields = Fields::new(WHAT, head);
        fields.slice(0, BOOT_SECTOR_BYTES)?;
        let oem: [u8; 8] = fields.array(3)?;
        let (form, at) = if oem == *SIGNATURE {
            (Form::Fixed, FIXED_AT)
        } else {
            (Form::ToGo, TO_GO_AT)
        };
        let Some(reach) = Self::reach_at(&fields, at) else {
            return Err(if fields.array(0)? == VISTA_JUMP {
                Error::Unsupported {
                    what: WHAT,
                    name: "the form of Windows Vista, from before Windows 7,".to_owned(),
                }
            } else {
                let found = Guid::from_stored(fields.array(at)?);
                Error::field(
                    WHAT,
                    "the GUID of its form",
                    found,
                    format!("{CONTIGUOUS} or {ON_WRITE}"),
                )
            });
        };
        let copies = [
            fields.u64_le(at + 16)?,
            fields.u64_le(at + 24)?,
            fields.u64_le(at + 32)?,
        ];
        Ok(Self { form, reach, copies })
    }
}
