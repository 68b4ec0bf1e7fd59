use std::collections::BTreeMap;

use super::check::{Check, CheckState};
use super::container_checks::{ContainerWants, Wanted};

pub(super) const ACCOUNT: &str = "storage account";

/// A setting of an account that keeps evidence in, or strangers out, with the value that it must have.
///
/// Source: Microsoft's references of `supportsHttpsTrafficOnly` and `allowBlobPublicAccess`, read 2026-11-28. Its versions
/// differ on what holds where the latter is not told.
const SETTINGS: [Setting; 2] = [
    Setting {
        name: "supportsHttpsTrafficOnly",
        due: "true",
        otherwise: "it takes requests without TLS",
        want: |wants| wants.tls = Some(Wanted),
    },
    Setting {
        name: "allowBlobPublicAccess",
        due: "false",
        otherwise: "its blobs may be made public",
        want: |wants| wants.no_public_blobs = Some(Wanted),
    },
];

struct Setting {
    name: &'static str,
    due: &'static str,
    /// What holds where it has another value.
    otherwise: &'static str,
    want: fn(&mut ContainerWants),
}

/// Whether the account is as one for evidence must be, by what was observed of it.
pub(super) fn account_check(observed: &BTreeMap<String, String>, wants: &mut ContainerWants) -> Check {
    let told = |name: &str| observed.get(&format!("account {name}")).map(String::as_str);
    let region = told("location").unwrap_or("not told");
    let mut found = format!("there, in region {region}; evidence belongs into the region of its machines");
    let mut state = CheckState::Ok;
    for setting in &SETTINGS {
        let value = told(setting.name);
        if value == Some(setting.due) {
            continue;
        }
        (setting.want)(wants);
        match value {
            Some(value) => {
                state = CheckState::Wrong;
                found.push_str(&format!("; {} ({} is {value})", setting.otherwise, setting.name));
            }
            None => {
                if state == CheckState::Ok {
                    state = CheckState::CouldNotCheck;
                }
                found.push_str(&format!(
                    "; {} is not told: it may be that {}",
                    setting.name, setting.otherwise
                ));
            }
        }
    }
    let check = Check::new(ACCOUNT, state, found);
    if state == CheckState::Ok {
        return check;
    }
    check.with_next("have its settings changed: the commands below")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(settings: &[(&str, &str)]) -> (Check, ContainerWants) {
        let observed = settings
            .iter()
            .map(|(name, value)| (format!("account {name}"), (*value).to_owned()))
            .collect();
        let mut wants = ContainerWants::default();
        (account_check(&observed, &mut wants), wants)
    }

    const SOUND: [(&str, &str); 3] = [
        ("location", "westeurope"),
        ("supportsHttpsTrafficOnly", "true"),
        ("allowBlobPublicAccess", "false"),
    ];

    #[test]
    fn an_account_that_demands_tls_and_keeps_blobs_to_itself_is_as_it_must_be() {
        let (check, wants) = of(&SOUND);
        assert_eq!((check.state, wants), (CheckState::Ok, ContainerWants::default()));
        assert!(check.found.contains("westeurope"), "{check:?}");
    }

    #[test]
    fn one_that_lets_others_in_is_wrong_and_one_that_does_not_tell_is_not_known() {
        for (name, value, state, told) in [
            (
                "supportsHttpsTrafficOnly",
                Some("false"),
                CheckState::Wrong,
                "without TLS",
            ),
            (
                "allowBlobPublicAccess",
                Some("true"),
                CheckState::Wrong,
                "made public",
            ),
            (
                "supportsHttpsTrafficOnly",
                None,
                CheckState::CouldNotCheck,
                "without TLS",
            ),
            (
                "allowBlobPublicAccess",
                None,
                CheckState::CouldNotCheck,
                "made public",
            ),
        ] {
            let others = SOUND.into_iter().filter(|(other, _)| *other != name);
            let settings: Vec<_> = others.chain(value.map(|value| (name, value))).collect();
            let (check, wants) = of(&settings);
            assert_eq!(check.state, state, "{check:?}");
            assert!(
                check.found.contains(told) && check.found.contains(name),
                "{check:?}"
            );
            assert_eq!(check.next.len(), 1, "{check:?}");
            assert_eq!(
                (wants.tls.is_some(), wants.no_public_blobs.is_some()),
                (name.starts_with("supports"), name.starts_with("allow"))
            );
        }
        // What is known to be wrong outweighs what is not known.
        let (check, _) = of(&[("supportsHttpsTrafficOnly", "false")]);
        assert_eq!(check.state, CheckState::Wrong);
    }
}
