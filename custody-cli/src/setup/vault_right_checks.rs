use custody_azure::arm::{Arm, ResourceId};
use custody_azure::{VaultPlace, VaultRight};
use custody_core::Error;

use super::check::{Check, CheckState};
use super::identity_checks::within;
use super::right_checks::NotHeld;
use super::roles::RoleScopes;
use crate::azure::VaultPlace as NamedVault;

/// Each right in vaults, as role assignments tell; nothing where no vault is named to keep keys in.
pub(crate) async fn vault_right_checks(
    arm: Option<&Arm>,
    scopes: &RoleScopes,
    named: Option<&NamedVault>,
) -> (Vec<Check>, Vec<NotHeld>) {
    let (mut checks, mut not_held) = (Vec::new(), Vec::new());
    if named.is_none() && scopes.owner_vaults.is_empty() {
        return (checks, not_held);
    }
    if scopes.owner_vaults.is_empty() {
        checks.push(Check::new(
            "rights in key vaults of the machines' owners",
            CheckState::LeftOut,
            "none was named with --owner-vault ID; the plan of a capture (--dry-run) names what is missing in those that its disks name",
        ));
    }
    if named.is_some() && scopes.vault.is_none() {
        checks.push(
            Check::new(
                "rights in the key vault",
                CheckState::CouldNotCheck,
                "its resource id is not told, and rights are asked for by it",
            )
            .with_next("name it: --vault-id ID (az keyvault show --name NAME --query id -o tsv)"),
        );
    }
    let owners = scopes
        .owner_vaults
        .iter()
        .map(|vault| (vault, VaultPlace::Owners));
    let center = scopes.vault.iter().map(|vault| (vault, VaultPlace::Center));
    for (vault, place) in owners.chain(center) {
        let rights = scopes.vault_rights(place);
        let answer = match arm {
            None => None,
            Some(arm) => {
                let what = format!("rights at {vault}");
                Some(within(what, VaultRight::missing_at(arm, vault, &rights)).await)
            }
        };
        for right in rights {
            let what = format!("right {} at {vault}", right.action());
            checks.push(match &answer {
                None => Check::new(what, CheckState::CouldNotCheck, "nobody has signed in")
                    .with_next("see to the sign-in above"),
                Some(Ok(Ok(missing))) if missing.contains(&right) => {
                    not_held.push(NotHeld {
                        right: right.action(),
                        scope: vault.to_string(),
                    });
                    Check::new(what, CheckState::Missing, "not held")
                        .with_next("have it granted: the commands below")
                }
                Some(Ok(Ok(_))) => Check::ok(what, "held, as role assignments tell"),
                Some(Ok(Err(error))) => unknown(what, vault, error),
                Some(Err(late)) => Check { what, ..late.clone() },
            });
        }
    }
    (checks, not_held)
}

fn unknown(what: String, vault: &ResourceId, error: &Error) -> Check {
    let check = Check {
        state: CheckState::CouldNotCheck,
        ..Check::failed(what, error)
    };
    match error.meaning() {
        // Access policies decide.
        Error::Refused { .. } => check.with_only_next(format!(
            "have somebody look: az keyvault show --ids {vault} --query properties.accessPolicies"
        )),
        Error::NotFound { .. } => {
            check.with_only_next("see whether the vault's id is spelled right, and is there")
        }
        _ => check,
    }
}
