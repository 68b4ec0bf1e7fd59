use custody_azure::{PrincipalKind, SignedIn};
use custody_core::port::ProtectionKind;
use serde_json::{Value, json};

use super::container_checks::ContainerWants;
use super::right_checks::NotHeld;
use super::roles::RoleScopes;

/// In the place of an object id that nobody told.
const UNKNOWN_OBJECT: &str = "OBJECT_ID_OF_THE_IDENTITY";

/// A command for whoever may do what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// What it is for.
    pub(crate) purpose: String,
    /// The command, for a shell.
    pub(crate) command: String,
}

impl Command {
    fn new(purpose: impl Into<String>, command: impl Into<String>) -> Self {
        Self {
            purpose: purpose.into(),
            command: command.into(),
        }
    }

    pub(crate) fn to_text(&self) -> String {
        format!("# {}\n{}\n", self.purpose, self.command)
    }

    pub(crate) fn document(&self) -> Value {
        json!({"purpose": self.purpose, "command": self.command})
    }
}

/// The commands that bring what is missing, in the order in which they work.
///
/// Source of their forms: Microsoft's reference of the Azure CLI, `az role`, `az storage account update`, `az storage
/// container-rm`, `az storage container immutability-policy`, `az storage container legal-hold`, read 2026-11-28. Not run
/// against Azure yet.
pub(crate) fn commands(
    scopes: &RoleScopes,
    not_held: &[NotHeld],
    wants: ContainerWants,
    floor: ProtectionKind,
    retention_days: u32,
    who: &SignedIn,
) -> Vec<Command> {
    let mut commands = container(scopes, wants, floor, retention_days);
    for role in scopes.roles() {
        let lacks = |scope: &&String| {
            not_held
                .iter()
                .any(|one| one.scope == **scope && role.rights.contains(&one.right))
        };
        let at: Vec<&String> = role.assigned_at.iter().filter(lacks).collect();
        if at.is_empty() {
            continue;
        }
        let name = &role.definition.name;
        let definition = json!(role.definition).to_string();
        commands.push(Command::new(
            format!("the role {name:?}; where it is there already: az role definition update"),
            format!(
                "az role definition create --role-definition {}",
                word(&definition)
            ),
        ));
        let object = who.object.as_deref().unwrap_or(UNKNOWN_OBJECT);
        let kind = match who.kind {
            PrincipalKind::ServicePrincipal => " --assignee-principal-type ServicePrincipal",
            PrincipalKind::User => " --assignee-principal-type User",
            PrincipalKind::Unknown => "",
        };
        for scope in at {
            commands.push(Command::new(
                format!("{name:?} for the identity; a new role is known after a minute or two"),
                format!(
                    "az role assignment create --assignee-object-id {object}{kind} --role {} --scope {}",
                    word(name),
                    word(scope)
                ),
            ));
        }
    }
    commands
}

fn container(
    scopes: &RoleScopes,
    wants: ContainerWants,
    floor: ProtectionKind,
    retention_days: u32,
) -> Vec<Command> {
    let account = &scopes.account;
    let (name, container) = (account.name(), word(&scopes.container));
    let at = format!(
        "--resource-group {} --subscription {}",
        word(account.group()),
        word(account.subscription())
    );
    let policy = format!(
        "az storage container immutability-policy {{}} --account-name {name} --container-name {container} {at}"
    );
    let policy = |verb: &str| policy.replace("{}", verb);
    let mut commands = Vec::new();
    for (wanted, purpose, option) in [
        (
            wants.tls,
            "requests with TLS only: whoever reaches the account without it is refused from then on",
            "--https-only true",
        ),
        (
            wants.no_public_blobs,
            "no blob of the account can be made public, in none of its containers",
            "--allow-blob-public-access false",
        ),
    ] {
        if wanted.is_some() {
            let update = format!("az storage account update --name {name} {at} {option}");
            commands.push(Command::new(purpose, update));
        }
    }
    if wants.container.is_some() {
        commands.push(Command::new(
            "the container",
            format!("az storage container-rm create --storage-account {name} --name {container} {at}"),
        ));
    }
    let unlocked = wants.policy.is_some() && floor != ProtectionKind::None;
    if unlocked {
        commands.push(Command::new(
            format!("a policy of {retention_days} days in which append blobs may grow; choose the days with --retention-days"),
            format!(
                "{} --period {retention_days} --allow-protected-append-writes-all true",
                policy("create")
            ),
        ));
    }
    if (unlocked || wants.lock.is_some()) && floor > ProtectionKind::UnlockedRetention {
        commands.push(Command::new(
            "the lock, WHICH CANNOT BE UNDONE: every object, the container and the account then stay until its days are over",
            format!(
                "{} --if-match \"$({} --query etag --output tsv)\"",
                policy("lock"),
                policy("show")
            ),
        ));
    }
    if wants.hold.is_some() {
        commands.push(Command::new(
            "a legal hold in which append blobs may grow; whoever may set it may clear it",
            format!(
                "az storage container legal-hold set --account-name {name} --container-name {container} {at} --tags custody --allow-protected-append-writes-all true"
            ),
        ));
    }
    commands
}

/// One word for a shell.
fn word(text: &str) -> String {
    crate::printable::word(std::path::Path::new(text))
}
