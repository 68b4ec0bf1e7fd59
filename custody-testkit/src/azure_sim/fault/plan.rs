use std::sync::{Mutex, PoisonError};

use super::{Fault, FaultAction};

/// The faults in force, with how many calls each has matched.
#[derive(Debug, Default)]
pub(crate) struct FaultPlan(Mutex<Vec<(Fault, u64)>>);

impl FaultPlan {
    pub(crate) fn new(faults: &[Fault]) -> Self {
        Self(Mutex::new(
            faults.iter().cloned().map(|fault| (fault, 0)).collect(),
        ))
    }

    pub(crate) fn add(&self, fault: Fault) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((fault, 0));
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Counts the call, and says what becomes of it.
    pub(crate) fn meet(&self, host: &str, method: &str, path: &str, query: &str) -> Vec<FaultAction> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut actions = Vec::new();
        for (fault, matched) in faults.iter_mut() {
            if fault.matcher.matches(host, method, path, query) {
                *matched += 1;
                if fault.matcher.meets(*matched) {
                    actions.push(fault.action.clone());
                }
            }
        }
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_call_alone_is_met() {
        let plan = FaultPlan::new(&[Fault::on("GET", "*", FaultAction::DropBefore).nth(2)]);
        let met = || plan.meet("h", "GET", "/", "").len();
        assert_eq!([met(), met(), met()], [0, 1, 0]);
        assert!(plan.meet("h", "PUT", "/", "").is_empty());
    }
}
