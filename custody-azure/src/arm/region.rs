use custody_core::ids::Region;

/// A region as the Resource Manager spells it, in the one way that records have: without case and blanks, which do not
/// count (`West Europe` is `westeurope`). None for one that is not told.
///
/// Source: Microsoft's documentation of the `location` of resources ("location is compared without case and spaces"
/// in SDKs and templates), as commonly known.
pub(crate) fn region(location: &str) -> Option<Region> {
    let plain: String = location
        .chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect();
    custody_core::visible::escape(&plain).parse().ok()
}

/// The region of several resources, where it is one.
pub(crate) fn common_region<'a>(mut locations: impl Iterator<Item = &'a str>) -> Option<Region> {
    let first = region(locations.next()?)?;
    locations
        .all(|location| region(location).as_ref() == Some(&first))
        .then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_compared_without_case_and_blanks() {
        assert_eq!(region("West Europe"), region("westeurope"));
        assert_ne!(region("West Europe"), region("North Europe"));
        assert_eq!(region(" "), None);
        assert_eq!(
            common_region(["westeurope", "West Europe"].into_iter()),
            region("westeurope")
        );
        assert_eq!(common_region(["westeurope", "northeurope"].into_iter()), None);
        assert_eq!(common_region(["westeurope", ""].into_iter()), None);
        assert_eq!(common_region(std::iter::empty()), None);
    }
}
