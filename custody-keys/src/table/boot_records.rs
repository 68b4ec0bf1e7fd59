use super::SECTOR_SIZES;
use super::layout::{Layout, SliceKind};
use super::mbr::{BootEntry, BootRecord};
use crate::access::{Halt, Step, Window};

pub(super) const BOOT_RECORD_BYTES: u64 = 512;
/// Logical volumes of an extended partition that are followed: Windows and Linux use far fewer.
const MAX_LOGICAL_VOLUMES: usize = 256;

impl Layout {
    /// An MBR does not say how large its sectors are. They are taken as 512 bytes; where the table makes no sense so, as
    /// 4096; where it makes sense both ways, encrypted volumes are looked for at both places.
    pub(super) async fn read_mbr(&mut self, disk: &Window, record: &BootRecord) -> Step<()> {
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
        self.add_encrypted_of(
            large_sectors,
            disk,
            "a partition table with sectors of 4096 bytes",
        )
        .await
    }

    async fn read_record(&mut self, disk: &Window, record: &BootRecord, sector: u64) -> Step<()> {
        for (number, entry) in (1_u32..).zip(record.entries) {
            if !entry.names_a_partition() {
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
