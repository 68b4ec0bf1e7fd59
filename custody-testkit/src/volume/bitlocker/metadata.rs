use sha2::{Digest as _, Sha256};

use super::datum::{Sealer, datum, key, text};
use super::{BitLockerVolume, COPY_BYTES, ENCRYPTED, MOVED_BYTES, Reach, SWITCHING};

/// A FILETIME of 2026.
const TIME: u64 = 0x01dd_2000_0000_0000;

impl BitLockerVolume {
    /// The external key, as the file and the protector hold it.
    pub(super) fn key_file(&self) -> Vec<u8> {
        let external: [u8; 32] = self.bytes(2);
        let name: [u8; 16] = self.bytes(3);
        let body = [
            &name[..],
            &TIME.to_le_bytes(),
            &text(0, "ExternalKey"),
            &key(0x2002, &external),
        ]
        .concat();
        let entry = datum(6, 9, &body);
        let size = u32::try_from(48 + entry.len()).expect("a key file is short");
        let mut file = Vec::new();
        for field in [size, 1, 48, size] {
            file.extend(field.to_le_bytes());
        }
        file.extend(name);
        file.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(TIME.to_le_bytes());
        file.extend(entry);
        file
    }

    /// The entry of a protector: its name, the time, its kind, and what leads to the master key.
    fn protector(name: [u8; 16], kind: u16, entries: &[Vec<u8>]) -> Vec<u8> {
        let fixed = [&name[..], &TIME.to_le_bytes(), &[0, 0], &kind.to_le_bytes()].concat();
        datum(2, 8, &[fixed, entries.concat()].concat())
    }

    fn entries(&self, moved_at: usize, volume_key: &[u8], sealer: &mut Sealer) -> Vec<u8> {
        let (external, master): ([u8; 32], [u8; 32]) = (self.bytes(2), self.bytes(4));
        let master_entry = key(0x2003, &master);
        let mut entries = vec![text(7, &self.description)];
        let use_key = [
            &[0x02, 0x20, 0, 0][..],
            &sealer.seal(0, &master, &key(0x2002, &external)),
        ]
        .concat();
        entries.push(Self::protector(
            self.bytes(3),
            0x0200,
            &[
                text(0, "ExternalKey"),
                datum(0, 4, &use_key),
                sealer.seal(0, &external, &master_entry),
            ],
        ));
        if self.passwords {
            let nobodys: [u8; 32] = self.bytes(5);
            let stretch = [&[0, 0x10, 0, 0][..], &self.bytes::<16>(6)].concat();
            let sealed = sealer.seal(0, &nobodys, &master_entry);
            entries.push(Self::protector(
                self.bytes(7),
                0x0800,
                &[datum(0, 3, &stretch), sealed],
            ));
        }
        if self.clear_key {
            let clear: [u8; 32] = self.bytes(8);
            let sealed = sealer.seal(0, &clear, &master_entry);
            entries.push(Self::protector(
                self.bytes(9),
                0x0000,
                &[key(0x2000, &clear), sealed],
            ));
        }
        entries.push(sealer.seal(3, &master, &key(u32::from(self.named_method), volume_key)));
        let moved = [
            (moved_at as u64).to_le_bytes(),
            (MOVED_BYTES as u64).to_le_bytes(),
        ]
        .concat();
        entries.push(datum(0x0f, 0x0f, &moved));
        entries.concat()
    }

    pub(super) fn metadata(&self, copies: [usize; 3], moved_at: usize, volume_key: &[u8]) -> Vec<u8> {
        let master: [u8; 32] = self.bytes(4);
        let mut sealer = Sealer::new(TIME);
        let entries = self.entries(moved_at, volume_key, &mut sealer);
        let set_size = u32::try_from(48 + entries.len()).expect("metadata are short");
        let block_bytes = (64 + set_size as usize).next_multiple_of(16);
        let mut block = b"-FVE-FS-".to_vec();
        let sixteenths = u16::try_from(block_bytes / 16).expect("metadata are short");
        let (state, next, encrypted_to) = match self.reach {
            Reach::UpTo(at, next) => (SWITCHING, next, at),
            Reach::All | Reach::UsedSpace(_) => (ENCRYPTED, ENCRYPTED, self.content.len()),
        };
        for field in [sixteenths, 2, state, next] {
            block.extend(field.to_le_bytes());
        }
        block.extend((encrypted_to as u64).to_le_bytes());
        block.extend(0_u32.to_le_bytes());
        block.extend((MOVED_BYTES as u32 / 512).to_le_bytes());
        for at in copies.into_iter().chain([moved_at]) {
            block.extend((at as u64).to_le_bytes());
        }
        for field in [set_size, 1, 48, set_size] {
            block.extend(field.to_le_bytes());
        }
        block.extend(self.bytes::<16>(10));
        block.extend((sealer.next_counter() + 1).to_le_bytes());
        block.extend([self.named_method.to_le_bytes(); 2].concat());
        block.extend(TIME.to_le_bytes());
        block.extend(entries);
        block.resize(block_bytes, 0);
        let rest = u16::try_from(COPY_BYTES - block_bytes).expect("metadata are not empty");
        let mut validation = rest.to_le_bytes().to_vec();
        validation.extend(if self.seal { [2, 0] } else { [1, 0] });
        validation.extend(crc32fast::hash(&block).to_le_bytes());
        if self.seal {
            let digest: [u8; 32] = Sha256::digest(&block).into();
            validation.extend(sealer.seal(0, &master, &key(0x2005, &digest)));
        }
        [block, validation].concat()
    }
}
