use custody_core::digest::{CHUNK_BYTES, Sha256Digest};

/// The digests of an image, by their definition over all of its bytes at once.
pub(super) struct Expected {
    pub(super) stored_file: Sha256Digest,
    pub(super) chunks: Vec<Sha256Digest>,
    pub(super) root: Sha256Digest,
}

impl Expected {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let chunk = usize::try_from(CHUNK_BYTES).expect("4 MiB fit into a usize");
        let chunks: Vec<Sha256Digest> = bytes.chunks(chunk).map(Sha256Digest::of).collect();
        Self {
            stored_file: Sha256Digest::of(bytes),
            root: crate::fake::merkle_root(&chunks),
            chunks,
        }
    }
}
