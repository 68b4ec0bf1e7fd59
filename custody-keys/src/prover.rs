use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::extent::ByteRange;
use custody_core::port::{ImageReader, KeyMaterial, KeyProof, KeyProver, ProofVerdict};

use crate::access::{Halt, MeteredImage, Step, Window};
use crate::content::{Content, HEAD_BYTES};
use crate::detached::{self, DetachedHeaders};
use crate::disk_key::DiskKey;
use crate::disk_proof::{DiskProof, ProvenVolume, overall};
use crate::effort::Effort;
use crate::limits::ProofLimits;
use crate::table::{Expectation, Layout, SliceKind};
use crate::trial::{Trial, Turns};
use crate::{bitlocker, luks, randomness};

/// Proves from a disk's headers that a key opens it: BitLocker, LUKS1, LUKS2, whole disks and partitions.
///
/// Reads headers by range, decrypts no content and changes nothing. Work that takes seconds, the key slots of LUKS, runs
/// on a thread of its own, Argon2 on rayon's; clones try slots of Argon2 one at a time.
#[derive(Debug, Clone, Default)]
pub struct Prover {
    limits: ProofLimits,
    turns: Turns,
}

/// What was seen of a disk so far.
#[derive(Debug, Default)]
struct Seen {
    volumes: Vec<ProvenVolume>,
    headers: DetachedHeaders,
    notes: Vec<String>,
}

impl Prover {
    /// A prover that spends at most this on a disk.
    #[must_use]
    pub fn new(limits: ProofLimits) -> Self {
        Self {
            limits,
            turns: Turns::default(),
        }
    }

    /// Tries the key on the disk, and tells all that was seen.
    ///
    /// # Errors
    /// The reader's, but for ranges that cannot be read: those make a verdict "cannot tell". A reader that fails once a
    /// stop is asked for ends the proof before the next key slot, whose area is read first.
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
        let trial = Trial {
            key,
            limits: self.limits,
            effort: Effort::of(self.limits.work),
            turns: self.turns.clone(),
        };
        let mut seen = Seen::default();
        match self.walk(&image, &trial, &mut seen).await {
            Ok(()) => {}
            Err(Halt::Reader(error)) => return Err(error),
            Err(Halt::CannotTell(reason)) => {
                let whole = ByteRange::at(0, image.length());
                seen.volumes.push(ProvenVolume::unknown(whole, reason));
            }
        }
        seen.volumes.sort_by_key(|volume| volume.range);
        Ok(DiskProof {
            verdict: overall(&seen.volumes),
            volumes: seen.volumes,
            notes: seen.notes,
            bytes_read: image.bytes_read(),
            memory_lock: trial.key.memory_lock(),
        })
    }

    async fn walk(&self, image: &Arc<MeteredImage>, trial: &Trial, seen: &mut Seen) -> Step<()> {
        let disk = Window::new(Arc::clone(image), ByteRange::at(0, image.length()));
        let layout = Layout::read(&disk).await?;
        seen.notes.extend(layout.notes);
        for refused in layout.refused {
            seen.volumes
                .push(ProvenVolume::unknown(refused.range, refused.reason));
        }
        if layout.slices.is_empty() {
            seen.notes.push("the partition table names no volume".to_owned());
        }
        for (index, slice) in layout.slices.iter().enumerate() {
            let volume = disk.part(slice.range);
            if index >= self.limits.volumes {
                let limit = self.limits.volumes;
                seen.volumes.push(ProvenVolume::unknown(
                    slice.range,
                    format!("only the first {limit} volumes of a disk are looked at"),
                ));
                continue;
            }
            match prove_volume(&volume, slice.kind, trial, seen).await {
                Ok(None) => {}
                Ok(Some(proven)) => seen.volumes.push(proven),
                Err(Halt::CannotTell(reason)) => {
                    seen.volumes.push(ProvenVolume::unknown(slice.range, reason));
                }
                Err(halt) => return Err(halt),
            }
        }
        let headers = std::mem::take(&mut seen.headers);
        detached::prove(headers, trial, &mut seen.volumes).await
    }
}

/// What the key does to a volume; `None` where none that is encrypted was recognised, of which a note then tells.
async fn prove_volume(
    volume: &Window,
    kind: SliceKind,
    trial: &Trial,
    seen: &mut Seen,
) -> Step<Option<ProvenVolume>> {
    let range = volume.range();
    let unknown = |reason: String| Ok(Some(ProvenVolume::unknown(range, reason)));
    let content = Content::read(volume).await?;
    match (content, kind.expectation()) {
        (Content::BitLocker, _) => {
            let head = volume.read_up_to(0, HEAD_BYTES).await?;
            let finding = bitlocker::prove(volume, &head, &trial.key).await?;
            Ok(Some(ProvenVolume::new(range, finding)))
        }
        (Content::Luks, _) => {
            let finding = luks::prove(volume, trial).await?;
            Ok(Some(ProvenVolume::new(range, finding)))
        }
        (Content::Container(name), _) => unknown(format!("it is {name}, which is not looked into")),
        (_, Expectation::Member(of)) => unknown(format!("it is part of {of}, which is not put together")),
        (_, Expectation::Encrypted(name)) => unknown(format!(
            "the partition table says that it is {name}, and it has no header that is known"
        )),
        (Content::FileSystem(name), _) => {
            seen.headers.may_lie_in(volume, name);
            seen.notes
                .push(format!("bytes {range}: {name} by its signature, not encrypted"));
            Ok(None)
        }
        (Content::Unknown, Expectation::NoVolume) => {
            seen.notes
                .push(format!("bytes {range}: no volume, says the partition table"));
            Ok(None)
        }
        (Content::Unknown, Expectation::Anything) => {
            if let Some(at) = randomness::first_random_bytes(volume).await? {
                seen.headers.wanted_by(range);
                return unknown(format!(
                    "its bytes from {at} on look random, and no header is known: it may be encrypted with a header that \
                     was wiped or lies elsewhere, or with none"
                ));
            }
            seen.notes.push(format!(
                "bytes {range}: nothing is recognised; a header that was wiped or lies elsewhere cannot be excluded"
            ));
            Ok(None)
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
