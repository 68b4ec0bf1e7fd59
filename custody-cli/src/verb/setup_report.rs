//! What `custody setup` answers.

use std::fmt;

use custody_core::Remedy;
use custody_core::custody_log::VerifierKey;
use custody_local::KeyOrigin;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printable;
use crate::setup::{Change, Check, CheckState, Command, Role, RoleScopes, SettingsDocument};
use crate::signing;
use crate::state_place::StatePlace;

/// What became of the settings file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhatHappened {
    Made,
    Changed,
    Unchanged,
}

impl WhatHappened {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What was set up, and what was found.
pub(super) struct Report<'a> {
    pub(super) document: &'a SettingsDocument,
    pub(super) happened: WhatHappened,
    pub(super) key: Option<(VerifierKey, KeyOrigin)>,
    pub(super) checks: Vec<Check>,
    pub(super) commands: Vec<Command>,
    pub(super) roles: Vec<Role>,
    pub(super) state: &'a StatePlace,
}

impl Report<'_> {
    pub(super) fn answer(&self) -> Answer {
        let failure = self.failure();
        let key = self.key.as_ref().map(|(key, origin)| {
            let mut document = signing::document(key);
            let made = match origin {
                KeyOrigin::MadeNow => "made",
                KeyOrigin::Existing => "existing",
            };
            if let Some(members) = document.as_object_mut() {
                members.insert("origin".into(), json!(made));
            }
            document
        });
        let document = json!({
            "settings": {
                "file": printable::path(self.document.path()),
                "state": self.happened.as_str(),
                "changes": self.document.changes().iter().map(Change::document).collect::<Vec<_>>(),
            },
            "key": key,
            "checks": self.checks.iter().map(Check::document).collect::<Vec<_>>(),
            "commands": self.commands.iter().map(Command::document).collect::<Vec<_>>(),
            "roles": roles_document(&self.roles),
        });
        Answer::new(self.text(), document).with_failure(failure)
    }

    fn text(&self) -> String {
        let mut text = format!(
            "settings  {} ({})\n",
            printable::path(self.document.path()),
            self.happened.as_str()
        );
        for change in self.document.changes() {
            text.push_str(&format!("          {}\n", printable::text(&change.to_string())));
        }
        if let Some((key, _)) = &self.key {
            text.push_str(&format!("key       {}  {}\n", key.name(), key.fingerprint()));
        }
        text.push('\n');
        for check in &self.checks {
            text.push_str(&check.to_text());
        }
        if !self.commands.is_empty() {
            text.push_str("\nWhat is missing in Azure, for whoever may grant it; read each command before it is run:\n\n");
            for command in &self.commands {
                text.push_str(&printable::lines(&command.to_text()));
            }
        }
        text
    }

    fn failure(&self) -> Option<Failure> {
        let count = |state| self.checks.iter().filter(|check| check.state == state).count();
        let standing = self.checks.iter().filter(|check| check.state.stands_in_the_way());
        let first = standing.clone().next()?;
        let all = standing.count();
        let counted: Vec<String> = [
            (CheckState::Missing, "missing"),
            (CheckState::Wrong, "not as it must be"),
            (CheckState::CouldNotCheck, "could not be checked"),
        ]
        .into_iter()
        .filter(|(state, _)| count(*state) > 0)
        .map(|(state, word)| format!("{} {word}", count(state)))
        .collect();
        let again = format!(
            "when that is done: custody setup azure --check-only --config {}{}, with the same --source-group",
            printable::word(self.document.path()),
            self.state.words()
        );
        let failure = Failure::new(
            Exit::Incomplete,
            format!(
                "not ready: {} of {} checks: {}",
                all,
                self.checks.len(),
                counted.join(", ")
            ),
            Remedy::FixRequest,
        );
        let failure = failure.with_cause(format!("first: {}: {}", first.what, first.found));
        let failure = first.next.iter().cloned().fold(failure, Failure::with_next);
        Some(failure.with_next(again))
    }
}

/// The role definitions, and nothing else.
pub(super) fn roles_answer(scopes: &RoleScopes) -> Result<Answer, Failure> {
    if scopes.sources.is_empty() {
        return Err(
            Failure::usage("no resource group of machines is named, and roles are made for one")
                .with_next("give --source-group /subscriptions/SUBSCRIPTION/resourceGroups/NAME"),
        );
    }
    let roles = roles_document(&scopes.roles());
    let text = format!("{roles:#}\n");
    Ok(Answer::new(text, json!({"roles": roles})))
}

fn roles_document(roles: &[Role]) -> Value {
    roles
        .iter()
        .map(|role| json!({"definition": role.definition, "assign_at": role.assigned_at}))
        .collect()
}

impl Change {
    fn document(&self) -> Value {
        json!({"member": self.member, "before": self.before, "after": self.after})
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(nothing)".into());
        match &self.before {
            None => write!(f, "{} = {}", self.member, shown(&self.after)),
            Some(before) => write!(f, "{}: {before} -> {}", self.member, shown(&self.after)),
        }
    }
}
