//! Evidence lies in the machine's region unless that was decided otherwise.

use crate::custody_log::Regions;
use crate::port::{Machine, Protection};

/// Why the store may not take evidence of this machine, as far as regions go.
///
/// Where neither side has a region there are none, as on one host. Where one has and the other is not known, nothing
/// was compared, and that is said.
pub(super) fn refusal(machine: &Machine, protection: &Protection, allowed: Regions) -> Option<String> {
    if allowed == Regions::Any {
        return None;
    }
    let lift = "store it in a container of the machine's region; or, if that was decided, allow another region \
                (--allow-other-region), which is recorded";
    match (&machine.region, &protection.region) {
        (Some(machine), Some(store)) if machine == store => None,
        (None, None) => None,
        (Some(machine), Some(store)) => Some(format!(
            "the machine lies in the region {machine}, the store in {store}: {lift}"
        )),
        (Some(machine), None) => Some(format!(
            "could not check whether the store lies in the machine's region, {machine}: its own is not known; {lift}"
        )),
        (None, Some(store)) => Some(format!(
            "could not check whether the machine lies in the store's region, {store}: its own is not known, or its \
             disks lie in several; {lift}"
        )),
    }
}
