use async_trait::async_trait;
use custody_core::capture::DeletionWarrant;
use custody_core::ids::{AcquisitionId, MachineRef};
use custody_core::port::{
    Clock as _, DiskSnapshot, Machine, PlannedSnapshot, SnapshotKind, SnapshotOutcome, SnapshotPlan,
    Snapshotter,
};
use custody_core::{Acted, Error, Result};

use super::{FakeMachine, MachineState, Taken};
use crate::shared::Shared;

impl FakeMachine {
    fn take_one(
        &self,
        state: &mut MachineState,
        plan: &SnapshotPlan,
        planned: &PlannedSnapshot,
    ) -> Result<Acted<DiskSnapshot>> {
        let service = state.record("take");
        if plan.machine != self.reference {
            return Err(Error::NotFound {
                object: plan.machine.to_string(),
            });
        }
        if let Some(reason) = state.refuse_take.get(&planned.disk) {
            return Err(Error::Provider {
                object: planned.disk.to_string(),
                operation: "take a disk snapshot",
                source: Some(reason.clone().into()),
            }
            .answered(service));
        }
        if let Some(taken) = state.snapshots.get(&planned.name) {
            if taken.owner.as_ref() == Some(&plan.acquisition) && taken.snapshot.disk == planned.disk {
                return Ok(Acted {
                    value: taken.snapshot.clone(),
                    service,
                });
            }
            return Err(Error::AlreadyExists {
                object: planned.name.to_string(),
            }
            .answered(service));
        }
        let at = self.clock.now();
        let disk = state.disk(&planned.disk)?;
        let content = match disk.kind {
            SnapshotKind::InPlace => disk.content.clone(),
            SnapshotKind::Made | SnapshotKind::Existing => Shared::new(disk.content.lock().clone()),
        };
        let length = content.lock().length();
        let mut snapshot = DiskSnapshot::new(planned.name.clone(), planned.disk.clone(), disk.kind, length);
        if disk.kind != SnapshotKind::InPlace {
            snapshot = snapshot.with_taken_at(at);
        }
        if state.in_sets && disk.kind == SnapshotKind::Made {
            snapshot = snapshot.with_set(format!("set of {}", plan.acquisition).parse()?);
        }
        if disk.description.length.is_none() {
            snapshot = snapshot.with_length_at_opening();
        }
        let access = disk.access.clone();
        let taken = Taken {
            snapshot: snapshot.clone(),
            owner: Some(plan.acquisition.clone()),
            content,
            access,
        };
        state.snapshots.insert(planned.name.clone(), taken);
        Ok(Acted {
            value: snapshot,
            service,
        })
    }
}

#[async_trait]
impl Snapshotter for FakeMachine {
    async fn describe(&self, machine: &MachineRef) -> Result<Machine> {
        let mut state = self.state.lock();
        state.record("describe");
        if *machine != self.reference {
            return Err(Error::NotFound {
                object: machine.to_string(),
            });
        }
        let describe = |disk: &super::Disk| disk.description.clone().with_snapshot(disk.kind);
        let disks = state.disks.iter().map(describe).collect();
        let mut described = Machine::new(machine.clone(), "fake", disks, state.not_acquired.clone());
        described.region.clone_from(&state.region);
        described.obstacles.clone_from(&state.obstacles);
        Ok(described.with_attribute("power", "running"))
    }

    async fn take(&self, plan: &SnapshotPlan) -> Vec<SnapshotOutcome> {
        let mut state = self.state.lock();
        plan.snapshots
            .iter()
            .map(|planned| SnapshotOutcome {
                disk: planned.disk.clone(),
                result: self.take_one(&mut state, plan, planned),
            })
            .collect()
    }

    async fn list(&self, of: &AcquisitionId) -> Result<Vec<DiskSnapshot>> {
        let mut state = self.state.lock();
        state.record("list");
        let ours = state
            .snapshots
            .values()
            .filter(|taken| taken.owner.as_ref() == Some(of) && taken.snapshot.kind == SnapshotKind::Made);
        Ok(ours.map(|taken| taken.snapshot.clone()).collect())
    }

    async fn delete(&self, snapshot: &DiskSnapshot, warrant: DeletionWarrant) -> Result<Acted<()>> {
        let mut state = self.state.lock();
        let service = state.record("delete");
        if !warrant.covers(&snapshot.name) {
            return Err(Error::misuse(format!(
                "{warrant} was shown for deleting {}",
                snapshot.name
            )));
        }
        let immutable = || Error::Immutable {
            object: snapshot.name.to_string(),
            operation: "delete",
        };
        if snapshot.kind != SnapshotKind::Made {
            return Err(immutable());
        }
        let set = match state.snapshots.get(&snapshot.name) {
            Some(taken) if taken.owner.is_none() || taken.snapshot.kind != SnapshotKind::Made => {
                return Err(immutable());
            }
            Some(taken) => taken.snapshot.set.clone(),
            None => None,
        };
        let goes =
            |known: &DiskSnapshot| known.name == snapshot.name || (known.set.is_some() && known.set == set);
        let not_covered = state
            .snapshots
            .values()
            .find(|taken| goes(&taken.snapshot) && !warrant.covers(&taken.snapshot.name));
        if let Some(taken) = not_covered {
            return Err(Error::misuse(format!(
                "{warrant} does not cover {}, which goes with {}",
                taken.snapshot.name, snapshot.name
            )));
        }
        state.snapshots.retain(|_, taken| !goes(&taken.snapshot));
        Ok(Acted { value: (), service })
    }
}
