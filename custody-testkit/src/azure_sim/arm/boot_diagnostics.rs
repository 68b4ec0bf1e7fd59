use serde_json::json;

use super::disk::missing;
use super::{ArmCall, Outcome};
use crate::azure_sim::address::{Service, Way};
use crate::azure_sim::blob::{View, serve};
use crate::azure_sim::clock::short_date;
use crate::azure_sim::content::Content;
use crate::azure_sim::http::{Answer, Call, encode};
use crate::azure_sim::keyed;
use crate::azure_sim::world::World;

/// Where managed boot diagnostics lie: a host of the exports' kind, that belongs to the platform.
const LABEL: &str = "md-diag.z1";

pub(crate) fn base(world: &World, way: Way) -> String {
    world.addresses.base(way, &Service::Export(LABEL.into()))
}

/// Addresses of the serial log and of the screenshot, good for a while.
pub(crate) fn retrieve(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let name = arm.path.name();
    let machine = world
        .scenario
        .machines
        .iter()
        .find(|machine| machine.name.eq_ignore_ascii_case(name));
    let machine = machine
        .filter(|machine| machine.boot_diagnostics)
        .ok_or_else(|| missing(arm))?;
    let minutes = arm
        .call
        .query
        .value("sasUriExpirationTimeInMinutes")
        .and_then(|text| text.parse().ok())
        .unwrap_or(120);
    let expires = short_date(arm.call.at + jiff::SignedDuration::from_mins(minutes));
    let base = base(world, arm.call.way);
    let address = |file: &str| {
        let path = format!("/{}/{file}", machine.name);
        let sig = keyed::mac_base64(&world.secret, &format!("{path}\n{expires}"));
        format!(
            "{base}{path}?sv=2021-08-06&sr=b&sp=r&se={}&sig={}",
            encode(&expires),
            encode(&sig)
        )
    };
    Ok(Answer::json(
        200,
        &json!({
            "consoleScreenshotBlobUri": address("screenshot.bmp"),
            "serialConsoleLogBlobUri": address("serialconsole.log"),
        }),
    ))
}

/// The file behind such an address; none when the host is not theirs.
pub(crate) fn console_answer(world: &World, label: &str, call: &Call) -> Option<Answer> {
    if label != LABEL {
        return None;
    }
    let expires = call.query.value("se").unwrap_or_default();
    let expected = keyed::mac_base64(&world.secret, &format!("{}\n{expires}", call.path));
    let live = crate::azure_sim::clock::from_sas_date(expires).is_some_and(|until| until > call.at);
    if !live || call.query.value("sig") != Some(expected.as_str()) {
        return Some(crate::azure_sim::fault::error_answer(
            &call.service,
            403,
            "AuthenticationFailed",
            "Server failed to authenticate the request.",
        ));
    }
    let bytes: &'static [u8] = if call.path.ends_with(".bmp") {
        b"BM\x1a\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\0\0\0\0\x01\0\x18\0"
    } else {
        b"[    0.000000] Linux version 6.1.0\r\n"
    };
    // It is a blob like any other: asked for its length, and read by ranges.
    let view = View {
        content: &Content::of_bytes(bytes),
        content_type: "application/octet-stream",
        etag: "\"0x8DE000000000001\"",
        md5: None,
    };
    Some(match serve(call, &view) {
        Ok(answer) => answer.with_header("x-ms-blob-type", "BlockBlob"),
        Err(refused) => refused.answer(call),
    })
}
