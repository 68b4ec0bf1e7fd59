use jiff::Timestamp;
use serde_json::{Value, json};

use super::Outcome;
use super::refusal::Refusal;

/// What secrets and keys have in common, one version each.
#[derive(Clone, Debug)]
pub(super) struct Attributes {
    pub(super) enabled: bool,
    pub(super) not_before: Option<i64>,
    pub(super) expires: Option<i64>,
    pub(super) created: i64,
    pub(super) updated: i64,
}

impl Attributes {
    pub(super) fn new(enabled: bool, not_before: Option<i64>, expires: Option<i64>, now: Timestamp) -> Self {
        Self {
            enabled,
            not_before,
            expires,
            created: now.as_second(),
            updated: now.as_second(),
        }
    }

    /// What a request sets.
    pub(super) fn of_request(body: &Value, now: Timestamp) -> Outcome<Self> {
        let mut attributes = Self::new(true, None, None, now);
        attributes.change(body, now)?;
        Ok(attributes)
    }

    /// What a request changes; what it leaves out stays.
    pub(super) fn change(&mut self, body: &Value, now: Timestamp) -> Outcome<()> {
        let given = &body["attributes"];
        if let Some(enabled) = given["enabled"].as_bool() {
            self.enabled = enabled;
        }
        let instant = |name: &str| given[name].as_i64();
        self.not_before = instant("nbf").or(self.not_before);
        self.expires = instant("exp").or(self.expires);
        if let (Some(from), Some(until)) = (self.not_before, self.expires)
            && from >= until
        {
            return Err(Refusal::parameter(
                "Property attributes has an nbf that is not before its exp.",
            ));
        }
        self.updated = now.as_second();
        Ok(())
    }

    /// Whether an instant lies outside of the time in which it is meant to be used.
    pub(super) fn is_out_of_time(&self, now: Timestamp) -> bool {
        let now = now.as_second();
        self.not_before.is_some_and(|from| now < from) || self.expires.is_some_and(|until| now >= until)
    }

    pub(super) fn render(&self, recovery: &Recovery) -> Value {
        let mut body = json!({
            "enabled": self.enabled, "created": self.created, "updated": self.updated,
            "recoveryLevel": recovery.level(), "recoverableDays": recovery.days
        });
        if let Some(from) = self.not_before {
            body["nbf"] = json!(from);
        }
        if let Some(until) = self.expires {
            body["exp"] = json!(until);
        }
        body
    }
}

/// How a vault keeps what was deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recovery {
    pub(super) days: u32,
    pub(super) purge_protection: bool,
}

impl Recovery {
    const fn level(self) -> &'static str {
        match (self.purge_protection, self.days) {
            (true, 90) => "Recoverable",
            (true, _) => "CustomizedRecoverable",
            (false, 90) => "Recoverable+Purgeable",
            (false, _) => "CustomizedRecoverable+Purgeable",
        }
    }

    pub(super) fn seconds(self) -> i64 {
        i64::from(self.days) * 24 * 60 * 60
    }
}

/// At most fifteen tags. Source: "About Azure Key Vault secrets", read 2026-11-21.
const MAX_TAGS: usize = 15;
/// Of a tag's name and of its value.
const MAX_TAG_CHARACTERS: usize = 512;

/// The tags of a request; none when it has none.
pub(super) fn tags(body: &Value) -> Outcome<Option<Value>> {
    let Some(tags) = body["tags"].as_object() else {
        return Ok(None);
    };
    if tags.len() > MAX_TAGS {
        return Err(Refusal::parameter(format!(
            "At most {MAX_TAGS} tags are allowed."
        )));
    }
    for (name, value) in tags {
        let Some(value) = value.as_str() else {
            return Err(Refusal::parameter("The value of a tag is a text."));
        };
        if [name.as_str(), value]
            .iter()
            .any(|text| text.chars().count() > MAX_TAG_CHARACTERS)
        {
            return Err(Refusal::parameter(format!(
                "A tag has more than {MAX_TAG_CHARACTERS} characters."
            )));
        }
    }
    Ok(Some(body["tags"].clone()))
}

/// A name of an object: 1 to 127 letters, digits and hyphens.
pub(super) fn check_name(name: &str) -> Outcome<()> {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain && (1..=127).contains(&name.len()) {
        return Ok(());
    }
    Err(Refusal::parameter(
        "The request URI contains an invalid name: 1 to 127 letters, digits and '-'.",
    ))
}
