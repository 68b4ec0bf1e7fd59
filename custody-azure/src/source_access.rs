use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core::http::{Pipeline, Url};
use custody_core::ids::{ByteLength, Timestamp};
use custody_core::port::{
    DiskSnapshot, GrantExpiry, GrantOptions, GrantReach, OpenedSource, ReadGrant, SourceAccess, SourceState,
};
use custody_core::{Acted, Error, Result, ServiceRecord, visible};

use crate::arm::{AccessGrant, Arm, DOWNLOAD, DiskResource, ExportKind, ResourceId, no_guest_state};
use crate::blob::{BlobImage, RemoteBlob};
use crate::cloud::HostKind;
use crate::export_family::{self, ExportFamilies};
use crate::export_form::recognise;
use crate::http::{READING_GRANTED, Repeat, refusal_of};
use crate::snapshotter::{
    DISK_BYTES, DISK_GIB, DiskSize, Part, RESTORE_POINT, VHD_FOOTER_BYTES, export_kind, resource_of,
};

/// The longest that the service grants access for: 60 days, since 2025-02-15.
///
/// Source: MicrosoftDocs, include "disks-sas-change", read 2026-11-21.
pub const MAX_GRANT: Duration = Duration::from_secs(60 * 24 * 60 * 60);
/// How much later than asked a grant may end by the service's clock before it is given back.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(10 * 60);

/// Timed read access to disk snapshots, by shared access signatures that the service makes.
///
/// Ending access ends everybody's access to the snapshot, also what others were granted on one that was there before
/// us: the service knows no other way.
#[derive(Clone)]
pub struct AzureSourceAccess {
    arm: Arm,
    plain: Pipeline,
    with_token: Pipeline,
    families: ExportFamilies,
}

impl AzureSourceAccess {
    /// Access through this Resource Manager; the credential is shown to exports only where the disk demands it.
    #[must_use]
    pub fn new(arm: Arm, credential: Arc<dyn TokenCredential>) -> Self {
        let pipeline = |kind, credential| arm.sending().pipeline(kind, Repeat::Freely, credential);
        Self {
            plain: pipeline(HostKind::Export, None),
            with_token: pipeline(HostKind::SignedInExport, Some(credential)),
            families: ExportFamilies::default(),
            arm,
        }
    }

    /// Waits until the service has all of an incremental snapshot: before, it grants no access.
    async fn await_completion(&self, snapshot: &DiskSnapshot) -> Result<DiskResource> {
        let id = resource_of(snapshot)?;
        let patience = self.arm.patience();
        let (mut waited, mut wait) = (Duration::ZERO, patience.poll_floor);
        loop {
            let found = self.arm.disk(&id).await?;
            let percent = found.value.properties.completion_percent.unwrap_or(100.0);
            if percent >= 100.0 {
                return Ok(found.value);
            }
            if waited >= patience.operation {
                let error = Error::Provider {
                    object: id.to_string(),
                    operation: "waiting for the snapshot's own copy",
                    source: Some(format!("it is at {percent} percent: resume later").into()),
                };
                return Err(error.answered(found.service));
            }
            self.arm.clock().sleep(wait).await;
            waited = waited.saturating_add(wait);
            wait = wait
                .saturating_mul(2)
                .min(patience.poll_ceiling.max(patience.poll_floor));
        }
    }

    /// The instant, by the host's clock, at which the grant ends by itself.
    ///
    /// The service signs an end by its own clock, so how long the grant lives is reckoned by that clock too: from the
    /// date of its answer, or from a later start that it signed. A host's clock that is wrong changes nothing.
    fn expiry(&self, grant: &AccessGrant, asked: Duration, service: &ServiceRecord) -> Result<Timestamp> {
        let now = self.arm.clock().now().unix_millis();
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let asked = millis(asked);
        let signed = |name| signed_instant(grant.expose_query(), name);
        let Some(end) = signed("se=") else {
            return Timestamp::from_unix_millis(now.saturating_add(asked));
        };
        let from = service_date(service).max(signed("st="));
        let from = from.map_or(now, Timestamp::unix_millis);
        let lives = end.unix_millis().saturating_sub(from);
        if lives > asked.saturating_add(millis(CLOCK_TOLERANCE)) {
            return Err(Error::Refused {
                object: grant.address().to_owned(),
                reason: format!(
                    "the service granted access until {end}, for {} s where {} s were asked for; it was given back",
                    lives / 1000,
                    asked / 1000
                ),
            });
        }
        // What is told is never later than what was asked for.
        Timestamp::from_unix_millis(now.saturating_add(lives.min(asked)))
    }

    /// The error of a grant on the guest state that was not given. What may have been granted beside it is given back.
    async fn without_guest_state(&self, id: &ResourceId, error: Error) -> Result<Error> {
        let is_given_without = matches!(error.meaning(), Error::Unsupported { .. });
        let refusal = refusal_of(&error).filter(|refusal| refusal.status == 400);
        let settled = match refusal {
            // A bad request is no matter of time: the service does not take this one for such a resource.
            Some(refusal) => no_guest_state(id, &refusal.to_string()),
            None if is_given_without => {
                self.arm.end_access(id).await?;
                return Ok(error);
            }
            None => return Ok(error),
        };
        Ok(match error.service() {
            Some(service) => settled.answered(service.clone()),
            None => settled,
        })
    }

    async fn still_there(&self, snapshot: &DiskSnapshot) -> Result<DiskResource> {
        Ok(self.arm.disk(&resource_of(snapshot)?).await?.value)
    }
}

#[async_trait]
impl SourceAccess for AzureSourceAccess {
    async fn grant(&self, snapshot: &DiskSnapshot, options: GrantOptions) -> Result<Acted<ReadGrant>> {
        let id = resource_of(snapshot)?;
        let lifetime = options.lifetime.min(MAX_GRANT);
        if lifetime.as_secs() == 0 {
            return Err(Error::misuse("a grant of less than a second was asked for"));
        }
        let found = self.await_completion(snapshot).await?;
        if found
            .properties
            .network_access_policy
            .as_deref()
            .is_some_and(|policy| policy.eq_ignore_ascii_case("DenyAll"))
        {
            return Err(Error::Refused {
                object: id.to_string(),
                reason: "its networkAccessPolicy is DenyAll: it cannot be exported. Capture again with a network setting for snapshots, or have the policy changed".into(),
            });
        }
        let part = Part::of(&snapshot.disk);
        let kind = match part {
            Part::Disk => export_kind(&found),
            Part::GuestState => ExportKind::GuestState,
        };
        self.families.enter(&self.arm, &id, &found).await;
        let acted = match self.arm.begin_access(&id, lifetime, kind).await {
            Err(error) if part == Part::GuestState => {
                self.families.leave(&id);
                return Err(self.without_guest_state(&id, error).await?);
            }
            Err(error) => {
                self.families.leave(&id);
                return Err(export_family::explained(error, &id, &found));
            }
            Ok(acted) => acted,
        };
        let expiry = match self.expiry(&acted.value, lifetime, &acted.service) {
            Ok(expiry) => expiry,
            Err(error) => {
                self.families.leave(&id);
                self.arm.end_access(&id).await?;
                return Err(error.answered(acted.service));
            }
        };
        let grant = ReadGrant::new(
            acted.value.address(),
            acted.value.expose_query(),
            Some(GrantExpiry::at(expiry)),
        )
        .with_reach(reach(found.properties.data_access_auth_mode.as_deref()));
        Ok(Acted {
            value: grant,
            service: acted.service,
        })
    }

    async fn revoke(&self, snapshot: &DiskSnapshot) -> Result<Acted<()>> {
        let id = resource_of(snapshot)?;
        let ended = self.arm.end_access(&id).await?;
        self.families.leave(&id);
        Ok(ended)
    }

    async fn open(&self, snapshot: &DiskSnapshot, grant: &ReadGrant) -> Result<OpenedSource> {
        let (kind, pipeline, action) = match grant.reach() {
            GrantReach::Holder => (HostKind::Export, &self.plain, READING_GRANTED),
            GrantReach::SignedInHolder => (HostKind::SignedInExport, &self.with_token, DOWNLOAD),
        };
        let mut address: Url = self.arm.cloud().admit_text(kind, grant.address())?;
        address.set_query(Some(grant.expose_secret()));
        let object = format!("export of disk snapshot {}", snapshot.name);
        let remote = RemoteBlob::new(pipeline.clone(), address, object, action);
        let facts = match remote.head().await {
            Ok(facts) => facts,
            Err(error) => {
                // A snapshot that is gone, not a right that is missing.
                let found = self.still_there(snapshot).await?;
                return Err(match error.meaning() {
                    Error::NotFound { .. } => Error::Provider {
                        object: remote.object().to_owned(),
                        operation: "opening what was granted",
                        source: Some(
                            "the service knows nothing of it, though the disk snapshot is there".into(),
                        ),
                    }
                    .answered(error.service().cloned().unwrap_or_default()),
                    _ => unreachable_export(&found, remote.object(), error),
                });
            }
        };
        if let Some(told) = snapshot.length.filter(|told| told.bytes() != facts.value.length) {
            let error = Error::Integrity {
                object: remote.object().to_owned(),
                place: "length".into(),
                expected: format!("{told} bytes"),
                actual: format!("{} bytes", facts.value.length),
            };
            return Err(error.answered(facts.service));
        }
        if facts.value.length == 0 {
            let error = Error::malformed(remote.object(), "the export has no bytes");
            return Err(error.answered(facts.service));
        }
        let image = Arc::new(BlobImage::new(remote, &facts.value));
        let etag = visible::escape(&facts.value.etag);
        let opened = OpenedSource::new(image.clone()).with_attribute("etag", etag);
        let told = |name: &str| {
            let text = snapshot.attributes.get(name);
            text.map(|text| text.parse::<ByteLength>().map(ByteLength::bytes))
        };
        let bytes = told(DISK_BYTES).transpose()?.map(DiskSize::Bytes);
        let size = bytes.or(told(DISK_GIB).transpose()?.map(DiskSize::Gib));
        match (snapshot.length, Part::of(&snapshot.disk), size) {
            (Some(_), ..) | (None, Part::GuestState, _) => Ok(opened),
            (None, Part::Disk, Some(size)) => Ok(opened.with_form(recognise(image.as_ref(), size).await?)),
            (None, Part::Disk, None) => Err(Error::misuse(format!(
                "disk snapshot {} tells neither a length nor its disk's size",
                snapshot.name
            ))),
        }
    }

    async fn state(&self, snapshot: &DiskSnapshot) -> Result<SourceState> {
        let id = resource_of(snapshot)?;
        if id.kind() == RESTORE_POINT {
            // One that never was complete: nothing can be read of it, and it is there.
            let point = self.arm.restore_point(&id).await?.value.properties;
            let told = point.provisioning_state.unwrap_or_default();
            return Ok(SourceState::default().with_pinned("provisioningState", visible::escape(&told)));
        }
        let found = self.still_there(snapshot).await?;
        let properties = &found.properties;
        // A part of a restore point does not tell its size; its length was told by the restore point, which never
        // changes.
        let told = properties.disk_size_bytes;
        let mut state = SourceState::default();
        match (snapshot.length, told) {
            (Some(known), _) => {
                let length = told.map_or(known.bytes(), |bytes| bytes.saturating_add(VHD_FOOTER_BYTES));
                state = state.with_pinned("length", length.to_string());
            }
            (None, Some(bytes)) => state = state.with_pinned(DISK_BYTES, bytes.to_string()),
            (None, None) => {}
        }
        let creation = &properties.creation_data;
        for (name, value) in [
            ("uniqueId", properties.unique_id.as_deref()),
            ("timeCreated", properties.time_created.as_deref()),
            (
                "sourceUniqueId",
                creation
                    .source_unique_id
                    .as_deref()
                    .or(properties.source_unique_id.as_deref()),
            ),
        ] {
            if let Some(value) = value {
                state = state.with_pinned(name, visible::escape(value));
            }
        }
        if let Some(disk_state) = &properties.disk_state {
            state = state.with_noted("diskState", visible::escape(disk_state));
        }
        Ok(state)
    }
}

/// Who can read an export.
///
/// Source: MicrosoftDocs/azure-compute-docs, disks-secure-upload-download, read 2026-11-21: the reader presents a token
/// besides.
fn reach(data_access_auth_mode: Option<&str>) -> GrantReach {
    match data_access_auth_mode {
        Some(mode) if mode.eq_ignore_ascii_case("AzureActiveDirectory") => GrantReach::SignedInHolder,
        _ => GrantReach::Holder,
    }
}

/// What it means that an export was refused to this host, where its network settings can be why.
fn unreachable_export(found: &DiskResource, object: &str, error: Error) -> Error {
    let properties = &found.properties;
    let is = |value: &Option<String>, word: &str| {
        value
            .as_deref()
            .is_some_and(|value| value.eq_ignore_ascii_case(word))
    };
    let private = is(&properties.network_access_policy, "AllowPrivate")
        || is(&properties.public_network_access, "Disabled");
    if !private || !matches!(error.meaning(), Error::PermissionDenied { .. }) {
        return error;
    }
    let through = properties
        .disk_access_id
        .as_deref()
        .unwrap_or("a disk access resource");
    let refused = Error::Refused {
        object: object.to_owned(),
        reason: format!(
            "it can be read only through the private endpoints of {}, and this host's request was denied ({}): run \
             custody where those endpoints lead, or capture again with a network setting for snapshots",
            visible::escape(through),
            error.causes().join(": ")
        ),
    };
    match error.service() {
        Some(service) => refused.answered(service.clone()),
        None => refused,
    }
}

/// The `st` or `se` of a signature's query.
fn signed_instant(query: &str, name: &str) -> Option<Timestamp> {
    let pair = query.split('&').find_map(|pair| pair.strip_prefix(name))?;
    pair.replace("%3A", ":").replace("%3a", ":").parse().ok()
}

/// The date of a service's answer.
fn service_date(service: &ServiceRecord) -> Option<Timestamp> {
    let date = service.date.as_deref()?;
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(date)
        .ok()?;
    Timestamp::from_unix_millis(date.as_millisecond()).ok()
}

impl fmt::Display for AzureSourceAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Azure disk export")
    }
}

impl fmt::Debug for AzureSourceAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureSourceAccess").finish_non_exhaustive()
    }
}
