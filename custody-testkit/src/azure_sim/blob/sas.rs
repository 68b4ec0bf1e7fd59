use super::refusal::Refused;
use crate::azure_sim::clock::from_sas_date;
use crate::azure_sim::http::{Call, Query};
use crate::azure_sim::keyed;
use crate::azure_sim::world::World;

/// What a good user delegation signature lets its holder do.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    /// The letters of `sp`.
    pub(super) permissions: String,
    /// The object id of who made it.
    pub(super) signer: String,
    pub(super) tenant: String,
}

/// The value of the user delegation key with those parts. It follows from them, so nothing need be kept.
pub(super) fn delegation_key(world: &World, account: &str, parts: [&str; 6]) -> Vec<u8> {
    let epoch = world
        .accounts
        .get(account)
        .map_or(0, |account| account.delegation_epoch);
    let text = format!("user delegation {account} {epoch} {}", parts.join("\n"));
    keyed::mac(&world.secret, text.as_bytes()).to_vec()
}

/// Whether a query has a shared access signature.
pub(super) fn is_in(query: &Query) -> bool {
    query.has("sig")
}

/// Checks a user delegation signature in every field.
///
/// Source of the order of fields: Azurite, `IBlobSASSignatureValues`; checked against what Microsoft's Python and Rust
/// packages sign.
pub(super) fn check(
    world: &World,
    call: &Call,
    query: &Query,
    account: &str,
    container: &str,
    blob: &str,
) -> Result<Signed, Refused> {
    let refuse = |detail: &str| {
        let refused = Refused::unauthenticated();
        Refused::new(
            refused.status,
            refused.code,
            format!("Signature not accepted: {detail}"),
        )
    };
    let field = |name: &str| query.value(name).unwrap_or_default();
    if !query.has("skoid") {
        return Err(Refused::new(
            403,
            "KeyBasedAuthenticationNotPermitted",
            "Key based authentication is not permitted on this storage account.",
        ));
    }
    let resource = match field("sr") {
        "b" | "bv" | "bs" => format!("/blob/{account}/{container}/{blob}"),
        "c" => format!("/blob/{account}/{container}"),
        _ => return Err(refuse("sr")),
    };
    let version_of = match field("sr") {
        "bv" => query.value("versionid").unwrap_or_default(),
        "bs" => query.value("snapshot").unwrap_or_default(),
        _ => "",
    };
    let parts = [
        field("skoid"),
        field("sktid"),
        field("skt"),
        field("ske"),
        field("sks"),
        field("skv"),
    ];
    let key = delegation_key(world, account, parts);
    let to_sign = string_to_sign(query, &resource, version_of, parts);
    if keyed::mac_base64(&key, &to_sign) != field("sig") {
        return Err(refuse("sig"));
    }
    let instant = |name: &str| from_sas_date(field(name));
    let expires = instant("se").ok_or_else(|| refuse("se"))?;
    let key_expires = instant("ske").ok_or_else(|| refuse("ske"))?;
    if call.at >= expires || call.at >= key_expires {
        return Err(refuse("expired"));
    }
    if query.has("st") && instant("st").is_none_or(|starts| call.at < starts) {
        return Err(refuse("not yet valid"));
    }
    if field("spr") == "https" && !call.is_https() {
        return Err(Refused::new(
            403,
            "AuthorizationProtocolMismatch",
            "This request is not authorized to perform this operation using this protocol.",
        ));
    }
    if query.has("sip") && !address_fits(field("sip"), call) {
        return Err(Refused::new(
            403,
            "AuthorizationSourceIPMismatch",
            "This request is not authorized to perform this operation using this source IP.",
        ));
    }
    Ok(Signed {
        permissions: field("sp").to_string(),
        signer: field("skoid").to_string(),
        tenant: field("sktid").to_string(),
    })
}

fn string_to_sign(query: &Query, resource: &str, version_of: &str, parts: [&str; 6]) -> String {
    let field = |name: &str| query.value(name).unwrap_or_default();
    let version = field("sv");
    let mut lines = vec![field("sp"), field("st"), field("se"), resource];
    lines.extend(parts);
    if version >= "2020-02-10" {
        lines.extend([field("saoid"), field("suoid"), field("scid")]);
    }
    if version >= "2025-07-05" {
        lines.extend([field("skdutid"), field("sduoid")]);
    }
    lines.extend([field("sip"), field("spr"), version, field("sr"), version_of]);
    if version >= "2020-12-06" {
        lines.push(field("ses"));
    }
    if version >= "2026-04-06" {
        lines.extend([field("srh"), field("srq")]);
    }
    lines.extend([
        field("rscc"),
        field("rscd"),
        field("rsce"),
        field("rscl"),
        field("rsct"),
    ]);
    lines.join("\n")
}

/// Whether the caller is at the address, or in the range of addresses.
fn address_fits(allowed: &str, call: &Call) -> bool {
    let (low, high) = allowed.split_once('-').unwrap_or((allowed, allowed));
    match (low.parse::<std::net::IpAddr>(), high.parse::<std::net::IpAddr>()) {
        (Ok(low), Ok(high)) => (low..=high).contains(&call.from),
        _ => false,
    }
}
