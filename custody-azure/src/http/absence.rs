use custody_core::Error;

use super::failure::ERROR_CODE;

/// The codes by which the Resource Manager says that a resource is not there, or that what held it is not.
///
/// Source: `ResourceNotFound` is what a recorded look at a snapshot was answered; the others are as commonly known, and
/// were not read again here.
const GONE: [&str; 4] = [
    "ResourceNotFound",
    "NotFound",
    "ParentResourceNotFound",
    "ResourceGroupNotFound",
];

/// Whether the service says of the resource that was acted on, or read, that it is not there.
///
/// A subscription that is not found may be one that this identity is not shown, and a 404 without such a code may be
/// anybody's: neither tells that something is gone.
pub(crate) fn is_gone(error: &Error) -> bool {
    let code = error.service().and_then(|service| service.ids.get(ERROR_CODE));
    matches!(error.meaning(), Error::NotFound { .. })
        && code.is_some_and(|code| GONE.contains(&code.as_str()))
}

#[cfg(test)]
mod tests {
    use custody_core::ServiceRecord;

    use super::*;

    #[test]
    fn only_a_code_that_says_so_makes_a_resource_gone() {
        let not_found = |code: Option<&str>| {
            let error = Error::NotFound { object: "o".into() };
            let service = ServiceRecord::none();
            error.answered(match code {
                Some(code) => service.with_id(ERROR_CODE, code),
                None => service,
            })
        };
        for code in GONE {
            assert!(is_gone(&not_found(Some(code))), "{code}");
        }
        for code in [None, Some("SubscriptionNotFound"), Some("ContainerNotFound")] {
            assert!(!is_gone(&not_found(code)), "{code:?}");
        }
        let refused = Error::misuse("x").answered(ServiceRecord::none().with_id(ERROR_CODE, "NotFound"));
        assert!(!is_gone(&refused));
    }
}
