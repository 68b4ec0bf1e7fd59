use serde_json::json;

use super::{Outcome, Refusal, VaultCall, VaultState};
use crate::azure_sim::http::Answer;
use crate::azure_sim::keyed;

/// The permission that a use of a key needs, by the word in its path.
pub(super) fn permission(act: &str) -> &'static str {
    match act.to_ascii_lowercase().as_str() {
        "wrapkey" => "wrapKey",
        "unwrapkey" => "unwrapKey",
        "encrypt" => "encrypt",
        "decrypt" => "decrypt",
        "sign" => "sign",
        "verify" => "verify",
        _ => "unknown",
    }
}

/// What can be done with a key that is out of its time: what was made with it is not lost.
///
/// Source: "About keys", date-time controlled operations, read 2026-11-28.
fn may_be_out_of_time(operation: &str) -> bool {
    matches!(operation, "decrypt" | "unwrapKey" | "verify")
}

/// Wraps, unwraps, encrypts, decrypts, signs or verifies.
pub(super) fn answer(
    vault: &VaultState,
    call: &VaultCall<'_>,
    operation: &str,
    name: &str,
    version: Option<&str>,
) -> Outcome<Answer> {
    let (id, key) = vault.keys.version(name, version)?;
    if !key.attributes.enabled {
        return Err(Refusal::forbidden(
            "KeyDisabled",
            format!("Operation {operation} is not allowed on a disabled key."),
        ));
    }
    if key.attributes.is_out_of_time(call.call.at) && !may_be_out_of_time(operation) {
        return Err(Refusal::forbidden(
            "KeyNotYetValid",
            format!("Operation {operation} is not allowed on a key outside of its time."),
        ));
    }
    if !key.operations.iter().any(|own| own == operation) {
        return Err(Refusal::forbidden(
            "KeyOperationForbidden",
            format!("Operation {operation} is not permitted on this key."),
        ));
    }
    let body = &call.body;
    let algorithm = body["alg"].as_str().unwrap_or_default();
    let bytes = |member: &str| {
        let text = body[member].as_str();
        text.and_then(keyed::from_base64url)
            .ok_or_else(|| Refusal::parameter(format!("Property {member} is not base64url.")))
    };
    let refuse = || {
        Refusal::parameter(format!(
            "The parameter is incorrect, or {algorithm} does not fit the key."
        ))
    };
    let kid = call.id("keys", name, id);
    if operation == "verify" {
        let holds = key
            .material
            .verify(algorithm, &bytes("digest")?, &bytes("value")?);
        return Ok(Answer::json(200, &json!({"value": holds.ok_or_else(refuse)?})));
    }
    let value = bytes("value")?;
    let done = match operation {
        "wrapKey" | "encrypt" => key.material.encrypt(algorithm, &value),
        "unwrapKey" | "decrypt" => key.material.decrypt(algorithm, &value),
        _ => key.material.sign(algorithm, &value),
    };
    let done = keyed::base64url(&done.ok_or_else(refuse)?);
    Ok(Answer::json(200, &json!({"kid": kid, "value": done})))
}
