//! What one pass over an image yields.

/// The digests of one image, each named by what it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageDigests {
    /// How many bytes were hashed: the length of the stored file.
    pub stored_file_bytes: u64,
    /// SHA-256 of the stored file, as `sha256sum` prints it; none if it was switched off.
    pub stored_file: Option<[u8; 32]>,
    /// SHA-256 of the disk data alone; none if no length was declared for it or whole digests were switched off.
    pub disk_data: Option<[u8; 32]>,
    /// How many chunks the stored file has: its length divided by [`CHUNK_BYTES`](crate::CHUNK_BYTES), rounded up.
    /// An empty file has none.
    pub chunks: u64,
    /// The root of the [Merkle tree](crate::merkle) over the chunk digests.
    pub root: [u8; 32],
    /// The side digests of the stored file, in the order in which they were asked for.
    pub side: Vec<SideDigest>,
}

/// The value of a side digest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SideDigest {
    /// As the caller named it.
    pub name: String,
    /// As many bytes as the algorithm gives.
    pub value: Vec<u8>,
}
