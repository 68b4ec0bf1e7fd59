//! The hosts at which a disk's or a snapshot's bytes can be read for a while.

use jiff::Timestamp;

use super::blob::{Refused, View, page_list, serve};
use super::clock::{from_sas_date, http_date, short_date};
use super::content::Content;
use super::entra::principal_of;
use super::http::{Answer, Call, Query, encode};
use super::keyed;
use super::world::World;

/// An export. Not printable: its path and its key are what lets one read.
pub(crate) struct Export {
    /// The key of the resource that is exported.
    pub(crate) source: String,
    pub(crate) token: String,
    pub(crate) secret: String,
    pub(crate) content: Content,
    pub(crate) guest_state: Option<Content>,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) revoked: Option<Timestamp>,
    pub(crate) etag: String,
    /// Whether the reader must present a token too.
    pub(crate) needs_token: bool,
    /// Whether it can be read over private endpoints only.
    pub(crate) private: bool,
    /// The disk access resource whose private endpoints those are.
    pub(crate) disk_access: Option<String>,
}

impl Export {
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.expires
    }

    /// The query of an address.
    ///
    /// Source of its fields: example answer of beginGetAccess, disk resource provider, api-version 2023-10-02; without
    /// its `sk`, which Microsoft's Python client drops from addresses that it is given.
    pub(crate) fn signature(secret: &str, path: &str, starts: Timestamp, expires: Timestamp) -> String {
        let (st, se) = (short_date(starts), short_date(expires));
        let sig = keyed::mac_base64(secret.as_bytes(), &Self::to_sign(path, "r", &st, &se));
        format!(
            "sv=2018-03-28&sr=b&sig={}&st={}&se={}&sp=r",
            encode(&sig),
            encode(&st),
            encode(&se)
        )
    }

    fn to_sign(path: &str, permissions: &str, starts: &str, expires: &str) -> String {
        format!("{permissions}\n{starts}\n{expires}\n{path}\n2018-03-28\nb")
    }

    pub(crate) fn content_at(&self, path: &str) -> Option<&Content> {
        let name = path.trim_start_matches('/').strip_prefix(self.token.as_str())?;
        match name {
            "/abcd" => Some(&self.content),
            "/abcd_vmgs" => self.guest_state.as_ref(),
            _ => None,
        }
    }

    /// Checks the signature of an address in every field, and that access was not revoked.
    pub(crate) fn check(&self, path: &str, query: &Query, now: Timestamp) -> Result<(), Refused> {
        let field = |name: &str| query.value(name).unwrap_or_default();
        let expected = keyed::mac_base64(
            self.secret.as_bytes(),
            &Self::to_sign(path, field("sp"), field("st"), field("se")),
        );
        let fixed = field("sv") == "2018-03-28" && field("sr") == "b" && field("sp") == "r";
        let starts = from_sas_date(field("st"));
        let expires = from_sas_date(field("se"));
        let in_time = expires.is_some_and(|expires| now < expires)
            && starts.is_some_and(|starts| starts.as_second() <= now.as_second());
        if !fixed || field("sig") != expected || !in_time || self.revoked.is_some() {
            return Err(Refused::unauthenticated());
        }
        Ok(())
    }
}

/// Answers a call to an export's host.
pub(crate) fn answer(world: &mut World, call: &Call, label: &str) -> Answer {
    if let Some(answer) = super::arm::console_answer(world, label, call) {
        return answer;
    }
    let answer = decide(world, call, label).unwrap_or_else(|refused| refused.answer(call));
    let version = call
        .header("x-ms-version")
        .or_else(|| call.query.value("sv"))
        .unwrap_or("2018-03-28")
        .to_string();
    answer
        .with_header("server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0")
        .with_header("x-ms-version", version)
}

fn decide(world: &World, call: &Call, label: &str) -> Result<Answer, Refused> {
    let export = world.exports.get(label).ok_or_else(Refused::no_container)?;
    export.check(&call.path, &call.query, call.at)?;
    let content = export.content_at(&call.path).ok_or_else(Refused::no_blob)?;
    if export.private && !is_reached_privately(world, export) {
        return Err(Refused::new(
            403,
            "AuthorizationFailure",
            "This request is not authorized to perform this operation.",
        ));
    }
    if export.needs_token {
        permit_token(world, call, export)?;
    }
    let view = View {
        content,
        content_type: "application/octet-stream",
        etag: &export.etag,
        md5: None,
    };
    let mut answer = match (call.method.as_str(), call.query.value("comp").unwrap_or_default()) {
        ("GET" | "HEAD", "") => serve(call, &view)?,
        ("GET", "pagelist") => page_list(call, &view)?,
        _ => {
            return Err(Refused::new(
                403,
                "AuthorizationPermissionMismatch",
                "This request is not authorized to perform this operation using this permission.",
            ));
        }
    };
    for (name, value) in [
        ("last-modified", http_date(export.created)),
        ("x-ms-creation-time", http_date(export.created)),
        ("x-ms-blob-type", "PageBlob".into()),
        ("x-ms-blob-sequence-number", "1".into()),
        ("x-ms-lease-status", "unlocked".into()),
        ("x-ms-lease-state", "available".into()),
        ("x-ms-server-encrypted", "true".into()),
        ("accept-ranges", "bytes".into()),
    ] {
        answer.set_header(name, value);
    }
    Ok(answer)
}

/// Whether callers come through the private endpoints at which the export can be read.
fn is_reached_privately(world: &World, export: &Export) -> bool {
    let reached = &world.scenario.private_endpoints;
    export
        .disk_access
        .as_ref()
        .is_some_and(|id| reached.iter().any(|reached| reached.eq_ignore_ascii_case(id)))
}

/// Where data access needs Entra, the signature alone is not enough.
///
/// Source: "Secure downloads and uploads of Azure managed disks": the actions on data.
fn permit_token(world: &World, call: &Call, export: &Export) -> Result<(), Refused> {
    let audiences = [
        world.scenario.cloud.storage_audience.clone(),
        "https://disk.azure.com".to_string(),
    ];
    let presented = principal_of(world, call.header("authorization"), &audiences, call.at);
    let Ok(principal) = presented else {
        return Err(Refused::unauthenticated());
    };
    let kind = if export.source.contains("/snapshots/") {
        "snapshots"
    } else {
        "disks"
    };
    if !world.may_on_data(
        &principal,
        &format!("Microsoft.Compute/{kind}/download/action"),
        &export.source,
    ) {
        return Err(Refused::new(
            403,
            "AuthorizationPermissionMismatch",
            "This request is not authorized to perform this operation using this permission.",
        ));
    }
    Ok(())
}
