use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::extent::{ByteRange, Extent, Span};
use custody_core::ids::Timestamp;
use custody_core::port::{
    Clock as _, DiskSnapshot, GrantExpiry, GrantOptions, ImageReader, OpenedSource, ReadGrant, SnapshotKind,
    SourceAccess, SourceState,
};
use custody_core::{Acted, Error, Result};
use futures::stream::BoxStream;

use super::{FakeMachine, LiveGrant, MachineState, Taken};
use crate::fake::image::MemoryImage;

impl MachineState {
    /// The snapshot as its provider keeps it, when it is the one that is meant.
    fn known(&self, snapshot: &DiskSnapshot) -> Result<&Taken> {
        let gone = || Error::NotFound {
            object: snapshot.name.to_string(),
        };
        let taken = self.snapshots.get(&snapshot.name).ok_or_else(gone)?;
        if taken.snapshot.kind == SnapshotKind::InPlace {
            // What is read in place goes when its disk goes.
            self.disk(&taken.snapshot.disk)?;
        }
        if taken.snapshot.disk != snapshot.disk || taken.snapshot.length != snapshot.length {
            return Err(Error::Precondition {
                object: snapshot.name.to_string(),
                expected: shown(snapshot),
                actual: shown(&taken.snapshot),
            });
        }
        Ok(taken)
    }
}

fn shown(snapshot: &DiskSnapshot) -> String {
    match snapshot.length {
        Some(length) => format!("{length} bytes of {}", snapshot.disk),
        None => format!("a length that opening {} tells", snapshot.disk),
    }
}

fn address(snapshot: &DiskSnapshot) -> String {
    format!("fake://snapshots/{}", snapshot.name)
}

#[async_trait]
impl SourceAccess for FakeMachine {
    async fn grant(&self, snapshot: &DiskSnapshot, options: GrantOptions) -> Result<Acted<ReadGrant>> {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let service = state.record("grant");
        if state.known(snapshot)?.snapshot.kind == SnapshotKind::InPlace {
            return Ok(Acted {
                value: ReadGrant::new(address(snapshot), "", None),
                service,
            });
        }
        let access = state.known(snapshot)?.access.clone();
        if let Some(operation) = access.unsupported {
            return Err(Error::Unsupported {
                operation,
                provider: self.to_string(),
            }
            .answered(service));
        }
        let lifetime = i64::try_from(options.lifetime.as_millis())
            .map_err(|error| Error::misuse(format!("a grant for {:?}: {error}", options.lifetime)))?;
        let expires = Timestamp::from_unix_millis(now.unix_millis().saturating_add(lifetime))?;
        state.granted += 1;
        let secret = format!("sig-{}-{}", state.granted, snapshot.name);
        state.grants.push(LiveGrant {
            snapshot: snapshot.name.clone(),
            address: address(snapshot),
            secret: secret.clone(),
            expires,
        });
        let alive = state.grants.iter().filter(|grant| grant.expires > now).count();
        state.most_grants = state.most_grants.max(alive);
        Ok(Acted {
            value: ReadGrant::new(address(snapshot), secret, Some(GrantExpiry::at(expires)))
                .with_reach(access.reach),
            service,
        })
    }

    async fn revoke(&self, snapshot: &DiskSnapshot) -> Result<Acted<()>> {
        let mut state = self.state.lock();
        let service = state.record("revoke");
        state.grants.retain(|grant| grant.snapshot != snapshot.name);
        Ok(Acted { value: (), service })
    }

    async fn open(&self, snapshot: &DiskSnapshot, grant: &ReadGrant) -> Result<OpenedSource> {
        let (image, form) = {
            let mut state = self.state.lock();
            state.record("open");
            let taken = state.known(snapshot)?;
            let found = taken.content.lock().length();
            if let Some(told) = snapshot.length.filter(|told| told.bytes() != found) {
                return Err(Error::Precondition {
                    object: snapshot.name.to_string(),
                    expected: format!("{told} bytes"),
                    actual: format!("{found} bytes"),
                });
            }
            let image = MemoryImage::over(snapshot.name.to_string(), taken.content.clone());
            (image, taken.access.form.clone())
        };
        let opened = |image| {
            let opened = OpenedSource::new(image);
            match form {
                Some(form) => opened.with_form(form),
                None => opened,
            }
        };
        if snapshot.kind == SnapshotKind::InPlace {
            return Ok(opened(Arc::new(image)));
        }
        self.open_granted(grant)?;
        Ok(opened(Arc::new(GrantedImage {
            image,
            machine: self.clone(),
            address: grant.address().to_owned(),
            secret: grant.expose_secret().to_owned(),
        })))
    }

    async fn state(&self, snapshot: &DiskSnapshot) -> Result<SourceState> {
        let mut state = self.state.lock();
        state.record("state");
        let content = state.known(snapshot)?.content.lock();
        let mut pinned = SourceState::default();
        if snapshot.length.is_some() {
            pinned = pinned.with_pinned("length", content.length().to_string());
        }
        Ok(pinned
            .with_pinned("identity", content.identity.to_string())
            .with_pinned("writes", content.writes.to_string())
            .with_noted("reads", content.reads.to_string()))
    }
}

/// An image that can be read as long as the grant lives.
struct GrantedImage {
    image: MemoryImage,
    machine: FakeMachine,
    address: String,
    secret: String,
}

impl fmt::Debug for GrantedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantedImage")
            .field("image", &self.image)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for GrantedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.image.fmt(f)
    }
}

#[async_trait]
impl ImageReader for GrantedImage {
    fn length(&self) -> u64 {
        self.image.length()
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>> {
        self.image.spans(within)
    }

    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        self.machine.granted(&self.address, &self.secret)?;
        self.image.read(range).await
    }
}
