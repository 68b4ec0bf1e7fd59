//! What protects the store, compared over the time of a capture.

use std::collections::BTreeSet;

use crate::port::Protection;

/// What of it is another than before, in words; nothing where it is as it was.
pub(super) fn changes(before: &Protection, after: &Protection) -> Vec<String> {
    let mut changes = Vec::new();
    let mut compare = |name: &str, before: Option<String>, after: Option<String>| {
        if before != after {
            let word = |value: Option<String>| value.unwrap_or_else(|| "nothing".into());
            changes.push(format!("{name} was {} and is {}", word(before), word(after)));
        }
    };
    compare(
        "the protection",
        Some(before.statement.clone()),
        Some(after.statement.clone()),
    );
    let region = |side: &Protection| side.region.as_ref().map(ToString::to_string);
    compare("the region", region(before), region(after));
    let names: BTreeSet<&String> = before.observed.keys().chain(after.observed.keys()).collect();
    for name in names {
        compare(
            name,
            before.observed.get(name).cloned(),
            after.observed.get(name).cloned(),
        );
    }
    changes.extend(after.obstacles.iter().cloned());
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::ProtectionKind;

    #[test]
    fn what_changed_is_named_with_both_values() {
        let before = Protection::new(ProtectionKind::LegalHold, "held")
            .with_observed("tags", "case42")
            .with_observed("tls", "1.2");
        assert_eq!(changes(&before, &before), [""; 0]);
        let after = Protection::new(ProtectionKind::None, "nothing").with_observed("tls", "1.2");
        assert_eq!(
            changes(&before, &after),
            [
                "the protection was held and is nothing",
                "tags was case42 and is nothing"
            ]
        );
    }
}
