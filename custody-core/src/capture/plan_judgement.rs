//! What stands against a plan, and what is to be known of it.

use std::collections::BTreeSet;

use super::plan::{Blocks, Plan, Refusal};
use super::process::{longest_grant_s, reckoned_s};
use super::region_rule;
use crate::custody_log::{AcquisitionSettings, Failure};
use crate::error::{Error, Remedy, Result};
use crate::ids::ByteLength;
use crate::port::{
    Machine, Protection, RightNeed, RightsFinding, SealSigner, SinkCapabilities, StoredObject,
};

impl Plan {
    /// Copies that may outlast the access to their sources are no refusal: the reckoning is a slow one.
    pub(super) fn judge_grants(&mut self) {
        let longest_s = longest_grant_s(&self.request.settings);
        let known = self.machine.disks.iter().map(|disk| {
            let known = disk.length.or(disk.reckoned_length);
            known.map_or(0, ByteLength::bytes)
        });
        let needed_s = reckoned_s(known);
        if needed_s > longest_s {
            let days = |seconds: u64| seconds.div_ceil(24 * 60 * 60);
            self.notes.push(format!(
                "copies of this size may take {} days, and access to the sources is asked for {}: allow more days for it \
                 in the settings, or a copy that takes longer fails and is begun anew",
                days(needed_s),
                days(longest_s)
            ));
        }
    }

    /// A right that is missing stands against what follows, never against the snapshot: trying that does no harm, and
    /// the provider's word on rights may be wrong.
    pub(super) fn judge_right(&mut self, finding: RightsFinding) {
        match finding {
            RightsFinding::Missing {
                scope,
                right,
                need: RightNeed::ToCapture,
            } => self.refuse(
                Blocks::WhatFollows,
                Remedy::FixPermission,
                format!(
                    "the right {right} is missing at {scope}: ask for it. Disk snapshots are tried all the same; if it is \
                     held after all, resume, which does not ask again"
                ),
            ),
            RightsFinding::Missing {
                scope,
                right,
                need: RightNeed::ToCleanUp,
            } => self.notes.push(format!(
                "the right {right} is missing at {scope}: what the capture makes there would be kept and named"
            )),
            RightsFinding::Missing {
                scope,
                right,
                need: RightNeed::ToRecord,
            } => self.notes.push(format!(
                "the right {right} is missing at {scope}: disks are captured all the same, and the record names what was not \
                 learned"
            )),
            RightsFinding::Unchecked { scope, reason } => self
                .notes
                .push(format!("could not check the rights at {scope}: {reason}")),
        }
    }

    /// Finds what the store, as far as it could be asked, has against the capture.
    pub(super) fn judge_store(
        &mut self,
        capabilities: SinkCapabilities,
        protection: Result<Protection>,
        listed: Result<Option<StoredObject>>,
    ) {
        let unasked = |what: &str, error: &Error| {
            let why = Failure::from(error).in_words();
            format!("{what} could not be found out: {why}")
        };
        match protection {
            Ok(protection) => {
                for reason in
                    storing_refusals(capabilities, &self.machine, &protection, &self.request.settings)
                {
                    self.refuse(Blocks::WhatFollows, Remedy::FixRequest, reason);
                }
                self.notes.extend(protection.cautions.iter().cloned());
                self.protection = Some(protection);
            }
            Err(error) => self.refuse(
                Blocks::WhatFollows,
                error.remedy(),
                unasked("what protects the store", &error),
            ),
        }
        match listed {
            Ok(None) => {}
            Ok(Some(taken)) => self.refuse(
                Blocks::TheSnapshot,
                Remedy::Retry,
                format!(
                    "{} lies where this acquisition would be stored: run it again for another acquisition id",
                    taken.name
                ),
            ),
            Err(error) => self.refuse(
                Blocks::WhatFollows,
                error.remedy(),
                unasked("whether the place for this acquisition is free", &error),
            ),
        }
    }

    fn refuse(&mut self, blocks: Blocks, remedy: Remedy, reason: String) {
        self.refusals.push(Refusal {
            blocks,
            reason,
            remedy,
        });
    }

    pub(super) fn find_refusals(&self, signers: &[std::sync::Arc<dyn SealSigner>]) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        let mut refuse = |blocks, reason: String| {
            refusals.push(Refusal {
                blocks,
                reason,
                remedy: Remedy::FixRequest,
            });
        };
        if self.machine.disks.is_empty() {
            refuse(
                Blocks::TheSnapshot,
                format!(
                    "{} has no disk to capture: name at least one",
                    self.machine.machine
                ),
            );
        }
        for obstacle in &self.machine.obstacles {
            refuse(Blocks::TheSnapshot, obstacle.clone());
        }
        let mut disks = BTreeSet::new();
        for disk in &self.machine.disks {
            if !disks.insert(&disk.disk) {
                refuse(
                    Blocks::TheSnapshot,
                    format!("{} is named twice: name each disk once", disk.disk),
                );
            }
        }
        let exhibits = self.request.exhibits.len();
        if exhibits != 0 && exhibits != self.machine.disks.len() {
            let disks = self.machine.disks.len();
            refuse(
                Blocks::TheSnapshot,
                format!("{exhibits} exhibit numbers for {disks} disks: give none, or one for each"),
            );
        }
        if self.machine.not_acquired.is_empty() {
            refuse(
                Blocks::TheSnapshot,
                "the provider does not say what it leaves out: report this as a fault".into(),
            );
        }
        let names: BTreeSet<&str> = signers
            .iter()
            .map(|signer| signer.verifier_key().name())
            .collect();
        if signers.is_empty() || names.len() != signers.len() {
            refuse(
                Blocks::TheSnapshot,
                "at least one signer is needed, each with a name of its own: make a key".into(),
            );
        }
        refusals
    }
}

/// What would lift several refusals at once. Where their remedies differ, the request is what has to be looked at.
pub(super) fn common_remedy(mut remedies: impl Iterator<Item = Remedy>) -> Remedy {
    let mut count = 0;
    let rights_alone = remedies.all(|remedy| {
        count += 1;
        remedy == Remedy::FixPermission
    });
    if rights_alone && count > 0 {
        Remedy::FixPermission
    } else {
        Remedy::FixRequest
    }
}

/// Why a sink may not take this evidence: asked when a capture is planned, and again whenever it goes on.
pub(super) fn storing_refusals(
    capabilities: SinkCapabilities,
    machine: &Machine,
    protection: &Protection,
    settings: &AcquisitionSettings,
) -> Vec<String> {
    let mut reasons = Vec::new();
    if !capabilities.import && !capabilities.deposit {
        reasons.push("the sink takes neither streams nor imports: choose another".into());
    }
    if let Some(floor) = settings.protection_floor
        && protection.kind < floor
    {
        reasons.push(format!(
            "the sink protects evidence less than was asked for ({floor:?}): {}; protect it, or ask for less",
            protection.statement
        ));
    }
    reasons.extend(region_rule::refusal(machine, protection, settings.regions));
    reasons.extend(protection.obstacles.iter().cloned());
    reasons
}
