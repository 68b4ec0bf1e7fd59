use custody_azure::arm::{Arm, ResourceGroup, ResourceId, Right, RightPlace, RightStep, RoleAction};
use custody_core::port::RightNeed;
use custody_core::{Error, Result};

use super::check::{Check, CheckState};
use super::identity_checks::within;
use super::roles::RoleScopes;

/// A right that is not held at a scope, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotHeld {
    pub(crate) right: &'static str,
    pub(crate) scope: String,
}

/// A place to ask about.
enum Scope {
    Group(ResourceGroup),
    Resource(ResourceId),
}

impl Scope {
    fn id(&self) -> String {
        match self {
            Self::Group(group) => group.to_string(),
            Self::Resource(id) => id.to_string(),
        }
    }

    async fn missing(&self, arm: &Arm, needed: &[RoleAction]) -> Result<Vec<RoleAction>> {
        match self {
            Self::Group(group) => arm.missing_in_group(group, needed).await,
            Self::Resource(id) => Ok(arm.missing_actions(id, needed).await?.missing),
        }
    }
}

/// Each right at each scope, as role assignments tell; with nobody signed in, that nothing is known of it.
pub(crate) async fn right_checks(arm: Option<&Arm>, scopes: &RoleScopes) -> (Vec<Check>, Vec<NotHeld>) {
    let mut checks = Vec::new();
    let mut not_held = Vec::new();
    if scopes.sources.is_empty() {
        checks.push(
            Check::new(
                "rights at the machines",
                CheckState::CouldNotCheck,
                "no resource group of theirs was named",
            )
            .with_next("name them: --source-group /subscriptions/SUBSCRIPTION/resourceGroups/NAME …"),
        );
    }
    let mut places: Vec<(Scope, Vec<&'static Right>)> = Vec::new();
    for group in &scopes.sources {
        places.push((Scope::Group(group.clone()), scopes.rights(RightPlace::Source)));
    }
    for group in scopes.snapshot_groups() {
        places.push((Scope::Group(group), scopes.rights(RightPlace::Snapshots)));
    }
    places.push((
        Scope::Resource(scopes.account.clone()),
        scopes.rights(RightPlace::Account),
    ));
    if let Ok(container) = scopes.container_id().parse() {
        places.push((Scope::Resource(container), scopes.rights(RightPlace::Container)));
    }
    for (scope, rights) in places {
        let answer = match arm {
            None => None,
            Some(arm) => {
                let needed: Vec<RoleAction> = rights.iter().map(|right| right.role_action()).collect();
                let what = format!("rights at {}", scope.id());
                Some(within(what, scope.missing(arm, &needed)).await)
            }
        };
        for right in rights {
            let what = format!("right {} at {}", right.action(), scope.id());
            let check = match &answer {
                None => Check::new(what, CheckState::CouldNotCheck, "nobody has signed in")
                    .with_next("see to the sign-in above"),
                Some(Ok(Ok(missing))) if missing.contains(&right.role_action()) => {
                    not_held.push(NotHeld {
                        right: right.action(),
                        scope: scope.id(),
                    });
                    missing_right(what, right)
                }
                Some(Ok(Ok(_))) => Check::ok(what, "held, as role assignments tell"),
                Some(Ok(Err(error))) => unknown_right(what, error),
                Some(Err(late)) => Check { what, ..late.clone() },
            };
            checks.push(check);
        }
    }
    (checks, not_held)
}

fn missing_right(what: String, right: &Right) -> Check {
    let found = match right.need() {
        RightNeed::ToCapture => "not held",
        RightNeed::ToCleanUp => "not held: what a capture makes there would be kept and named",
        RightNeed::ToRecord => {
            "not held: disks are captured all the same, and the record names what was not learned"
        }
    };
    let check = Check::new(what, CheckState::Missing, found);
    let check = check.with_next("have it granted: the commands below");
    match right.step() {
        RightStep::Recording => check.with_next("or leave these out: --disks-only"),
        RightStep::RestorePoint | RightStep::PointReading => {
            check.with_next("or leave these out: --consistency disk-snapshots")
        }
        _ => check,
    }
}

fn unknown_right(what: String, error: &Error) -> Check {
    let check = Check::failed(what, error);
    match error.meaning() {
        Error::NotFound { .. } => check.with_only_next("see whether the scope is spelled right, and is there"),
        Error::PermissionDenied { .. } => Check {
            state: CheckState::CouldNotCheck,
            ..check
        }
        .with_only_next(
            "the identity may not see its own rights here: have somebody who may look at its role assignments, az role assignment list --all --assignee OBJECT",
        ),
        _ => check,
    }
}
