use crate::fields::Fields;

/// The four entries of a boot record, in sectors from where the record counts.
///
/// Source: UEFI specification 2.10, section 5.2. Read 2026-11-28.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BootRecord {
    pub(crate) entries: [BootEntry; 4],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BootEntry {
    active: u8,
    pub(crate) kind: u8,
    pub(crate) first_sector: u32,
    pub(crate) sectors: u32,
}

impl BootRecord {
    /// Reads the record, or `None` where these bytes are not one: no signature, or flags that no record has, which is
    /// how the boot sectors of file systems are told from it.
    pub(crate) fn parse(sector: &[u8]) -> Option<Self> {
        let fields = Fields::new("boot record", sector);
        if fields.array(510).ok()? != [0x55, 0xaa] {
            return None;
        }
        let mut entries = [BootEntry::default(); 4];
        for (entry, at) in entries.iter_mut().zip([446, 462, 478, 494]) {
            *entry = BootEntry {
                active: fields.byte(at).ok()?,
                kind: fields.byte(at + 4).ok()?,
                first_sector: fields.u32_le(at + 8).ok()?,
                sectors: fields.u32_le(at + 12).ok()?,
            };
        }
        entries
            .iter()
            .all(|entry| matches!(entry.active, 0 | 0x80))
            .then_some(Self { entries })
    }

    /// Whether it only says that a GPT follows.
    pub(crate) fn is_protective(&self) -> bool {
        self.entries.iter().any(|entry| entry.is_protective())
    }

    /// Whether it names partitions itself.
    pub(crate) fn has_partitions(&self) -> bool {
        self.entries.iter().any(|entry| entry.names_a_partition())
    }
}

impl BootEntry {
    pub(crate) const fn is_used(self) -> bool {
        self.kind != 0 && self.sectors != 0
    }

    /// Whether it only says that a GPT follows.
    const fn is_protective(self) -> bool {
        self.kind == 0xee
    }

    pub(crate) const fn names_a_partition(self) -> bool {
        self.is_used() && !self.is_protective()
    }

    pub(crate) const fn is_extended(self) -> bool {
        matches!(self.kind, 0x05 | 0x0f | 0x85)
    }
}
