use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::extent::ByteRange;
use custody_core::port::{ImageReader, KeyMaterial, KeyProof, KeyProver, ProofVerdict, VolumeProof};

use crate::access::{Halt, MeteredImage, Step, Window};
use crate::content::{Content, HEAD_BYTES};
use crate::detached::{self, DetachedHeaders};
use crate::disk_key::DiskKey;
use crate::disk_proof::{DiskProof, ProvenVolume, overall};
use crate::limits::ProofLimits;
use crate::table::{Expectation, Layout, SliceKind};
use crate::{bitlocker, luks, randomness};

/// Proves from a disk's headers that a key opens it: BitLocker, LUKS1, LUKS2, whole disks and partitions.
///
/// Reads headers by range, decrypts no content and changes nothing. Work that takes seconds, the key slots of LUKS, runs
/// on a thread of its own, Argon2 on rayon's.
#[derive(Debug, Clone, Default)]
pub struct Prover {
    limits: ProofLimits,
}

impl Prover {
    /// A prover that spends at most this on a disk.
    #[must_use]
    pub const fn new(limits: ProofLimits) -> Self {
        Self { limits }
    }

    /// Tries the key on the disk, and tells all that was seen.
    ///
    /// # Errors
    /// The reader's, but for ranges that cannot be read: those make a verdict "cannot tell".
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind; a key slot that is being tried on a thread is given up when its
    /// password hash is done.
    pub async fn prove_disk(
        &self,
        image: Arc<dyn ImageReader>,
        key: Arc<DiskKey>,
    ) -> custody_core::Result<DiskProof> {
        let image = MeteredImage::new(image, self.limits.read_bytes);
        let mut volumes = Vec::new();
        let mut notes = Vec::new();
        match self.walk(&image, &key, &mut volumes, &mut notes).await {
            Ok(()) => {}
            Err(Halt::Reader(error)) => return Err(error),
            Err(Halt::CannotTell(reason)) => {
                let whole = ByteRange::at(0, image.length());
                volumes.push(ProvenVolume::unknown(whole, reason));
            }
        }
        volumes.sort_by_key(|volume| volume.range);
        Ok(DiskProof {
            verdict: overall(&volumes),
            volumes,
            notes,
            bytes_read: image.bytes_read(),
            memory_lock: key.memory_lock(),
        })
    }

    async fn walk(
        &self,
        image: &Arc<MeteredImage>,
        key: &Arc<DiskKey>,
        volumes: &mut Vec<ProvenVolume>,
        notes: &mut Vec<String>,
    ) -> Step<()> {
        let disk = Window::new(Arc::clone(image), ByteRange::at(0, image.length()));
        let layout = Layout::read(&disk).await?;
        notes.extend(layout.notes);
        for refused in layout.refused {
            volumes.push(ProvenVolume::unknown(refused.range, refused.reason));
        }
        let mut headers = DetachedHeaders::default();
        for (index, slice) in layout.slices.iter().enumerate() {
            let volume = disk.part(slice.range);
            if index >= self.limits.volumes {
                let limit = self.limits.volumes;
                volumes.push(ProvenVolume::unknown(
                    slice.range,
                    format!("only the first {limit} volumes of a disk are looked at"),
                ));
                continue;
            }
            match self
                .prove_volume(&volume, slice.kind, key, &mut headers, notes)
                .await
            {
                Ok(None) => {}
                Ok(Some(proven)) => volumes.push(proven),
                Err(Halt::CannotTell(reason)) => volumes.push(ProvenVolume::unknown(slice.range, reason)),
                Err(halt) => return Err(halt),
            }
        }
        detached::prove(headers, key, &self.limits, volumes).await
    }

    async fn prove_volume(
        &self,
        volume: &Window,
        kind: SliceKind,
        key: &Arc<DiskKey>,
        headers: &mut DetachedHeaders,
        notes: &mut Vec<String>,
    ) -> Step<Option<ProvenVolume>> {
        let range = volume.range();
        let unknown = |reason: String| Ok(Some(ProvenVolume::unknown(range, reason)));
        let content = Content::read(volume).await?;
        match (content, kind.expectation()) {
            (Content::BitLocker, _) => {
                let head = volume.read_up_to(0, HEAD_BYTES).await?;
                let finding = bitlocker::prove(volume, &head, key).await?;
                Ok(Some(ProvenVolume::new(range, finding)))
            }
            (Content::Luks, _) => {
                let finding = luks::prove(volume, key, &self.limits).await?;
                Ok(Some(ProvenVolume::new(range, finding)))
            }
            (Content::Container(name), _) => unknown(format!("it is {name}, which is not looked into")),
            (_, Expectation::Member(of)) => unknown(format!("it is part of {of}, which is not put together")),
            (_, Expectation::Encrypted(name)) => unknown(format!(
                "the partition table says that it is {name}, and it has no header that is known"
            )),
            (Content::FileSystem(name), _) => {
                headers.may_lie_in(volume, name);
                Ok(None)
            }
            (Content::Unknown, Expectation::NoVolume) => Ok(None),
            (Content::Unknown, Expectation::Anything) => {
                if randomness::looks_random(volume).await? {
                    headers.wanted_by(range);
                    return unknown(
                        "its first bytes look random, and no header is known: it may be encrypted with a header that \
                         lies elsewhere, or with none"
                            .to_owned(),
                    );
                }
                notes.push(format!(
                    "bytes {range}: neither encryption nor a file system is recognised"
                ));
                Ok(None)
            }
        }
    }
}

impl fmt::Display for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("custody-keys prover")
    }
}

#[async_trait]
impl KeyProver for Prover {
    async fn prove(&self, image: Arc<dyn ImageReader>, key: &KeyMaterial) -> custody_core::Result<KeyProof> {
        let read = if key.expose().is_empty() {
            Ok(DiskKey::none())
        } else {
            DiskKey::from_bytes(key.expose())
        };
        let key = match read {
            Ok(key) => Arc::new(key),
            Err(error) => {
                return Ok(KeyProof::new(ProofVerdict::CannotTell {
                    reason: format!("the key cannot be used: {error}"),
                }));
            }
        };
        Ok(self.prove_disk(image, key).await?.into())
    }
}

impl From<DiskProof> for KeyProof {
    fn from(proof: DiskProof) -> Self {
        let mut told = Self::new(proof.verdict);
        told.volumes = proof.volumes.into_iter().map(VolumeProof::from).collect();
        told
    }
}

impl From<ProvenVolume> for VolumeProof {
    fn from(volume: ProvenVolume) -> Self {
        let mut told = Self::new(volume.range, volume.format, volume.verdict);
        told.identifier = volume.identifier;
        told.notes = volume.notes;
        told
    }
}
