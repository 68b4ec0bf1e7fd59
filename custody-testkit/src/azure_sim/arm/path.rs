use crate::azure_sim::http::decode;

/// The path of a call to ARM, taken apart. What is compared is in lower case; what is answered is as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct ArmPath {
    pub(crate) subscription: Option<String>,
    pub(crate) group: Option<String>,
    /// What stands before the last `/providers/`.
    pub(crate) scope: String,
    /// The provider and the types of the resource, in lower case: `microsoft.compute/snapshots`. Empty above providers.
    pub(crate) kind: String,
    /// The same as it came.
    kind_as_given: String,
    /// The names that stand after the types.
    pub(crate) names: Vec<String>,
    /// What follows the resource: a collection, an action.
    pub(crate) tail: Option<String>,
}

impl ArmPath {
    pub(crate) fn parse(path: &str) -> Self {
        let segments: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decode)
            .collect();
        let after = |word: &str| {
            let at = segments.iter().position(|part| part.eq_ignore_ascii_case(word))?;
            segments.get(at + 1).cloned()
        };
        let providers = segments
            .iter()
            .rposition(|part| part.eq_ignore_ascii_case("providers"));
        let (before, rest) = segments.split_at(providers.unwrap_or(segments.len()));
        let mut parsed = Self {
            subscription: after("subscriptions"),
            group: after("resourceGroups"),
            scope: before.iter().map(|part| format!("/{part}")).collect(),
            ..Self::default()
        };
        let Some((namespace, rest)) = rest.get(1..).and_then(<[String]>::split_first) else {
            return parsed;
        };
        parsed.kind_as_given = namespace.clone();
        for pair in rest.chunks(2) {
            match pair {
                [kind, name] => {
                    parsed.kind_as_given = format!("{}/{kind}", parsed.kind_as_given);
                    parsed.names.push(name.clone());
                }
                [tail] => parsed.tail = Some(tail.clone()),
                _ => {}
            }
        }
        parsed.kind = parsed.kind_as_given.to_lowercase();
        parsed
    }

    /// The id of the resource, or of what the tail is a collection or an action of.
    pub(crate) fn resource_id(&self) -> String {
        if self.kind_as_given.is_empty() {
            return self.scope.clone();
        }
        let mut types = self.kind_as_given.split('/');
        let namespace = types.next().unwrap_or_default();
        if self.names.is_empty() {
            return self.scope.clone();
        }
        let pairs: String = types
            .zip(&self.names)
            .map(|(kind, name)| format!("/{kind}/{name}"))
            .collect();
        format!("{}/providers/{namespace}{pairs}", self.scope)
    }

    /// The key under which the resource is kept.
    pub(crate) fn key(&self) -> String {
        self.resource_id().to_lowercase()
    }

    /// The last name.
    pub(crate) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The type as answers have it.
    pub(crate) fn kind_as_given(&self) -> &str {
        &self.kind_as_given
    }

    /// What one must be allowed to do; none where being known is enough.
    pub(crate) fn action(&self, method: &str) -> Option<String> {
        const FREE: [&str; 2] = ["permissions", "diskoperations"];
        let free = |word: &str| FREE.iter().any(|name| word.eq_ignore_ascii_case(name));
        let last_kind = self.kind.rsplit('/').next().unwrap_or_default();
        if self.tail.as_deref().is_some_and(free) || free(last_kind) {
            return None;
        }
        if self.kind.is_empty() {
            return Some("Microsoft.Resources/subscriptions/resourceGroups/read".into());
        }
        let of = match &self.tail {
            Some(tail) => format!("{}/{tail}", self.kind_as_given),
            None => self.kind_as_given.clone(),
        };
        Some(match method {
            "GET" | "HEAD" => format!("{of}/read"),
            "DELETE" => format!("{of}/delete"),
            "POST" => format!("{of}/action"),
            _ => format!("{of}/write"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_action_that_it_needs() {
        let group = "/subscriptions/s/resourceGroups/g";
        for (method, path, kind, action) in [
            (
                "PUT",
                "Microsoft.Compute/snapshots/x",
                "microsoft.compute/snapshots",
                "Microsoft.Compute/snapshots/write",
            ),
            (
                "POST",
                "Microsoft.Compute/snapshots/x/beginGetAccess",
                "microsoft.compute/snapshots",
                "Microsoft.Compute/snapshots/beginGetAccess/action",
            ),
            (
                "GET",
                "Microsoft.Compute/disks",
                "microsoft.compute",
                "Microsoft.Compute/disks/read",
            ),
            (
                "POST",
                "Microsoft.Storage/storageAccounts/a/blobServices/default/containers/c/setLegalHold",
                "microsoft.storage/storageaccounts/blobservices/containers",
                "Microsoft.Storage/storageAccounts/blobServices/containers/setLegalHold/action",
            ),
        ] {
            let parsed = ArmPath::parse(&format!("{group}/providers/{path}"));
            assert_eq!(parsed.kind, kind);
            assert_eq!(parsed.action(method).as_deref(), Some(action));
            assert_eq!(parsed.group.as_deref(), Some("g"));
        }
    }

    #[test]
    fn the_scope_of_an_extension_is_what_stands_before_it() {
        let vm = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v";
        let path = ArmPath::parse(&format!("{vm}/providers/Microsoft.Authorization/permissions"));
        assert_eq!(path.scope, vm);
        assert_eq!(path.resource_id(), vm);
        assert_eq!(path.action("GET"), None);
    }
}
