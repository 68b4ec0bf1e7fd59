//! The digest of the whole stream and, on the way, of its disk data.

use crate::{backend::BLOCK_BYTES, sha256::Sha256};

/// SHA-256 of a stream, and of the prefix of it that is disk data: the state is copied at the boundary, so that no
/// byte is hashed twice.
#[derive(Debug, Clone)]
pub(crate) struct WholeHasher {
    pub(crate) sha: Sha256,
    disk_data: DiskData,
}

/// The two whole digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WholeDigestPair {
    pub(crate) stored_file: [u8; 32],
    /// None if it was not asked for, or if the stream ended before the boundary.
    pub(crate) disk_data: Option<[u8; 32]>,
}

#[derive(Debug, Clone, Copy)]
enum DiskData {
    Unwanted,
    Ahead { left_bytes: u64 },
    Final([u8; 32]),
}

impl WholeHasher {
    pub(crate) fn new(disk_data_bytes: Option<u64>) -> Self {
        let disk_data = match disk_data_bytes {
            None => DiskData::Unwanted,
            Some(0) => DiskData::Final(<Sha256>::digest(b"")),
            Some(left_bytes) => DiskData::Ahead { left_bytes },
        };
        Self {
            sha: Sha256::default(),
            disk_data,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let up_to = usize::try_from(self.left_bytes()).unwrap_or(usize::MAX);
        let (data, beyond) = bytes.split_at(up_to.min(bytes.len()));
        self.sha.update(data);
        self.approach_boundary(data.len() as u64);
        self.sha.update(beyond);
    }

    /// Takes in zeros up to the boundary, or as many as there are beyond it.
    pub(crate) fn update_zeros(&mut self, length_bytes: u64) {
        let up_to_bytes = length_bytes.min(self.left_bytes());
        self.sha.update_zeros(up_to_bytes);
        self.approach_boundary(up_to_bytes);
        self.sha.update_zeros(length_bytes - up_to_bytes);
    }

    /// The digest of the disk data, if the boundary is behind.
    pub(crate) fn final_disk_data(&self) -> Option<[u8; 32]> {
        match self.disk_data {
            DiskData::Final(digest) => Some(digest),
            DiskData::Unwanted | DiskData::Ahead { .. } => None,
        }
    }

    /// Goes on from where another stood; `disk_data` if the boundary was behind it.
    pub(crate) fn resume(&mut self, sha: Sha256, disk_data: Option<[u8; 32]>) {
        if let Some(digest) = disk_data {
            self.disk_data = DiskData::Final(digest);
        } else if let DiskData::Ahead { left_bytes } = &mut self.disk_data {
            *left_bytes -= sha.length_bytes().min(*left_bytes);
        }
        self.sha = sha;
    }

    /// How many bytes may be taken in at once: those up to the boundary, if it is ahead.
    pub(crate) fn left_bytes(&self) -> u64 {
        match self.disk_data {
            DiskData::Ahead { left_bytes } => left_bytes,
            DiskData::Unwanted | DiskData::Final(_) => u64::MAX,
        }
    }

    /// Says that the state took in so many blocks, none beyond the boundary.
    pub(crate) fn took_blocks(&mut self, blocks: u64) {
        self.sha.took_blocks(blocks);
        self.approach_boundary(blocks * BLOCK_BYTES as u64);
    }

    fn approach_boundary(&mut self, length_bytes: u64) {
        if let DiskData::Ahead { left_bytes } = &mut self.disk_data {
            *left_bytes -= length_bytes.min(*left_bytes);
            if *left_bytes == 0 {
                self.disk_data = DiskData::Final(self.sha.clone().finish());
            }
        }
    }

    pub(crate) fn finish(self) -> WholeDigestPair {
        let disk_data = match self.disk_data {
            DiskData::Final(digest) => Some(digest),
            DiskData::Unwanted | DiskData::Ahead { .. } => None,
        };
        WholeDigestPair {
            stored_file: self.sha.finish(),
            disk_data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::noise;

    #[test]
    fn the_boundary_may_lie_anywhere() {
        let image = noise(300, 3);
        for boundary in [0, 1, 63, 64, 65, 127, 128, 200, 299, 300] {
            for step in [1, 7, 64, 100, 300] {
                let mut hasher = WholeHasher::new(Some(boundary as u64));
                image.chunks(step).for_each(|bytes| hasher.update(bytes));
                let digests = hasher.finish();
                assert_eq!(digests.stored_file, <Sha256>::digest(&image));
                assert_eq!(
                    digests.disk_data,
                    Some(<Sha256>::digest(&image[..boundary])),
                    "{boundary} by {step}"
                );
            }
        }
    }
}
