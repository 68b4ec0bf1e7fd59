use super::gpt::{GPT_SIGNATURE, GptEntry, GptHeader};
use super::layout::{Layout, Slice, SliceKind};
use super::mbr::{BootEntry, BootRecord};
use crate::access::{Halt, Step, Window};
use crate::content::Content;
use crate::vhd_footer;

/// The sector sizes that disks of virtual machines have.
pub(crate) const SECTOR_SIZES: [u64; 2] = [512, 4096];

const BOOT_RECORD_BYTES: u64 = 512;
/// Logical volumes of an extended partition that are followed: Windows and Linux use far fewer.
const MAX_LOGICAL_VOLUMES: usize = 256;

impl Layout {
    /// Finds the volumes of a disk: GPT first, by its second copy where the first is damaged; then MBR with the
    /// logical volumes of extended partitions; else the disk is one volume.
    pub(crate) async fn read(image: &Window) -> Step<Self> {
        let mut layout = Self::default();
        let head = image.read_up_to(0, BOOT_RECORD_BYTES).await?;
        // The boot sector of a volume ends like a boot record does.
        let record = match Content::of_start(&head) {
            Content::Unknown => BootRecord::parse(&head),
            _ => {
                layout.add_whole(image);
                return Ok(layout);
            }
        };
        // What lies behind the disk matters only where a table speaks of the disk's end.
        let disk = match record {
            Some(_) => vhd_footer::disk_of(image).await?,
            None => image.clone(),
        };
        if layout.read_gpt(&disk, record.as_ref()).await? {
            return Ok(layout);
        }
        match record {
            Some(record) if record.is_protective() => {
                return Err(Halt::cannot_tell(format!(
                    "the disk says that it has a GPT, and neither copy of it can be used: {}",
                    layout.notes.join("; ")
                )));
            }
            Some(record) if record.entries.iter().any(|entry| entry.is_used()) => {
                layout.read_mbr(&disk, &record).await?;
            }
            _ => layout.add_whole(&disk),
        }
        Ok(layout)
    }

    fn add_whole(&mut self, disk: &Window) {
        self.slices.push(Slice {
            range: disk.range(),
            kind: SliceKind::WholeDisk,
        });
    }

    /// Whether there is a GPT that can be used.
    async fn read_gpt(&mut self, disk: &Window, record: Option<&BootRecord>) -> Step<bool> {
        let protective = record.is_some_and(BootRecord::is_protective);
        let length = disk.length();
        for sector in SECTOR_SIZES {
            let Some(last) = (length / sector).checked_sub(1) else {
                continue;
            };
            match read_copy(disk, sector, 1).await {
                Ok(Some((header, entries))) => {
                    self.add_entries(&entries, sector, length);
                    self.check_other(disk, sector, &header).await?;
                    return Ok(true);
                }
                Ok(None) => {}
                Err(Halt::CannotTell(reason)) => self.notes.push(format!("first GPT: {reason}")),
                Err(halt) => return Err(halt),
            }
            // Without a word of a first copy, only a protective record makes it worth looking for a second one.
            if !protective && self.notes.is_empty() {
                continue;
            }
            match read_copy(disk, sector, last).await {
                Ok(Some((_, entries))) => {
                    self.notes
                        .push("the partitions are those of the second GPT".to_owned());
                    self.add_entries(&entries, sector, length);
                    return Ok(true);
                }
                Ok(None) => {}
                Err(Halt::CannotTell(reason)) => self.notes.push(format!("second GPT: {reason}")),
                Err(halt) => return Err(halt),
            }
        }
        Ok(false)
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

    fn add_entries(&mut self, entries: &[GptEntry], sector: u64, disk: u64) {
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

    /// An MBR does not say how large its sectors are. They are taken as 512 bytes; where the table makes no sense so, as
    /// 4096; where it makes sense both ways, encrypted volumes are looked for at both places.
    async fn read_mbr(&mut self, disk: &Window, record: &BootRecord) -> Step<()> {
        let [usual, large] = SECTOR_SIZES;
        let (mut small_sectors, mut large_sectors) = (Self::default(), Self::default());
        let small = small_sectors.read_record(disk, record, usual).await;
        let fits_large = match large_sectors.read_record(disk, record, large).await {
            Err(Halt::Reader(error)) => return Err(Halt::Reader(error)),
            read => read.is_ok() && large_sectors.refused.is_empty(),
        };
        match small {
            Ok(()) => {}
            Err(Halt::CannotTell(_)) if fits_large => {
                self.slices.append(&mut large_sectors.slices);
                return Ok(());
            }
            Err(halt) => return Err(halt),
        }
        self.slices.append(&mut small_sectors.slices);
        self.refused.append(&mut small_sectors.refused);
        if !fits_large {
            return Ok(());
        }
        for slice in large_sectors.slices {
            let volume = disk.part(slice.range);
            if matches!(Content::read(&volume).await, Ok(content) if content.is_encrypted()) {
                self.notes
                    .push("an encrypted volume lies where sectors of 4096 bytes put it".to_owned());
                self.slices.push(slice);
            }
        }
        Ok(())
    }

    async fn read_record(&mut self, disk: &Window, record: &BootRecord, sector: u64) -> Step<()> {
        for (number, entry) in (1_u32..).zip(record.entries) {
            if !entry.is_used() {
                continue;
            }
            let first = u64::from(entry.first_sector);
            if entry.is_extended() {
                self.read_extended(disk, first, sector).await?;
            } else {
                self.add_boot_entry(&format!("partition {number}"), 0, entry, sector, disk.length());
            }
        }
        Ok(())
    }

    /// The chain of boot records of an extended partition. Links only lead forwards, so that it ends.
    async fn read_extended(&mut self, disk: &Window, extended: u64, sector: u64) -> Step<()> {
        let mut at = extended;
        for number in (5_u32..).take(MAX_LOGICAL_VOLUMES) {
            let place = at.saturating_mul(sector);
            let bytes = match disk.read(place, BOOT_RECORD_BYTES).await {
                Ok(bytes) => bytes,
                Err(Halt::CannotTell(reason)) => {
                    return Err(Halt::CannotTell(format!("extended partition: {reason}")));
                }
                Err(halt) => return Err(halt),
            };
            let Some(record) = BootRecord::parse(&bytes) else {
                return Err(Halt::cannot_tell(format!(
                    "extended partition: no boot record at byte {place}"
                )));
            };
            let [logical, next, ..] = record.entries;
            if logical.is_used() {
                self.add_boot_entry(&format!("partition {number}"), at, logical, sector, disk.length());
            }
            if !next.is_used() || !next.is_extended() {
                return Ok(());
            }
            let next = extended.saturating_add(u64::from(next.first_sector));
            if next <= at {
                return Err(Halt::cannot_tell(format!(
                    "extended partition: the record in sector {at} leads back to {next}"
                )));
            }
            at = next;
        }
        Err(Halt::cannot_tell(format!(
            "extended partition: more than {MAX_LOGICAL_VOLUMES} logical volumes"
        )))
    }

    fn add_boot_entry(&mut self, name: &str, base: u64, entry: BootEntry, sector: u64, disk: u64) {
        let first = base.saturating_add(u64::from(entry.first_sector));
        self.add(
            name,
            first,
            u64::from(entry.sectors),
            sector,
            disk,
            SliceKind::Mbr(entry.kind),
        );
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
