use custody_azure::AzurePorts;
use custody_core::Error;

use super::check::{Check, CheckState};
use crate::printable;

const WHAT: &str = "vault of the security team";
/// The name of a digest that nobody puts there: looking for it changes nothing, and tells whether the vault lets us read.
const NO_DIGEST: &str = "custody-setup-check";

/// Whether the vault for keys and digests can be read. What writing in it takes is told by a plan, `--dry-run`.
pub(crate) async fn vault_check(ports: Option<&AzurePorts>) -> Check {
    let Some(ports) = ports else {
        return Check::new(WHAT, CheckState::CouldNotCheck, "not signed in");
    };
    let Some(register) = ports.digest_register() else {
        return Check::new(
            WHAT,
            CheckState::LeftOut,
            "none is named in [azure.vault]: keys of encrypted disks are not taken",
        );
    };
    match register.find(NO_DIGEST).await {
        Ok(_) => Check::ok(WHAT, format!("{register} answers, and can be read")),
        Err(error) => {
            let state = match error.meaning() {
                Error::PermissionDenied { .. } => CheckState::Missing,
                Error::NotFound { .. } | Error::Malformed { .. } | Error::Refused { .. } => CheckState::Wrong,
                _ => CheckState::CouldNotCheck,
            };
            let causes: Vec<String> = std::iter::once(error.to_string()).chain(error.causes()).collect();
            Check::new(WHAT, state, printable::lines(&causes.join(": ")))
        }
    }
}
