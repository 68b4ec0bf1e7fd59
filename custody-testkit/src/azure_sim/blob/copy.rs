use std::sync::Arc;

use jiff::Timestamp;

use super::refusal::Refused;
use super::source::{self, Source};
use super::state::{BlobPlace, Kind, Version};
use super::writing::{container_of, install, new_version};
use crate::azure_sim::clock::http_date;
use crate::azure_sim::content::Content;
use crate::azure_sim::fault::FaultAction;
use crate::azure_sim::http::{Answer, Call};
use crate::azure_sim::world::World;

/// Source: Copy Blob From URL: what it copies at most.
const MAX_SYNCHRONOUS_BYTES: u64 = 256 << 20;

/// A copy to a blob, running or finished.
#[derive(Clone)]
pub(crate) struct CopyState {
    id: String,
    /// The address as it was given, with its signature: the service shows it to who may read the blob.
    source: String,
    status: Status,
    description: Option<String>,
    completed: Option<Timestamp>,
    started: Timestamp,
    total: u64,
    done: u64,
    whole: Arc<Content>,
    /// Looks at it that were answered `pending`, and how many will be, when no speed is set.
    looks: u32,
    looks_needed: u32,
    bytes_per_second: Option<u64>,
    source_expires: Option<Timestamp>,
    export: Option<String>,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Pending,
    Success,
    Failed,
    Aborted,
}

/// How a fault has it end.
#[derive(Clone)]
enum Fate {
    Success,
    Failure(String),
    Abortion,
    Corruption(u64),
}

impl CopyState {
    pub(crate) fn is_pending(&self) -> bool {
        self.status == Status::Pending
    }

    pub(crate) fn status(&self) -> &'static str {
        match self.status {
            Status::Pending => "pending",
            Status::Success => "success",
            Status::Failed => "failed",
            Status::Aborted => "aborted",
        }
    }

    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("x-ms-copy-id", self.id.clone()),
            ("x-ms-copy-status", self.status().to_string()),
            ("x-ms-copy-source", self.source.clone()),
            ("x-ms-copy-progress", self.progress()),
        ];
        headers.extend(
            self.description
                .iter()
                .map(|text| ("x-ms-copy-status-description", text.clone())),
        );
        headers.extend(
            self.completed
                .iter()
                .map(|at| ("x-ms-copy-completion-time", http_date(*at))),
        );
        headers
    }

    pub(crate) fn progress(&self) -> String {
        format!("{}/{}", self.done, self.total)
    }

    /// How much is copied at an instant.
    fn done_at(&self, at: Timestamp) -> u64 {
        match self.bytes_per_second {
            Some(speed) => {
                let elapsed = u128::try_from(at.duration_since(self.started).as_nanos()).unwrap_or(0);
                let bytes = elapsed * u128::from(speed) / 1_000_000_000;
                u64::try_from(bytes).unwrap_or(u64::MAX).min(self.total)
            }
            None if self.looks >= self.looks_needed => self.total,
            None => self.total / u64::from(self.looks_needed + 1) * u64::from(self.looks),
        }
    }
}

/// Copy Blob, in either form.
pub(super) fn start(
    world: &mut World,
    call: &Call,
    place: &BlobPlace,
    bends: &[FaultAction],
) -> Result<Answer, Refused> {
    let source = source::open(world, call, &place.account)?;
    let total = source.content.length();
    let existing = container_of(world, place)?
        .blobs
        .get(&place.blob)
        .and_then(|blob| blob.current.as_ref());
    if existing.is_some_and(|existing| existing.kind != source.kind) {
        return Err(Refused::kind());
    }
    if call.header_is("x-ms-requires-sync", "true") {
        if source.kind != Kind::Block || total > MAX_SYNCHRONOUS_BYTES {
            return Err(Refused::kind());
        }
        let id = world.fresh_guid("copy");
        let version = with_source(
            new_version(world, call, place, Kind::Block, source.content.clone())?,
            &source,
        );
        let answer = install(world, place, version)?;
        return Ok(Answer {
            status: 202,
            ..answer
        }
        .with_header("x-ms-copy-id", id)
        .with_header("x-ms-copy-status", "success"));
    }
    if source.kind == Kind::Page && total > super::page_blob::MAX_PAGE_BLOB_BYTES + 512 {
        return Err(Refused::new(
            413,
            "RequestBodyTooLarge",
            "The source is larger than a page blob can be.",
        ));
    }
    let whole = Arc::new(source.content.clone());
    let content = Content::Partial {
        whole: Arc::clone(&whole),
        done: 0,
    };
    let mut version = with_source(new_version(world, call, place, source.kind, content)?, &source);
    let timing = world.scenario.timing.clone();
    version.copy = Some(CopyState {
        id: world.fresh_guid("copy"),
        source: call.header("x-ms-copy-source").unwrap_or_default().to_string(),
        status: Status::Pending,
        description: None,
        completed: None,
        started: call.at,
        total,
        done: 0,
        whole,
        looks: 0,
        looks_needed: timing.copy_polls,
        bytes_per_second: timing.copy_bytes_per_second,
        source_expires: source.expires,
        export: source.export,
        fate: fate_of(bends),
    });
    install(world, place, version)?;
    world.pending_copies.push(place.clone());
    advance(world, call.at, None);
    let blob = container_of(world, place)?
        .blobs
        .get(&place.blob)
        .and_then(|blob| blob.current.as_ref());
    let version = blob.ok_or_else(Refused::no_blob)?;
    let copy = version.copy.as_ref().ok_or_else(Refused::no_blob)?;
    Ok(Answer {
        status: 202,
        ..super::writing::written(version, 202)
    }
    .with_header("x-ms-copy-id", copy.id.clone())
    .with_header("x-ms-copy-status", copy.status()))
}

/// What comes with the bytes; metadata only when the request has none.
fn with_source(mut version: Version, source: &Source) -> Version {
    version.content_type.clone_from(&source.content_type);
    version.content_md5.clone_from(&source.md5);
    if version.metadata.is_empty() {
        version.metadata.clone_from(&source.metadata);
    }
    version
}

fn fate_of(bends: &[FaultAction]) -> Fate {
    let bent = |bend: &FaultAction| match bend {
        FaultAction::CopyFails(description) => Some(Fate::Failure(description.clone())),
        FaultAction::CopyAborts => Some(Fate::Abortion),
        FaultAction::CopyCorrupts(offset) => Some(Fate::Corruption(*offset)),
        _ => None,
    };
    bends.iter().find_map(bent).unwrap_or(Fate::Success)
}

/// Abort Copy Blob.
pub(super) fn abort(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    let id = call.query.value("copyid").unwrap_or_default().to_string();
    let etag = world.fresh_etag();
    let container = container_of(world, place)?;
    let version = container
        .blobs
        .get_mut(&place.blob)
        .and_then(|blob| blob.current.as_mut())
        .ok_or_else(Refused::no_blob)?;
    let pending = version.copy.as_mut().filter(|copy| copy.is_pending());
    let copy = pending.ok_or_else(|| {
        Refused::new(
            409,
            "NoPendingCopyOperation",
            "There is currently no pending copy operation.",
        )
    })?;
    if copy.id != id {
        return Err(Refused::new(
            409,
            "CopyIdMismatch",
            "The specified copy ID did not match the copy ID for the pending copy operation.",
        ));
    }
    end(version, Status::Aborted, None, call.at);
    version.touch(etag, call.at);
    world.pending_copies.retain(|pending| pending != place);
    Ok(Answer::empty(204))
}

/// Lets copies go on to where they are by now; `looked_at` is the one that someone asks about.
pub(crate) fn advance(world: &mut World, now: Timestamp, looked_at: Option<&BlobPlace>) {
    for place in std::mem::take(&mut world.pending_copies) {
        let etag = world.fresh_etag();
        let revoked: Vec<(String, Timestamp)> = world
            .exports
            .iter()
            .filter_map(|(label, export)| Some((label.clone(), export.revoked?)))
            .collect();
        let Ok(container) = container_of(world, &place) else {
            continue;
        };
        let Some(version) = container
            .blobs
            .get_mut(&place.blob)
            .and_then(|blob| blob.current.as_mut())
        else {
            continue;
        };
        let Some(copy) = version.copy.as_mut().filter(|copy| copy.is_pending()) else {
            continue;
        };
        let export = copy.export.as_deref();
        let revocation = revoked
            .iter()
            .find(|(label, _)| Some(label.as_str()) == export)
            .map(|(_, at)| *at);
        let dies = copy.source_expires.into_iter().chain(revocation).min();
        let done = copy.done_at(dies.map_or(now, |dies| dies.min(now)));
        if looked_at == Some(&place) {
            copy.looks += 1;
        }
        let moved = done != copy.done;
        copy.done = done;
        version.content = Content::Partial {
            whole: Arc::clone(&copy.whole),
            done,
        };
        let half = done >= copy.total / 2;
        let fate = copy.fate.clone();
        match fate {
            Fate::Failure(description) if half && done > 0 => {
                end(version, Status::Failed, Some(description), now);
            }
            Fate::Abortion if half && done > 0 => end(version, Status::Aborted, None, now),
            Fate::Corruption(offset) if done == copy.total => {
                let mut content = Content::clone(&copy.whole);
                if let Ok(old) = content.read(offset..offset + 1)
                    && let Some(byte) = old.first()
                {
                    content.write(offset, vec![byte ^ 0xFF].into());
                }
                end(version, Status::Success, None, now);
                version.content = content;
            }
            _ if done == copy.total => end(version, Status::Success, None, now),
            _ if dies.is_some_and(|dies| dies <= now) => {
                let why = "403 AuthenticationFailed \"Copy failed when reading the source.\"";
                end(version, Status::Failed, Some(why.into()), now);
            }
            _ => {}
        }
        let pending = version.is_pending();
        if moved || !pending {
            version.touch(etag, now);
        }
        if pending {
            world.pending_copies.push(place);
        }
    }
}

fn end(version: &mut Version, status: Status, description: Option<String>, now: Timestamp) {
    let Some(copy) = version.copy.as_mut() else { return };
    copy.status = status;
    copy.description = description;
    copy.completed = Some(now);
    version.content = match status {
        Status::Success => Content::clone(&copy.whole),
        // Source: Copy Blob: what is left is a blob of length zero.
        _ => Content::Zeros(0),
    };
}
