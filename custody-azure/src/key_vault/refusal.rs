use std::fmt;

use custody_core::Error;

use crate::http::{Call, Failing, refusal_of};

/// The meaning of a failed call to a vault: who could do what about it.
///
/// Source of the inner codes: "Azure Key Vault REST API error codes", read 2026-11-28; those of disabled and deleted
/// objects are as Microsoft's clients and their recordings have them.
pub(super) fn because(
    object: &(dyn fmt::Display + Sync),
    action: &'static str,
    call: &Call,
    error: azure_core::Error,
) -> Error {
    meaning(object, Failing { object, action }.because(call, error))
}

/// As [`because`], of a call that sends a key or another secret: the vault's words are left out, since they may repeat it;
/// its codes are kept.
pub(super) fn because_of_secret(
    object: &(dyn fmt::Display + Sync),
    action: &'static str,
    call: &Call,
    error: azure_core::Error,
) -> Error {
    meaning(object, Failing { object, action }.without_words(call, error))
}

fn meaning(object: &(dyn fmt::Display + Sync), error: Error) -> Error {
    let Some(refusal) = refusal_of(&error) else {
        return error;
    };
    let object = object.to_string();
    let meaning = match refusal.inner_code.as_deref().unwrap_or_default() {
        "ForbiddenByFirewall" | "ForbiddenByConnection" => Error::PermissionDenied {
            object,
            operation: "reaching the vault: its firewall lets only named addresses and private endpoints in. Have this \
                        host's address named there, or run where it is let in",
            source: Some(Box::new(refusal.clone())),
        },
        "SecretDisabled" => Error::Refused {
            object,
            reason: "it is disabled. Whoever keeps the vault can enable this version (az keyvault secret \
                     set-attributes --enabled true); then resume"
                .into(),
        },
        "KeyDisabled" => Error::Refused {
            object,
            reason: "it is disabled. Whoever keeps the vault can enable this version (az keyvault key set-attributes \
                     --enabled true); then resume"
                .into(),
        },
        "KeyNotYetValid" | "KeyExpired" => Error::Refused {
            object,
            reason: format!("it may not be used at this time ({refusal}). Whoever keeps the vault can change that"),
        },
        "KeyOperationForbidden" => Error::Refused {
            object,
            reason: format!("its key operations do not include this one ({refusal})"),
        },
        "ObjectIsDeletedButRecoverable" => Error::Precondition {
            object,
            expected: "a name that is free".into(),
            actual: "a secret that was deleted and can still be recovered. If it is this acquisition's, have it \
                     recovered (az keyvault secret recover); else have it purged, or wait until it is; then resume"
                .into(),
        },
        "ObjectIsBeingDeleted" => Error::Precondition {
            object,
            expected: "a name that is free".into(),
            actual: "a secret that is being deleted: wait a minute, have it recovered or purged, then resume".into(),
        },
        _ => return error,
    };
    match error.service() {
        Some(service) => meaning.answered(service.clone()),
        None => meaning,
    }
}
