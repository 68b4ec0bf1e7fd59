use serde::{Deserialize, Serialize};

/// Which calls a fault meets: all that match in every member.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FaultMatcher {
    /// The production name of the host; `*` stands for anything.
    pub host: String,
    /// The method, or `*`.
    pub method: String,
    /// The path as it comes, percent-encoded, without regard to case; `*` stands for anything.
    pub path: String,
    /// Text that the query has, without regard to case.
    pub query: String,
    /// The one of the matching calls that is met, counted from 1; all when none is named.
    pub nth: Option<u64>,
    /// How many of the matching calls are met, from the first on; all when none is named.
    pub times: Option<u64>,
}

impl Default for FaultMatcher {
    fn default() -> Self {
        Self {
            host: "*".into(),
            method: "*".into(),
            path: "*".into(),
            query: String::new(),
            nth: None,
            times: None,
        }
    }
}

impl FaultMatcher {
    pub(crate) fn matches(&self, host: &str, method: &str, path: &str, query: &str) -> bool {
        glob(&self.host, host)
            && glob(&self.method, method)
            && glob(&self.path, path)
            && query
                .to_ascii_lowercase()
                .contains(&self.query.to_ascii_lowercase())
    }

    /// Whether the matching call of that number, from 1, is met.
    pub(crate) fn meets(&self, number: u64) -> bool {
        self.nth.is_none_or(|nth| nth == number) && self.times.is_none_or(|times| number <= times)
    }
}

/// Whether a text has the form of a pattern, without regard to case; `*` stands for any text, also none.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    if !pattern.contains('*') {
        return rest.is_empty();
    }
    let mut last = "";
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = part;
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("*/snapshots/*", "/a/Snapshots/b", true),
            ("*/snapshots/*", "/a/disks/b", false),
            ("PUT", "put", true),
            ("PUT", "PUTS", false),
            ("a*a", "a", false),
            ("a*a", "aba", true),
            ("Microsoft.Compute/*/read", "microsoft.compute/disks/read", true),
            ("*/beginGetAccess", "/x/beginGetAccess/y", false),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }
}
