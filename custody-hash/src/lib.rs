//! One pass over a disk image gives every digest that evidence needs.
//!
//! * SHA-256 of the stored file, the number that `sha256sum` prints;
//! * SHA-256 of the disk data at its start, if that is shorter: a fixed VHD is data and a footer of 512 bytes;
//! * SHA-256 of each chunk of [`CHUNK_BYTES`] (4 MiB), the numbers that `split -b 4M --filter=sha256sum` prints, as
//!   soon as they are final;
//! * the root of the [RFC 9162 Merkle tree](merkle) over those;
//! * any other digests, such as MD5 and SHA-1 for older tools.
//!
//! Reading is the caller's job, in whatever way suits the source. What was read goes in as [`Piece::Data`]; what is
//! known to be zero, as [`Piece::Zero`], which nobody reads and which takes no memory; what could not be read, as
//! [`Piece::Unread`].
//!
//! # Where to start
//!
//! | You have | Use |
//! |---|---|
//! | one message in memory, or many | [`digest()`], [`hash_many`] |
//! | a file or a device, and want the digest of the whole and of the chunks | [`Engine::hash_image`] |
//! | the same, and want the chunks and their tree alone | [`Engine::hash_tree`], on all cores |
//! | a pipe, or anything that implements [`Read`](std::io::Read) | [`Engine::hash_reader`] |
//! | somebody who wants to see how far it is | [`Progress`]; to stop it, an error from `deposit` |
//! | async code, holes, many images at once | [`Engine::start`], then [`ImageHash::push`] and [`ImageHash::finish`] |
//! | the same without async | [`ImageHash::push_blocking`] and [`ImageHash::finish_blocking`] |
//! | code that takes a [`digest::Digest`], or no threads | [`ChunkedSha256`] |
//! | a pass that must survive a restart | [`ImageHash::save`], [`SavedPass`], [`Engine::resume`] |
//! | a chunk list to write or to read; an image to compare with one | [`chunk_list`], [`ChunkComparison`] |
//! | digests, and a tree to make of them; one chunk to prove | [`merkle::MerkleFrontier`], [`merkle::ProofBuilder`] |
//!
//! ```
//! use bytes::Bytes;
//! use custody_hash::{Engine, EngineOptions, ImageLayout, ImageOptions, Piece, chunk_list};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::new(EngineOptions::default())?; // one for the process
//! let layout = ImageLayout::new((8 << 20) + 3);
//! let options = ImageOptions::default().with_side_digest("sha1", Box::new(sha1::Sha1::default()));
//! let mut image = engine.start(layout, options)?;
//!
//! let mut list = Vec::new();
//! let pieces = [Piece::Zero { length_bytes: 8 << 20 }, Piece::Data(Bytes::from_static(b"abc"))];
//! for piece in pieces {
//!     for run in image.push(piece).await? {
//!         chunk_list::write_run(&run, &mut list)?;
//!     }
//! }
//! let (runs, digests) = image.finish().await?;
//! for run in runs {
//!     chunk_list::write_run(&run, &mut list)?;
//! }
//!
//! assert_eq!(digests.chunks, 3);
//! assert_eq!(list.len(), 3 * chunk_list::ChunkListLine::BYTES);
//! assert_eq!(digests.side[0].value.len(), 20);
//! # Ok(())
//! # }
//! # futures::executor::block_on(example()).unwrap();
//! ```
//!
//! # How fast, and what it cannot do
//!
//! SHA-256 of a whole image is one chain of compressions: no number of threads makes it faster, and zeros take as long
//! as anything else, but for those at its start. The chunk digests cost nothing beside it where the processor has SHA
//! extensions: both take in the same blocks, and so share the work on them. What does go faster than one stream:
//!
//! * **two images on a core**, 1.7 times; start them on one [`Engine`], from as many threads or tasks as there are;
//! * **chunks alone**, 2.4 times a core with AVX-512, on all cores, and holes cost nothing: [`Engine::hash_tree`];
//! * **holes of several images at the same time**, 4 times a core.
//!
//! Figures are for Zen 4 beside the `sha2` crate; the repository's `docs/performance.md` has them with their limits.
//!
//! It loses against BLAKE3, which is another function; for messages of a few hundred bytes it gains little; a disk
//! slower than a stream sets the pace of everything.
//!
//! A digest proves that two streams are equal, or are not. It does not say where the stream came from, or that all of
//! a disk was read: that is for the caller to record.
//!
//! # Backends
//!
//! What the processor has is found out once: SHA extensions, AVX-512, both or neither; the `sha2` crate's compression
//! function is used where there is no kernel of ours. `RUSTFLAGS='--cfg custody_hash_backend="soft"'` builds with a
//! portable one instead, for CPUs on which the others are in doubt and as a second opinion; `sha2`, `sha_ni`, `avx512`
//! and `sha_ni_avx512` force those. [`backend_name`] tells which runs. All unsafe code of the crate is in its kernels.
//!
//! # Features
//!
//! `files`, on by default, makes files and devices images that know their holes. `port` adds the adapter to
//! `custody-core`'s `ImageHasher` port. Without either this crate knows nothing but bytes.

use std::num::NonZeroU64;

pub mod chunk_list;
pub mod merkle;

/// What the crate's page says, held to the program.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod backend;
mod block_on;
mod chunk_cutter;
mod chunk_run;
mod chunked_sha256;
mod comparison;
mod engine;
mod error;
mod first_zeros;
mod hash_many;
mod image_at;
mod image_digests;
mod image_hash;
mod image_options;
mod image_pass;
mod layout;
mod piece;
#[cfg(feature = "port")]
pub mod port;
#[doc(hidden)]
pub mod probe;
mod progress;
#[cfg(test)]
mod samples;
mod saved_pass;
mod sha256;
mod whole_hasher;
mod zeros;

pub use backend::backend_name;
pub use chunk_run::ChunkRun;
pub use chunked_sha256::ChunkedSha256;
pub use comparison::{ChunkComparison, ComparedChunks};
pub use engine::{Engine, EngineOptions};
pub use error::{Error, Remedy, Result};
pub use hash_many::{digest, hash_many};
pub use image_at::{ImageAt, MappedImage, UnmappedImage};
pub use image_digests::{ImageDigests, SideDigest};
pub use image_hash::ImageHash;
pub use image_options::{ImageOptions, WholeDigests};
pub use layout::ImageLayout;
pub use piece::Piece;
pub use progress::Progress;
pub use saved_pass::SavedPass;

/// The size of a chunk: 4 MiB. The last chunk of an image may be shorter, and an empty image has none.
pub const CHUNK_BYTES: u64 = DEFAULT_CHUNK_BYTES.get();

/// The length beyond which SHA-256 is not defined: its padding counts bits in 64 bits (FIPS 180-4, section 5.1.1).
pub const MAX_IMAGE_BYTES: u64 = u64::MAX / 8;

/// The SHA-256 of [`CHUNK_BYTES`] zeros: what `head -c 4M /dev/zero | sha256sum` prints.
pub const ZERO_CHUNK_DIGEST: [u8; 32] = [
    0xbb, 0x9f, 0x8d, 0xf6, 0x14, 0x74, 0xd2, 0x5e, 0x71, 0xfa, 0x00, 0x72, 0x23, 0x18, 0xcd, 0x38, 0x73,
    0x96, 0xca, 0x17, 0x36, 0x60, 0x5e, 0x12, 0x48, 0x82, 0x1c, 0xc0, 0xde, 0x3d, 0x3a, 0xf8,
];

const DEFAULT_CHUNK_BYTES: NonZeroU64 = NonZeroU64::new(4 << 20).unwrap();

const _: () = assert!(CHUNK_BYTES.is_multiple_of(backend::BLOCK_BYTES as u64));
