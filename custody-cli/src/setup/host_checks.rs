use custody_core::Error;
use custody_core::custody_log::VerifierKey;
use custody_core::port::SealSigner as _;
use custody_local::{FileSigner, KeyOrigin, StateFolder, SystemEntropy};

use super::check::{Check, CheckState};
use crate::console::Console;
use crate::failure::Failure;
use crate::printable;
use crate::signing;
use crate::state_place::StatePlace;

/// From here on a clock that is off gets in the way: access is granted from one instant to another.
const MAX_SECONDS_OFF: u64 = 5 * 60;
const CLOCK: &str = "clock of this host";
const STATE: &str = "state folder";
const SIGNER: &str = "signing key";

/// Whether something that is missing on this host is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Making {
    /// It is made.
    WhatIsMissing,
    /// Nothing is.
    Nothing,
}

/// The signing key, as far as there is one.
#[derive(Debug, Clone)]
pub(crate) struct KeyCheck {
    pub(crate) check: Check,
    pub(crate) key: Option<(VerifierKey, KeyOrigin)>,
}

/// This host's clock beside the service's.
pub(crate) fn ahead(seconds: Option<i64>) -> Check {
    let Some(seconds) = seconds else {
        return Check::new(
            CLOCK,
            CheckState::CouldNotCheck,
            "no answer of the service's told the time",
        )
        .with_next("see to the container above");
    };
    let off = seconds.unsigned_abs();
    let found = match seconds {
        0 => "the same as the service's".to_owned(),
        1.. => format!("{off} s ahead of the service's"),
        _ => format!("{off} s behind the service's"),
    };
    if off <= MAX_SECONDS_OFF {
        return Check::ok(CLOCK, found);
    }
    Check::new(
        CLOCK,
        CheckState::Wrong,
        format!(
            "{found}: access that begins and ends by the clock may be refused, and records carry its time"
        ),
    )
    .with_next("let the host keep time: timedatectl set-ntp true, or chronyc makestep")
}

/// The state folder: there, this user's own, closed to others, on a disk that stays.
pub(crate) fn state_folder(place: &StatePlace, making: Making) -> (Check, Option<StateFolder>) {
    let path = match place.path() {
        Ok(path) => path,
        Err(failure) => return (of_failure(STATE, &failure), None),
    };
    let what = format!("{STATE} {}", printable::path(&path));
    if making == Making::Nothing && path.try_exists().is_ok_and(|there| !there) {
        let next = format!("custody key new{}", place.words());
        let check = Check::new(what, CheckState::Missing, "not there yet").with_next(next);
        return (check, None);
    }
    let opened = match making {
        Making::WhatIsMissing => place.open().map(Some),
        Making::Nothing => place.open_existing(),
    };
    match opened {
        Ok(Some(state)) => {
            let found = "this user's own, closed to others, on a disk that stays";
            (Check::ok(what, found), Some(state))
        }
        Ok(None) => (
            Check::new(what, CheckState::Missing, "not there").with_next("run this again"),
            None,
        ),
        Err(failure) => (of_failure(&what, &failure), None),
    }
}

fn of_failure(what: &str, failure: &Failure) -> Check {
    let check = Check::new(what, CheckState::Wrong, failure.error());
    failure.steps().into_iter().fold(check, Check::with_next)
}

/// The key that signs: it is read, signs, and what it signed is verified.
pub(crate) async fn signer(
    state: Option<&StateFolder>,
    place: &StatePlace,
    asked: Option<&str>,
    making: Making,
    console: &Console,
) -> KeyCheck {
    let none = |check: Check| KeyCheck { check, key: None };
    let make = || {
        let name = asked.map(|name| format!(" --name {name}")).unwrap_or_default();
        format!("custody key new{name}{}", place.words())
    };
    let missing = || none(Check::new(SIGNER, CheckState::Missing, "none yet").with_next(make()));
    let Some(state) = state else {
        return none(
            Check::new(
                SIGNER,
                CheckState::CouldNotCheck,
                "there is no state folder to look in",
            )
            .with_next("see to the state folder above"),
        );
    };
    let loaded = match making {
        Making::WhatIsMissing => {
            name(state, asked).and_then(|name| Ok(state.signer_or_new(&name, &SystemEntropy::new())?))
        }
        Making::Nothing => match signing::keys(state) {
            Ok(keys) if keys.is_empty() && asked.is_none() => return missing(),
            Ok(_) => {
                signing::choose(state, asked).and_then(|name| Ok((state.signer(&name)?, KeyOrigin::Existing)))
            }
            Err(error) => Err(error.into()),
        },
    };
    let (signer, origin) = match loaded {
        Ok(loaded) => loaded,
        Err(failure) => return none(of_failure(SIGNER, &failure)),
    };
    let key = signer.verifier_key().clone();
    if origin == KeyOrigin::MadeNow {
        signing::tell_of_new_key(&key, console);
    }
    let check = match try_out(&signer).await {
        Ok(()) => {
            let made = match origin {
                KeyOrigin::MadeNow => ", made now: write the fingerprint down, away from this host",
                KeyOrigin::Existing => "",
            };
            Check::ok(
                SIGNER,
                format!(
                    "{} signs and verifies, fingerprint {}{made}",
                    key.name(),
                    key.fingerprint()
                ),
            )
        }
        Err(error) => Check::failed(SIGNER, &error),
    };
    KeyCheck {
        check,
        key: Some((key, origin)),
    }
}

/// The name of the key: one that was asked for is made where it is missing.
fn name(state: &StateFolder, asked: Option<&str>) -> Result<String, Failure> {
    match asked {
        Some(name) => Ok(name.to_owned()),
        None => signing::choose(state, None),
    }
}

async fn try_out(signer: &FileSigner) -> Result<(), Error> {
    const MESSAGE: &[u8] = b"custody setup: a signature to try the key, over nothing";
    let signature = signer.sign(MESSAGE).await?.value;
    if signer.verifier_key().verifies(MESSAGE, &signature) {
        return Ok(());
    }
    Err(Error::Integrity {
        object: format!("signing key {}", signer.verifier_key().name()),
        place: "a signature made now".into(),
        expected: "one that its public half verifies".into(),
        actual: "one that it does not".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_may_be_five_minutes_off_and_not_more() {
        for (seconds, state) in [
            (Some(0), CheckState::Ok),
            (Some(300), CheckState::Ok),
            (Some(-300), CheckState::Ok),
            (Some(301), CheckState::Wrong),
            (Some(-301), CheckState::Wrong),
            (None, CheckState::CouldNotCheck),
        ] {
            assert_eq!(ahead(seconds).state, state, "{seconds:?}");
        }
        assert!(ahead(Some(-400)).found.starts_with("400 s behind"));
    }
}
