//! Accounts that let themselves be copied to from some places only.

use custody_core::{Error, Result};

use super::BlobStore;
use crate::http::refusal_of;

/// The settings of `allowedCopyScope`: copies from accounts of the same tenant, or over private links, only.
///
/// Source: MicrosoftDocs/azure-docs, security-restrict-copy-operations, read 2026-11-21. That the export of a disk counts
/// as none of the tenant's is not verified.
const SCOPES: [&str; 2] = ["AAD", "PrivateLink"];

fn is_restricted(scope: &str) -> bool {
    SCOPES.iter().any(|known| known.eq_ignore_ascii_case(scope))
}

/// What is to be known of an account with this setting before disks are copied there.
pub(super) fn caution(account: &str, scope: Option<&str>) -> Option<String> {
    let scope = scope.filter(|scope| is_restricted(scope))?;
    Some(format!(
        "the allowedCopyScope of the storage account {account} is {scope}, so that Azure may refuse to copy disks there: a \
         disk whose copy is refused for it is read by this host and stored by stream, as a block blob that is no managed disk \
         as it is. To have disks copied, have the setting taken from the account, or name another one"
    ))
}

impl BlobStore {
    /// What the refusal of a copy means, where nothing lies under its name: an account whose `allowedCopyScope` keeps the
    /// copy from being made takes a stream.
    pub(super) async fn judged_by_scope(&self, error: Error) -> Error {
        let is_unauthorized = |status, code: &str| status == 403 && code == "AuthorizationFailure";
        let refusal = refusal_of(&error).filter(|refusal| is_unauthorized(refusal.status, &refusal.code));
        let Some(refusal) = refusal.map(ToString::to_string) else {
            return error;
        };
        let scope = self.arm.allowed_copy_scope(&self.location.account).await;
        let Some(judged) = self.judged(scope, &refusal, &error) else {
            return error;
        };
        match error.service() {
            Some(service) => judged.answered(service.clone()),
            None => judged,
        }
    }

    fn judged(&self, scope: Result<Option<String>>, refusal: &str, error: &Error) -> Option<Error> {
        match scope {
            Ok(scope) => {
                let scope = scope.filter(|scope| is_restricted(scope))?;
                Some(Error::Unsupported {
                    operation: "copying from the export of a disk, which the account's allowedCopyScope can be against,",
                    provider: format!("{self} (allowedCopyScope is {scope}; {refusal})"),
                })
            }
            Err(unread) => {
                let Error::PermissionDenied { operation, .. } = error.meaning() else {
                    return None;
                };
                Some(Error::PermissionDenied {
                    object: format!(
                        "{self} (a firewall of its account, or its allowedCopyScope, can be why; the latter could not be \
                         read: {unread})"
                    ),
                    operation,
                    source: Some(refusal.to_owned().into()),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_scope_that_restricts_is_cautioned_of() {
        for (scope, restricts) in [
            (None, false),
            (Some("All"), false),
            (Some("AAD"), true),
            (Some("privatelink"), true),
        ] {
            assert_eq!(caution("a", scope).is_some(), restricts, "{scope:?}");
        }
    }
}
