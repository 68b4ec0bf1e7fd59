//! The adapter to `custody-core`'s `ImageHasher` port.

use std::fmt;

use async_trait::async_trait;
use custody_core::{
    digest::{ImageDigests, Sha256Digest},
    extent::Extent,
    port::{ChunkRun, HashOptions, ImageHash, ImageHasher, WholeImage},
};

use crate::{CHUNK_BYTES, Engine, Error, ImageLayout, ImageOptions, Piece, WholeDigests};

const _: () = assert!(CHUNK_BYTES == custody_core::digest::CHUNK_BYTES);

/// An [`Engine`] as the port that a capture hashes with.
///
/// `Display` is the engine's, for example `custody-hash(2 threads, sha2)`. Its side digests are `md5` and `sha1`.
///
/// # Examples
/// ```
/// use custody_core::port::{HashOptions, ImageHasher};
/// use custody_hash::{Engine, EngineOptions, port::EngineHasher};
///
/// let hasher = EngineHasher::new(Engine::new(EngineOptions::default())?);
/// let image = hasher.start(1 << 30, HashOptions::default().with_side(vec!["md5".to_owned()]))?;
/// # drop(image);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct EngineHasher {
    engine: Engine,
    in_flight_bytes: Option<u64>,
}

/// One image on its way through the port.
#[derive(Debug)]
struct PortImage {
    image: crate::ImageHash,
    provider: String,
    at: u64,
}

impl EngineHasher {
    /// Hashes on this engine's threads, with as many bytes in flight for each image as they can use: those that
    /// [`ImageOptions`] names.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            in_flight_bytes: None,
        }
    }

    /// Bounds the bytes in flight of each image; see [`ImageOptions::with_in_flight_bytes`].
    #[must_use]
    pub fn with_in_flight_bytes(mut self, in_flight_bytes: u64) -> Self {
        self.in_flight_bytes = Some(in_flight_bytes);
        self
    }

    fn add_side_digest(&self, options: ImageOptions, name: &str) -> custody_core::Result<ImageOptions> {
        match name {
            "md5" => Ok(options.with_side_digest(name, Box::new(md5::Md5::default()))),
            "sha1" => Ok(options.with_side_digest(name, Box::new(sha1::Sha1::default()))),
            _ => Err(custody_core::Error::Unsupported {
                operation: "a side digest other than md5 and sha1",
                provider: self.to_string(),
            }),
        }
    }
}

impl fmt::Display for EngineHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.engine.fmt(f)
    }
}

impl ImageHasher for EngineHasher {
    fn start(&self, length: u64, options: HashOptions) -> custody_core::Result<Box<dyn ImageHash>> {
        let mut layout = ImageLayout::new(length);
        if let Some(disk_data_bytes) = options.data_length {
            layout = layout.with_disk_data_bytes(disk_data_bytes);
        }
        let whole_digests = match options.whole {
            WholeImage::Digest => WholeDigests::Hash,
            WholeImage::Omit => WholeDigests::Omit,
        };
        let mut chosen = ImageOptions::default().with_whole_digests(whole_digests);
        if let Some(in_flight_bytes) = self.in_flight_bytes {
            chosen = chosen.with_in_flight_bytes(in_flight_bytes);
        }
        let chosen = options
            .side
            .iter()
            .try_fold(chosen, |chosen, name| self.add_side_digest(chosen, name))?;

        let provider = self.to_string();
        let image = self
            .engine
            .start(layout, chosen)
            .map_err(|failure| failure.into_core(&provider))?;
        Ok(Box::new(PortImage {
            image,
            provider,
            at: 0,
        }))
    }
}

#[async_trait]
impl ImageHash for PortImage {
    async fn push(&mut self, extent: Extent) -> custody_core::Result<Vec<ChunkRun>> {
        let (range, at) = (extent.range(), self.at);
        if range.start() != at {
            return Err(custody_core::Error::misuse(format!(
                "extent {range} was pushed at byte {at} of the image"
            )));
        }
        let piece = match extent {
            Extent::Data { bytes, .. } => Piece::Data(bytes),
            Extent::Zero { range, .. } => Piece::Zero {
                length_bytes: range.length(),
            },
            Extent::Unread { range, .. } => Piece::Unread {
                length_bytes: range.length(),
            },
        };
        let runs = self
            .image
            .push(piece)
            .await
            .map_err(|failure| failure.into_core(&self.provider))?;
        self.at = range.end();
        Ok(runs.into_iter().map(ChunkRun::from).collect())
    }

    async fn finish(self: Box<Self>) -> custody_core::Result<(Vec<ChunkRun>, ImageDigests)> {
        let (runs, digests) = self
            .image
            .finish()
            .await
            .map_err(|failure| failure.into_core(&self.provider))?;
        Ok((runs.into_iter().map(ChunkRun::from).collect(), digests.into()))
    }
}

impl From<crate::ChunkRun> for ChunkRun {
    fn from(run: crate::ChunkRun) -> Self {
        match run {
            crate::ChunkRun::Data(digests) => {
                Self::Data(digests.into_iter().map(Sha256Digest::from_bytes).collect())
            }
            crate::ChunkRun::Zero { chunks } => Self::Zero { chunks },
        }
    }
}

impl From<crate::ImageDigests> for ImageDigests {
    fn from(digests: crate::ImageDigests) -> Self {
        let root = Sha256Digest::from_bytes(digests.root);
        let mut named = Self::new(digests.stored_file_bytes, digests.chunks, root);
        if let Some(stored_file) = digests.stored_file {
            named = named.with_stored_file(Sha256Digest::from_bytes(stored_file));
        }
        if let Some(disk_data) = digests.disk_data {
            named = named.with_disk_data(Sha256Digest::from_bytes(disk_data));
        }
        let sides = digests.side.into_iter();
        sides.fold(named, |named, side| {
            named.with_side(side.name, custody_core::hex::encode(&side.value))
        })
    }
}

impl Error {
    /// What it means to core: the caller's contradiction, or a failure of this provider.
    fn into_core(self, provider: &str) -> custody_core::Error {
        match self {
            Self::DataBeyondImage { .. }
            | Self::DuplicateSideDigest { .. }
            | Self::EndedEarly { .. }
            | Self::GoesOn { .. }
            | Self::LengthUnknown
            | Self::TooLong { .. } => custody_core::Error::misuse(self.to_string()),
            failure => custody_core::Error::Provider {
                object: provider.to_owned(),
                operation: "hashing an image",
                source: Some(Box::new(failure)),
            },
        }
    }
}
