use super::SECTOR_SIZES;
use super::gpt::{GPT_SIGNATURE, GptEntry, GptHeader};
use super::layout::{Layout, SliceKind};
use crate::access::{Halt, Step, Window};

/// Which copy of a disk's GPT told where its volumes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GptCopy {
    First,
    Second,
}

/// Where copies are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copies {
    /// At the start alone: the disk's end is content of a volume that is encrypted.
    First,
    /// At the start, and in the last sector where the start has none that can be used.
    Both,
}

impl Layout {
    /// Takes the partitions of the disk's GPT, with either sector size: of the first copy, or of the second one, which is
    /// sought whatever the first sector says. `None` where neither can be used; notes tell of what is damaged.
    pub(super) async fn read_gpt(&mut self, disk: &Window, copies: Copies) -> Step<Option<GptCopy>> {
        for sector in SECTOR_SIZES {
            if let Some((header, entries)) = self.usable(disk, sector, 1, "first GPT").await? {
                self.add_entries(&entries, sector, disk.length());
                self.check_other(disk, sector, &header).await?;
                return Ok(Some(GptCopy::First));
            }
        }
        if copies == Copies::First {
            return Ok(None);
        }
        for sector in SECTOR_SIZES {
            let Some(last) = (disk.length() / sector).checked_sub(1) else {
                continue;
            };
            if let Some((_, entries)) = self.usable(disk, sector, last, "second GPT").await? {
                self.notes
                    .push("the partitions are those of the second GPT".to_owned());
                self.add_entries(&entries, sector, disk.length());
                return Ok(Some(GptCopy::Second));
            }
        }
        Ok(None)
    }

    /// The copy in this sector, unless none is there, or one that is damaged, of which a note then tells.
    async fn usable(
        &mut self,
        disk: &Window,
        sector: u64,
        lba: u64,
        name: &str,
    ) -> Step<Option<(GptHeader, Vec<GptEntry>)>> {
        match read_copy(disk, sector, lba).await {
            Err(Halt::CannotTell(reason)) => {
                self.notes.push(format!("{name}: {reason}"));
                Ok(None)
            }
            read => read,
        }
    }

    async fn check_other(&mut self, disk: &Window, sector: u64, header: &GptHeader) -> Step<()> {
        let other = header.other_lba;
        let fault = match read_copy(disk, sector, other).await {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => "it is not there".to_owned(),
            Err(Halt::CannotTell(reason)) => reason,
            Err(halt) => return Err(halt),
        };
        self.notes.push(format!("second GPT, in sector {other}: {fault}"));
        Ok(())
    }

    pub(super) fn add_entries(&mut self, entries: &[GptEntry], sector: u64, disk: u64) {
        for entry in entries {
            let sectors = entry.last_lba.saturating_add(1).saturating_sub(entry.first_lba);
            let name = format!("partition {}", entry.number);
            self.add(
                &name,
                entry.first_lba,
                sectors,
                sector,
                disk,
                SliceKind::Gpt(entry.kind),
            );
        }
    }
}

/// The copy of the table whose header lies in this sector, or `None` where no header is.
async fn read_copy(disk: &Window, sector: u64, lba: u64) -> Step<Option<(GptHeader, Vec<GptEntry>)>> {
    let at = lba.saturating_mul(sector);
    if at.saturating_add(sector) > disk.length() {
        return Ok(None);
    }
    let bytes = disk.read(at, sector).await?;
    if !bytes.starts_with(GPT_SIGNATURE) {
        return Ok(None);
    }
    let header = GptHeader::parse(&bytes, lba)?;
    let at = header.entries_lba.saturating_mul(sector);
    let table = disk.read(at, header.table_bytes()).await?;
    let entries = header.entries(&table)?;
    Ok(Some((header, entries)))
}
