use std::fmt;
use std::str::FromStr;

use custody_core::{Error, Result};

use super::ResourceId;

/// A resource group: `/subscriptions/<subscription>/resourceGroups/<name>`.
///
/// Invariants: as [`ResourceId`]. Compared without regard to case, as the service does.
#[derive(Debug, Clone)]
pub struct ResourceGroup {
    subscription: String,
    name: String,
}

impl ResourceGroup {
    /// The group of this name in a subscription.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what cannot be part of a resource id.
    pub fn new(subscription: &str, name: &str) -> Result<Self> {
        ResourceId::new(subscription, name, "Microsoft.Resources/any", "any")?;
        Ok(Self {
            subscription: subscription.into(),
            name: name.into(),
        })
    }

    /// The group that a resource lies in.
    #[must_use]
    pub fn of(resource: &ResourceId) -> Self {
        Self {
            subscription: resource.subscription().into(),
            name: resource.group().into(),
        }
    }

    /// The subscription.
    #[must_use]
    pub fn subscription(&self) -> &str {
        &self.subscription
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for ResourceGroup {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.trim_end_matches('/').split('/').collect();
        match parts.as_slice() {
            ["", subscriptions, subscription, groups, name]
                if subscriptions.eq_ignore_ascii_case("subscriptions")
                    && groups.eq_ignore_ascii_case("resourceGroups") =>
            {
                Self::new(subscription, name)
            }
            _ => {
                let shown: String = text.chars().take(200).collect();
                Err(Error::malformed(
                    "Azure resource group",
                    format!(
                        "{:?} is not /subscriptions/SUBSCRIPTION/resourceGroups/NAME",
                        custody_core::visible::escape(&shown)
                    ),
                ))
            }
        }
    }
}

impl PartialEq for ResourceGroup {
    fn eq(&self, other: &Self) -> bool {
        self.to_string().eq_ignore_ascii_case(&other.to_string())
    }
}

impl Eq for ResourceGroup {}

impl fmt::Display for ResourceGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "/subscriptions/{}/resourceGroups/{}",
            self.subscription, self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_read_from_its_id_and_written_as_one() {
        let group: ResourceGroup = "/subscriptions/S/resourcegroups/prod".parse().unwrap();
        assert_eq!((group.subscription(), group.name()), ("S", "prod"));
        assert_eq!(group.to_string(), "/subscriptions/S/resourceGroups/prod");
        assert_eq!(group, ResourceGroup::new("s", "PROD").unwrap());
        for other in [
            "",
            "prod",
            "/subscriptions/S",
            "/subscriptions/S/resourceGroups/..",
            "/subscriptions/S/resourceGroups/g?x",
            "/subscriptions/S/resourceGroups/g/providers/P/t/n",
        ] {
            assert!(other.parse::<ResourceGroup>().is_err(), "{other}");
        }
    }
}
