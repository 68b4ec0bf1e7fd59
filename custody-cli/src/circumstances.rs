use std::collections::BTreeMap;

use custody_core::custody_log::{Circumstances, Stated, Who, Why};
use custody_core::ids::Statement;
use custody_hash::Engine;
use custody_local::Host;

use crate::environment::Environment;
use crate::printable;
use crate::tool::Tool;

/// By this name a record holds who called `sudo`, as the environment says: nobody checked it.
const SUDO_USER: &str = "sudo-user-as-the-environment-says";

/// Who, where, how and why: what people state, beside what this host knows of itself and what a cloud calls us.
pub(crate) fn here(
    stated: Stated,
    why: Why,
    settings: BTreeMap<String, String>,
    engine: &Engine,
    signed_in: &BTreeMap<String, String>,
) -> Circumstances {
    let host = Host::observe();
    let mut authenticated = host.authenticated;
    authenticated.extend(signed_in.clone());
    if let Some(user) = Environment::read().sudo_user {
        authenticated.insert(SUDO_USER.into(), printable::name(&user));
    }
    let mut how = Tool::observe(engine).how();
    how.settings = settings;
    Circumstances::new(Who::new(stated, authenticated), host.place, how, why)
}

/// The circumstances of whoever goes on with what others began: their own host and tool; the people and the authority
/// as they were stated then, unless another examiner is named.
pub(crate) fn continued(
    before: &Circumstances,
    examiner: Option<&Statement>,
    settings: BTreeMap<String, String>,
    engine: &Engine,
    signed_in: &BTreeMap<String, String>,
) -> Circumstances {
    let mut stated = before.who.stated.clone();
    if let Some(examiner) = examiner {
        stated.examiner = examiner.clone();
    }
    here(stated, before.why.clone(), settings, engine, signed_in)
}
