use custody_azure::arm::{Arm, ContainerProtection, PolicyState};
use custody_azure::{BlobStore, host_clock_ahead_by};
use custody_core::ids::ObjectName;
use custody_core::port::{Clock as _, EvidenceReader as _, EvidenceSink as _, Protection, ProtectionKind};
use custody_core::{Error, ServiceRecord, layout};
use custody_local::SystemClock;
use futures::StreamExt as _;

use super::account_check::{ACCOUNT, account_check};
use super::check::{Check, CheckState};
use super::identity_checks::within;

/// What the container of the store is, and what is missing of it.
#[derive(Debug, Default)]
pub(crate) struct ContainerChecks {
    pub(crate) checks: Vec<Check>,
    pub(crate) wants: ContainerWants,
    /// By how many seconds this host's clock is ahead, where an answer told.
    pub(crate) ahead: Option<i64>,
}

/// What somebody has to do at the container, as far as is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ContainerWants {
    pub(crate) container: Option<Wanted>,
    pub(crate) policy: Option<Wanted>,
    pub(crate) lock: Option<Wanted>,
    pub(crate) hold: Option<Wanted>,
    /// That the account demands TLS.
    pub(crate) tls: Option<Wanted>,
    /// That the account lets no blob be made public.
    pub(crate) no_public_blobs: Option<Wanted>,
}

/// That something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted;

const CONTAINER: &str = "container";
const PROTECTION: &str = "protection of the container";
const STORING: &str = "storing evidence there";
const ANCHOR: &str = "log anchor in the container";
const READING: &str = "reading the container";

impl ContainerChecks {
    /// That nothing is known, since nobody has signed in.
    pub(crate) fn unknown() -> Self {
        let unknown = |what: &str| {
            Check::new(what, CheckState::CouldNotCheck, "nobody has signed in")
                .with_next("see to the sign-in above")
        };
        Self {
            checks: [ACCOUNT, CONTAINER, PROTECTION, ANCHOR, READING]
                .map(unknown)
                .into(),
            ..Self::default()
        }
    }

    /// Looks at the account and the container; writes nothing.
    pub(crate) async fn look(arm: &Arm, store: &BlobStore, floor: ProtectionKind) -> Self {
        let mut found = Self::default();
        let place = store.location();
        let what = format!("{CONTAINER} {} of {}", place.container, place.account.name());
        let asked = arm.container_protection(&place.account, &place.container);
        match within(what.clone(), asked).await {
            Ok(Ok(answer)) => {
                found.note_clock(Some(&answer.service));
                let account = account_check(&answer.value.observed, &mut found.wants);
                found.checks.push(account);
                found.checks.push(Check::ok(what, "there"));
                found.protection(&answer.value, store, floor).await;
                found.anchor(&answer.value);
            }
            Ok(Err(error)) => {
                found.note_clock(error.service());
                found.not_found(what, &error);
            }
            Err(late) => found.checks.push(late),
        }
        found.reading(store).await;
        found
    }

    fn note_clock(&mut self, answer: Option<&ServiceRecord>) {
        if let (Some(answer), Ok(clock)) = (answer, SystemClock::new()) {
            self.ahead = host_clock_ahead_by(answer, clock.now());
        }
    }

    fn not_found(&mut self, what: String, error: &Error) {
        let check = Check::failed(what, error);
        let follows = |what: &str| {
            Check::new(
                what,
                CheckState::CouldNotCheck,
                "the container could not be looked at",
            )
            .with_next("see to the container above")
        };
        self.checks.push(match error.meaning() {
            Error::NotFound { .. } => {
                self.wants.container = Some(Wanted);
                self.wants.policy = Some(Wanted);
                check.with_only_next("make it, in an account that is there: the commands below")
            }
            Error::PermissionDenied { .. } => {
                check.with_only_next("have the right granted: the commands below")
            }
            _ => check,
        });
        self.checks.push(follows(PROTECTION));
        self.checks.push(follows(ANCHOR));
    }

    async fn protection(&mut self, found: &ContainerProtection, store: &BlobStore, floor: ProtectionKind) {
        // Whether a log can grow there has a line of its own.
        let store = store.clone().with_logs_elsewhere();
        let protection: Protection = match within(PROTECTION.into(), store.protection()).await {
            Ok(Ok(protection)) => protection,
            Ok(Err(error)) => return self.checks.push(Check::failed(PROTECTION, &error)),
            Err(late) => return self.checks.push(late),
        };
        self.kind_of_protection(found, &protection, floor);
        self.storing(&protection);
    }

    /// What a capture would refuse to store there for, and what its plan would note.
    fn storing(&mut self, protection: &Protection) {
        for obstacle in &protection.obstacles {
            self.checks
                .push(Check::new(STORING, CheckState::Wrong, obstacle).with_next(
                    "do what is said there, or name another account or container: --account, --container",
                ));
        }
        for caution in &protection.cautions {
            self.checks.push(Check::new(STORING, CheckState::Note, caution));
        }
    }

    fn kind_of_protection(
        &mut self,
        found: &ContainerProtection,
        protection: &Protection,
        floor: ProtectionKind,
    ) {
        let statement = &protection.statement;
        if protection.kind >= floor {
            self.checks.push(Check::ok(PROTECTION, statement));
            return;
        }
        let wanted = match floor {
            ProtectionKind::LockedRetention => "a locked retention policy",
            _ => "a legal hold or a locked retention policy",
        };
        let check = Check::new(
            PROTECTION,
            CheckState::Missing,
            format!("{statement}; {wanted} is asked for"),
        );
        let check = match (&found.policy, floor) {
            (PolicyState::Unlocked { .. }, _) => {
                self.wants.lock = Some(Wanted);
                check.with_next("lock the policy, which cannot be undone: the commands below")
            }
            (_, ProtectionKind::LockedRetention) => {
                self.wants.policy = Some(Wanted);
                check.with_next("make a policy, and lock it, which cannot be undone: the commands below")
            }
            _ => {
                self.wants.hold = Some(Wanted);
                check.with_next("place a legal hold: the commands below")
            }
        };
        self.checks
            .push(check.with_next("or ask for less: --require-protection"));
    }

    fn anchor(&mut self, found: &ContainerProtection) {
        if found.appends {
            self.checks
                .push(Check::ok(ANCHOR, "lines may be appended to append blobs"));
            return;
        }
        let check = Check::new(
            ANCHOR,
            CheckState::Missing,
            "append blobs cannot grow in it: the custody log would have no place",
        );
        self.checks.push(match found.policy {
            PolicyState::Locked { .. } => check.with_next(
                "a locked policy cannot be changed: take another container, whose policy has allowProtectedAppendWritesAll",
            ),
            PolicyState::Unlocked { .. } => {
                self.wants.policy = Some(Wanted);
                check.with_next("let the policy have allowProtectedAppendWritesAll before it is locked: the commands below")
            }
            PolicyState::Absent => {
                self.wants.hold = Some(Wanted);
                check.with_next("let the hold have allowProtectedAppendWritesAll: the commands below")
            }
        });
    }

    /// Really reads: what lies below `probe/` is listed.
    async fn reading(&mut self, store: &BlobStore) {
        let Ok(folder) = layout::PROBE_FOLDER.parse::<ObjectName>() else {
            return;
        };
        let list = async {
            let mut listing = store.list(Some(folder));
            listing.next().await.transpose().map(drop)
        };
        let check = match within(READING.into(), list).await {
            Ok(Ok(())) => Check::ok(READING, "its blobs can be listed"),
            Ok(Err(error)) => {
                let check = Check::failed(READING, &error);
                match error.meaning() {
                    Error::PermissionDenied { .. } => check.with_only_next(
                        "have the right granted, and see whether the account's network rules let this host in",
                    ),
                    Error::NotFound { .. } => check.with_only_next("see to the container above"),
                    _ => check,
                }
            }
            Err(late) => late,
        };
        self.checks.push(check);
    }

    /// Really writes, where that was asked for.
    pub(crate) async fn probe(&mut self, store: &BlobStore) {
        let probe = match within("writing into the container".into(), store.probe()).await {
            Ok(Ok(probe)) => probe,
            Ok(Err(error)) => {
                return self
                    .checks
                    .push(Check::failed("writing into the container", &error));
            }
            Err(late) => return self.checks.push(late),
        };
        let folder = probe.folder;
        for (what, done, found) in [
            ("writing into the container", probe.stored, "stored"),
            ("reading back what was written", probe.read_back, "read back"),
            ("appending to a log in the container", probe.appended, "appended"),
        ] {
            self.checks.push(match done {
                Ok(()) => Check::ok(what, format!("{found} below {folder}/")),
                Err(error) => {
                    let check = Check::failed(what, &error);
                    match error.meaning() {
                        Error::PermissionDenied { operation, .. } => {
                            let next = format!("have the right granted at the container: {operation}");
                            check.with_only_next(next)
                        }
                        _ => check,
                    }
                }
            });
        }
    }
}
