use custody_core::Error;
use custody_core::custody_log::VerifierKey;
use custody_core::ids::Segment;
use custody_core::port::SealSigner as _;
use custody_local::{KeyOrigin, StateFolder};
use serde_json::{Value, json};

use crate::console::Console;
use crate::failure::Failure;

/// The name of the key that is made when there is none: after the host.
pub(crate) fn name_of_first_key() -> String {
    let host = rustix::system::uname();
    format!("custody-{}", Segment::escape(host.nodename().to_bytes()))
}

/// The public halves of this host's keys, in order of their names.
pub(crate) fn keys(state: &StateFolder) -> Result<Vec<VerifierKey>, Error> {
    let trust = state.own_trust()?;
    let mut keys: Vec<VerifierKey> = trust.sets().iter().flat_map(|set| set.keys().cloned()).collect();
    keys.sort_by(|one, other| one.name().cmp(other.name()));
    Ok(keys)
}

/// Which key signs: the one that was asked for; otherwise the only one, or the first of this host, which may have to
/// be made.
pub(crate) fn choose(state: &StateFolder, asked: Option<&str>) -> Result<String, Failure> {
    if let Some(name) = asked {
        must_exist(state, name)?;
        return Ok(name.to_owned());
    }
    let keys = keys(state)?;
    let first = name_of_first_key();
    match keys.as_slice() {
        [] => Ok(first),
        [only] => Ok(only.name().to_owned()),
        many if many.iter().any(|key| key.name() == first) => Ok(first),
        many => {
            let names: Vec<&str> = many.iter().map(VerifierKey::name).collect();
            Err(Failure::usage(format!(
                "this host has {} signing keys: {}",
                many.len(),
                names.join(", ")
            ))
            .with_next("say which one signs, with --key NAME"))
        }
    }
}

/// Refuses the name of a key that this host does not have.
pub(crate) fn must_exist(state: &StateFolder, name: &str) -> Result<VerifierKey, Failure> {
    match state.signer(name) {
        Ok(signer) => Ok(signer.verifier_key().clone()),
        Err(error) if matches!(error.meaning(), Error::NotFound { .. }) => Err(Failure::from(error)
            .with_next("`custody key list` names this host's keys; `custody key new` makes one")),
        Err(error) => Err(error.into()),
    }
}

/// Says at once that a key was made: what follows may fail, and the key stays.
pub(crate) fn tell_of_new_key(key: &VerifierKey, console: &Console) {
    console.err(&format!(
        "custody: a signing key was made for this host: {}\n",
        key.name()
    ));
    console.err(&format!(
        "custody: write its fingerprint down, away from this host and from the store: {}\n",
        key.fingerprint()
    ));
}

/// What is known of the trust in a key, for the register.
pub(crate) const fn pinned(origin: KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::Existing => "key of this host's state folder",
        KeyOrigin::MadeNow => "made now, pinned nowhere",
    }
}

/// A key, for a program.
pub(crate) fn document(key: &VerifierKey) -> Value {
    json!({
        "name": key.name(),
        "key": key.to_string(),
        "fingerprint": key.fingerprint(),
    })
}
