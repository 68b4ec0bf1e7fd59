//! A whole small disk, walked as a proof walks it.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use async_trait::async_trait;
use bytes::Bytes;
use custody_core::extent::{ByteRange, Extent, Span};
use custody_core::port::ImageReader;
use custody_core::{Error, Result};
use futures::stream::{self, BoxStream, StreamExt as _};

use crate::{DiskKey, ProofLimits, Prover, bitlocker, luks, table};

/// So little that a proof within it takes milliseconds.
const LIMITS: ProofLimits = ProofLimits {
    read_bytes: 4 << 20,
    volumes: 16,
    argon2_memory_kib: 256,
    argon2_passes: 2,
    argon2_lanes: 2,
    pbkdf2_iterations: 2000,
    key_slots: 4,
    work: 20_000,
};

const PASSPHRASE: &[u8] = b"passphrase";
const KEY_FILE_BYTES: usize = 124;

/// Tries a passphrase and a key file on the disk that these bytes are, as they are and with checksums put right.
pub(super) fn prove(bytes: &[u8]) {
    let mut mended = bytes.to_vec();
    bitlocker::mend(&mut mended);
    luks::mend(&mut mended);
    table::mend(&mut mended);
    let (disk, mended) = (Bytes::copy_from_slice(bytes), Bytes::from(mended));
    let (prover, file) = (Prover::new(LIMITS), key_file());
    for (disk, key) in [(disk, &file[..]), (mended.clone(), &file), (mended, PASSPHRASE)] {
        if let Ok(key) = DiskKey::from_bytes(key) {
            let disk = Arc::new(SmallDisk(disk));
            drop(wait(prover.prove_disk(disk, Arc::new(key))));
        }
    }
}

/// The smallest key file: a header, and an external key that is all zeros.
fn key_file() -> [u8; KEY_FILE_BYTES] {
    let mut file = [0; KEY_FILE_BYTES];
    for (at, number) in [
        (0, 124_u16), // the file's size, twice
        (4, 1),       // its version
        (8, 48),      // the header's size
        (12, 124),
        (48, 76), // the external key's size
        (50, 6),  // its role
        (52, 9),  // its type
        (80, 44), // the key's size
        (84, 1),  // its type
    ] {
        if let Some(field) = file.get_mut(at..at + 2) {
            field.copy_from_slice(&number.to_le_bytes());
        }
    }
    file
}

#[derive(Debug)]
struct SmallDisk(Bytes);

impl fmt::Display for SmallDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a small disk")
    }
}

#[async_trait]
impl ImageReader for SmallDisk {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>> {
        stream::iter([Ok(Span::Data(within))]).boxed()
    }

    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        let inside = ByteRange::at(0, self.length()).intersect(range) == Some(range);
        let place = usize::try_from(range.start())
            .ok()
            .zip(usize::try_from(range.end()).ok());
        match place {
            Some((start, end)) if inside => Ok(vec![Extent::Data {
                at: range.start(),
                bytes: self.0.slice(start..end),
            }]),
            _ => Err(Error::misuse(format!("{range} is not inside {self}"))),
        }
    }
}

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What the future gives, which this thread waits for.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_file_is_one() {
        let key = DiskKey::from_bytes(&key_file()).unwrap();
        assert!(key.external_key_file().is_some(), "{:?}", key.damaged_key_file());
    }
}
