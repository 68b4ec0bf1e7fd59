use std::fmt;
use std::str::FromStr;

use custody_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// The longest id that is taken, in bytes.
const MAX_ID_BYTES: usize = 2048;

/// The id of a resource in Azure Resource Manager:
/// `/subscriptions/…/resourceGroups/…/providers/<namespace>/<type>/<name>[/<type>/<name>…]`.
///
/// Compared without regard to case, as the service does. Invariants: subscription, resource group, provider and at
/// least one type and name, none of them empty; only characters that stand for themselves in an address, so that an
/// id never leads anywhere but to its resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceId(String);

impl ResourceId {
    /// The id of a resource of a type (`Microsoft.Compute/snapshots`) in a group.
    ///
    /// # Errors
    /// As parsing.
    pub fn new(subscription: &str, group: &str, kind: &str, name: &str) -> Result<Self> {
        format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}").parse()
    }

    /// The id of a child: `restorePoints`, `rp1`.
    ///
    /// # Errors
    /// As parsing.
    pub fn child(&self, kind: &str, name: &str) -> Result<Self> {
        format!("{}/{kind}/{name}", self.0).parse()
    }

    /// The subscription.
    #[must_use]
    pub fn subscription(&self) -> &str {
        self.part(1)
    }

    /// The resource group.
    #[must_use]
    pub fn group(&self) -> &str {
        self.part(3)
    }

    /// The last name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The full type, in lower case: `microsoft.compute/snapshots`.
    #[must_use]
    pub fn kind(&self) -> String {
        let parts: Vec<&str> = self.parts().skip(5).collect();
        let mut kind = parts.first().copied().unwrap_or_default().to_owned();
        for part in parts.iter().skip(1).step_by(2) {
            kind.push('/');
            kind.push_str(part);
        }
        kind.to_ascii_lowercase()
    }

    /// The id of the resource that this one is a child of; `None` for one that is no child.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let parts: Vec<&str> = self.parts().collect();
        let cut = parts.len().checked_sub(2).filter(|cut| *cut >= 8)?;
        Some(Self(format!("/{}", parts.get(..cut)?.join("/"))))
    }

    /// The text, as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').skip(1)
    }

    fn part(&self, number: usize) -> &str {
        self.parts().nth(number).unwrap_or_default()
    }
}

/// Letters, digits and what Azure allows in names, none of which means anything in an address.
fn plain(part: &str) -> bool {
    !part.is_empty()
        && !matches!(part, "." | "..")
        && part
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')'))
}

impl FromStr for ResourceId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let malformed = |reason: &str| {
            let shown: String = text.chars().take(200).collect();
            Err(Error::malformed(
                "Azure resource id",
                format!("{:?} {reason}", custody_core::visible::escape(&shown)),
            ))
        };
        if text.len() > MAX_ID_BYTES {
            return malformed("is too long");
        }
        let Some(rest) = text.strip_prefix('/') else {
            return malformed("does not begin with /subscriptions/");
        };
        let parts: Vec<&str> = rest.split('/').collect();
        let named = |number: usize, word: &str| {
            parts
                .get(number)
                .is_some_and(|part: &&str| part.eq_ignore_ascii_case(word))
        };
        if !named(0, "subscriptions") || !named(2, "resourceGroups") || !named(4, "providers") {
            return malformed("is not /subscriptions/…/resourceGroups/…/providers/…");
        }
        // Namespace, then type and name by twos.
        if parts.len() < 8 || !parts.len().is_multiple_of(2) {
            return malformed("does not name a resource");
        }
        if !parts.iter().all(|part| plain(part)) {
            return malformed("has a part that is empty or has unusual characters");
        }
        Ok(Self(text.to_owned()))
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ResourceId {}

impl TryFrom<String> for ResourceId {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ResourceId> for String {
    fn from(id: ResourceId) -> Self {
        id.0
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_parts_and_its_parent() {
        let id: ResourceId = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/\
             restorePointCollections/c/restorePoints/r/diskRestorePoints/d"
            .parse()
            .unwrap();
        assert_eq!((id.subscription(), id.group(), id.name()), ("s", "g", "d"));
        assert_eq!(
            id.kind(),
            "microsoft.compute/restorepointcollections/restorepoints/diskrestorepoints"
        );
        assert_eq!(id.parent().unwrap().name(), "r");
        assert!(id.parent().unwrap().parent().unwrap().parent().is_none());
    }

    #[test]
    fn ids_are_equal_without_regard_to_case() {
        let one = ResourceId::new("S", "G", "Microsoft.Compute/disks", "D").unwrap();
        let other = ResourceId::new("s", "g", "microsoft.compute/DISKS", "d").unwrap();
        assert_eq!(one, other);
    }

    #[test]
    fn an_id_that_leads_elsewhere_is_refused() {
        for hostile in [
            "",
            "/",
            "no-such-disk",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/..",
            "/subscriptions/s/resourceGroups/../providers/Microsoft.Compute/disks/d",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d?x=1",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d#f",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/%2e%2e",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/a//b",
            "/subscriptions/s/resourceGroups/g\\h/providers/Microsoft.Compute/disks/d",
            "//evil.example/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d",
        ] {
            assert!(hostile.parse::<ResourceId>().is_err(), "{hostile} was taken");
        }
    }
}
