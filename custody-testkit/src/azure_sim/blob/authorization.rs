use super::refusal::Refused;
use super::sas;
use crate::azure_sim::entra::{Principal, TokenFault, principal_of};
use crate::azure_sim::http::{Call, Query};
use crate::azure_sim::world::World;

/// What a call needs to be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Read,
    List,
    /// Make something new; also where writing is allowed.
    Create,
    Write,
    Add,
    Delete,
    DeleteVersion,
    Immutability,
    ReadContainer,
    WriteContainer,
    DelegationKey,
}

impl Need {
    /// The letters of a signature of which one is enough.
    fn letters(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::List => "l",
            Self::Create => "cw",
            Self::Write => "w",
            Self::Add => "aw",
            Self::Delete => "d",
            Self::DeleteVersion => "x",
            Self::Immutability => "i",
            Self::ReadContainer | Self::WriteContainer | Self::DelegationKey => "",
        }
    }

    /// The action of the role, and whether it is one on data.
    fn action(self) -> (&'static str, bool) {
        match self {
            Self::Read | Self::List => (
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
                true,
            ),
            Self::Create | Self::Write | Self::Immutability => (
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
                true,
            ),
            Self::Add => (
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
                true,
            ),
            Self::Delete => (
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
                true,
            ),
            Self::DeleteVersion => (
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/deleteBlobVersion/action",
                true,
            ),
            Self::ReadContainer => (
                "Microsoft.Storage/storageAccounts/blobServices/containers/read",
                false,
            ),
            Self::WriteContainer => (
                "Microsoft.Storage/storageAccounts/blobServices/containers/write",
                false,
            ),
            Self::DelegationKey => (
                "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
                false,
            ),
        }
    }
}

/// What a call is about.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) account: &'a str,
    pub(super) container: &'a str,
    pub(super) blob: &'a str,
}

/// Who calls, if the call may be made.
pub(super) fn permit(
    world: &World,
    call: &Call,
    target: Target<'_>,
    need: Need,
) -> Result<Principal, Refused> {
    let account = world
        .accounts
        .get(target.account)
        .ok_or_else(Refused::no_container)?;
    if account.settings.https_only && !call.is_https() {
        return Err(Refused::new(
            400,
            "AccountRequiresHttps",
            "The account being accessed does not support http.",
        ));
    }
    let address = call.from.to_string();
    if account.settings.network_default_deny && !account.settings.network_allowed.contains(&address) {
        return Err(Refused::new(
            403,
            "AuthorizationFailure",
            "This request is not authorized to perform this operation.",
        ));
    }
    if sas::is_in(&call.query) {
        return permit_signed(world, call, &call.query, target, need);
    }
    let authorization = call.header("authorization");
    if authorization.is_some_and(|value| value.starts_with("SharedKey")) {
        return Err(Refused::new(
            403,
            "KeyBasedAuthenticationNotPermitted",
            "Key based authentication is not permitted on this storage account.",
        ));
    }
    let audiences = [
        world.scenario.cloud.storage_audience.clone(),
        format!("https://{}.{}", target.account, world.scenario.cloud.blob_suffix),
    ];
    let principal = principal_of(world, authorization, &audiences, call.at).map_err(|fault| match fault {
        TokenFault::Missing => Refused::new(
            401,
            "NoAuthenticationInformation",
            "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.",
        ),
        TokenFault::WrongAudience => {
            Refused::new(401, "InvalidAuthenticationInfo", "Authentication scheme Bearer: audience validation failed.")
        }
        TokenFault::Invalid | TokenFault::Expired => {
            Refused::new(401, "InvalidAuthenticationInfo", "Server failed to authenticate the request.")
        }
    })?;
    permit_principal(world, principal, target, need)
}

/// The same for a signature in any query: the call's own, or that of an address it names.
pub(super) fn permit_signed(
    world: &World,
    call: &Call,
    query: &Query,
    target: Target<'_>,
    need: Need,
) -> Result<Principal, Refused> {
    let signed = sas::check(world, call, query, target.account, target.container, target.blob)?;
    if !need
        .letters()
        .chars()
        .any(|letter| signed.permissions.contains(letter))
    {
        return Err(mismatch());
    }
    if query.is("sr", "b") && matches!(need, Need::List) {
        return Err(mismatch());
    }
    let principal = Principal {
        client_id: String::new(),
        object_id: signed.signer,
        tenant: signed.tenant,
    };
    permit_principal(world, principal, target, need)
}

fn permit_principal(
    world: &World,
    principal: Principal,
    target: Target<'_>,
    need: Need,
) -> Result<Principal, Refused> {
    let account = world
        .accounts
        .get(target.account)
        .ok_or_else(Refused::no_container)?;
    let scope = match target.container {
        "" => account.id.clone(),
        container => format!("{}/blobServices/default/containers/{container}", account.id),
    };
    let (action, on_data) = need.action();
    let may = if on_data {
        let write = Need::Write.action().0;
        world.may_on_data(&principal, action, &scope)
            || need == Need::Add && world.may_on_data(&principal, write, &scope)
    } else {
        world.may(&principal, action, &scope)
    };
    if may { Ok(principal) } else { Err(mismatch()) }
}

fn mismatch() -> Refused {
    Refused::new(
        403,
        "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
    )
}
