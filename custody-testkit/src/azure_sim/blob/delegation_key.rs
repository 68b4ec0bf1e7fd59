use jiff::SignedDuration;

use super::refusal::Refused;
use super::sas;
use crate::azure_sim::clock::{from_sas_date, short_date};
use crate::azure_sim::entra::Principal;
use crate::azure_sim::http::{Answer, Call, escape, read_elements};
use crate::azure_sim::keyed;
use crate::azure_sim::world::World;

/// Longest life of a user delegation key, in days. Not verified against the service.
const MAX_KEY_DAYS: i64 = 7;

/// Get User Delegation Key.
pub(super) fn issue(world: &World, call: &Call, account: &str, who: &Principal) -> Result<Answer, Refused> {
    let malformed = || {
        Refused::new(
            400,
            "InvalidXmlDocument",
            "XML specified is not syntactically valid.",
        )
    };
    let elements = read_elements(&call.body).ok_or_else(malformed)?;
    let named = |name: &str| {
        elements
            .iter()
            .find(|element| element.name == name)
            .map(|element| element.text.clone())
    };
    let start = named("Start").unwrap_or_default();
    let expiry = named("Expiry").ok_or_else(malformed)?;
    let starts = if start.is_empty() {
        call.at
    } else {
        from_sas_date(&start).ok_or_else(malformed)?
    };
    let expires = from_sas_date(&expiry).ok_or_else(malformed)?;
    if expires <= call.at || expires > call.at + SignedDuration::from_hours(24 * MAX_KEY_DAYS + 1) {
        return Err(Refused::new(
            400,
            "InvalidXmlNodeValue",
            "The value of Expiry is out of range.",
        ));
    }
    let (start, expiry) = (short_date(starts), short_date(expires));
    let version = call.header("x-ms-version").unwrap_or("2022-11-02");
    let parts = [
        who.object_id.as_str(),
        who.tenant.as_str(),
        &start,
        &expiry,
        "b",
        version,
    ];
    let value = keyed::base64(&sas::delegation_key(world, account, parts));
    let [oid, tid, start, expiry, service, version] = parts.map(escape);
    Ok(Answer::xml(
        200,
        &format!(
            "<UserDelegationKey><SignedOid>{oid}</SignedOid><SignedTid>{tid}</SignedTid>\
             <SignedStart>{start}</SignedStart><SignedExpiry>{expiry}</SignedExpiry>\
             <SignedService>{service}</SignedService><SignedVersion>{version}</SignedVersion>\
             <Value>{}</Value></UserDelegationKey>",
            escape(&value)
        ),
    ))
}
