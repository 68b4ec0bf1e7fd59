use super::boot_records::BOOT_RECORD_BYTES;
use super::gpt_copies::{Copies, GptCopy};
use super::layout::Layout;
use super::mbr::BootRecord;
use crate::access::{Halt, Step, Window};
use crate::content::Content;
use crate::vhd_footer;

const STALE_GPT: &str = "a GPT at the end of the disk";

impl Layout {
    /// Finds the volumes of a disk: those of its GPT, by its second copy where the first is damaged or gone; then those of
    /// its MBR with the logical volumes of extended partitions; else the disk is one volume.
    ///
    /// What the first sector looks like hides no table: whoever writes the signature of a file system into it, and whatever
    /// an earlier use of the disk left there, does not keep its partitions from being found.
    pub(crate) async fn read(image: &Window) -> Step<Self> {
        let mut layout = Self::default();
        let head = image.read_up_to(0, BOOT_RECORD_BYTES).await?;
        let record = BootRecord::parse(&head);
        match Content::of_start(&head) {
            Content::Container(_) => layout.add_whole(image.range()),
            Content::Unknown => {
                let disk = layout.without_footer(image).await?;
                layout.read_table(&disk, record.as_ref()).await?;
            }
            Content::FileSystem(_) => {
                let disk = layout.without_footer(image).await?;
                layout
                    .read_volume_and_table(&disk, record.as_ref(), Copies::Both)
                    .await?;
            }
            // Where it ends is not looked at: that is content of the volume.
            Content::BitLocker | Content::Luks => {
                layout
                    .read_volume_and_table(image, record.as_ref(), Copies::First)
                    .await?;
            }
        }
        Ok(layout)
    }

    async fn without_footer(&mut self, image: &Window) -> Step<Window> {
        match vhd_footer::disk_of(image).await {
            Err(Halt::CannotTell(reason)) => {
                self.notes
                    .push(format!("whether the footer of a VHD ends it: {reason}"));
                Ok(image.clone())
            }
            disk => disk,
        }
    }

    /// The volumes of a disk that does not begin with one.
    async fn read_table(&mut self, disk: &Window, record: Option<&BootRecord>) -> Step<()> {
        let mut gpt = Self::default();
        let copy = gpt.read_gpt(disk, Copies::Both).await?;
        let is_protected = record.is_some_and(BootRecord::is_protective);
        let record = record.filter(|record| record.has_partitions());
        match (copy, record) {
            (Some(GptCopy::First), None) => self.take(gpt),
            (Some(GptCopy::Second), None) if is_protected => self.take(gpt),
            (Some(GptCopy::Second), None) => match Content::read(disk).await? {
                Content::Unknown => self.take(gpt),
                // It was left there by an earlier use of the disk.
                _ => {
                    self.add_whole(disk.range());
                    self.add_encrypted_of(gpt, disk, STALE_GPT).await?;
                }
            },
            (Some(GptCopy::Second), Some(record)) if !is_protected => {
                self.read_mbr(disk, record).await?;
                self.add_encrypted_of(gpt, disk, STALE_GPT).await?;
            }
            (Some(_), Some(record)) => {
                self.take(gpt);
                let mut hybrid = Self::default();
                match hybrid.read_mbr(disk, record).await {
                    Ok(()) => {
                        self.add_encrypted_of(hybrid, disk, "an MBR beside the GPT")
                            .await?;
                    }
                    Err(Halt::CannotTell(reason)) => {
                        self.notes.push(format!("the MBR beside the GPT: {reason}"));
                    }
                    Err(halt) => return Err(halt),
                }
            }
            (None, Some(record)) if !is_protected => {
                self.read_mbr(disk, record).await?;
                self.notes.append(&mut gpt.notes);
            }
            (None, _) if is_protected || !gpt.notes.is_empty() => {
                self.refuse(disk.range(), unusable(&gpt));
            }
            (None, _) => self.add_whole(disk.range()),
        }
        Ok(())
    }

    /// The volume that the disk begins with, and those of a table that is there all the same.
    async fn read_volume_and_table(
        &mut self,
        disk: &Window,
        record: Option<&BootRecord>,
        copies: Copies,
    ) -> Step<()> {
        self.add_whole(disk.range());
        let mut gpt = Self::default();
        let copy = gpt.read_gpt(disk, copies).await?;
        match (copy, record) {
            (Some(GptCopy::First), _) => {
                self.notes.push(both("a GPT"));
                self.take(gpt);
            }
            (Some(GptCopy::Second), _) => self.add_encrypted_of(gpt, disk, STALE_GPT).await?,
            (None, record) if record.is_some_and(BootRecord::is_protective) || !gpt.notes.is_empty() => {
                self.refuse(disk.range(), unusable(&gpt));
            }
            (None, Some(record)) if record.has_partitions() => {
                let mut table = Self::default();
                match table.read_mbr(disk, record).await {
                    Ok(()) if table.refused.is_empty() => {
                        self.notes.push(both("an MBR"));
                        self.take(table);
                    }
                    // Boot code of a volume looks like entries here and there, which make no sense.
                    Ok(()) | Err(Halt::CannotTell(_)) => {}
                    Err(halt) => return Err(halt),
                }
            }
            (None, _) => {}
        }
        Ok(())
    }

    /// Takes from a table that may be an older one the volumes that are encrypted: what else it says is not true of the
    /// disk any longer, or told by the other table as well.
    pub(super) async fn add_encrypted_of(&mut self, other: Self, disk: &Window, told_by: &str) -> Step<()> {
        self.notes.extend(other.notes);
        for slice in other.slices {
            let range = slice.range;
            if self.slices.iter().any(|known| known.range == range) {
                continue;
            }
            match Content::read(&disk.part(range)).await {
                Ok(content) if content.is_encrypted() => {
                    self.notes.push(format!(
                        "an encrypted volume lies at bytes {range}, where {told_by} puts one"
                    ));
                    self.slices.push(slice);
                }
                Ok(_) => {}
                Err(Halt::CannotTell(reason)) => {
                    self.refuse(range, format!("{told_by} puts a volume there: {reason}"));
                }
                Err(halt) => return Err(halt),
            }
        }
        Ok(())
    }
}

fn both(table: &str) -> String {
    format!("the first sector is one of a volume, and the disk has {table} as well: both are looked at")
}

fn unusable(gpt: &Layout) -> String {
    format!(
        "the disk says that it has a GPT, and neither copy of it can be used: {}",
        gpt.notes.join("; ")
    )
}
