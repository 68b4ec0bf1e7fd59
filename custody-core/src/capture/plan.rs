//! What would be done, found out without changing anything.

use std::collections::BTreeSet;

use futures::StreamExt as _;

use super::plan_judgement::common_remedy;
use super::request::{CaptureRequest, StoreAsked};
use crate::custody_log::{AcquireMethod, PlannedItem};
use crate::error::{Error, Remedy, Result};
use crate::ids::{AcquisitionId, EvidenceItemId, ObjectName, Segment, SnapshotName};
use crate::layout;
use crate::port::{LogName, Machine, Protection, StoredObject};
use crate::ports::{KeyPorts, Ports};

/// What a refusal stands in the way of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a capture must decide on every kind of refusal"
)]
pub enum Blocks {
    /// Taking the disk snapshots, and so everything.
    TheSnapshot,
    /// What comes after: the disk snapshots are taken first, so that the evidence is preserved.
    WhatFollows,
}

/// A reason why a capture cannot be done as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// What it stands in the way of.
    pub blocks: Blocks,
    /// Why, and what would lift it.
    pub reason: String,
    /// What would lift it, by its kind.
    pub remedy: Remedy,
}

/// A capture as it would be done: read only until [`super::Capture::run`] takes it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plan {
    /// The acquisition.
    pub acquisition: AcquisitionId,
    /// What was asked for.
    pub request: CaptureRequest,
    /// The machine and its disks.
    pub machine: Machine,
    /// The items, one a disk.
    pub items: Vec<PlannedItem>,
    /// How items get into the sink.
    pub method: AcquireMethod,
    /// What protects the sink; none when it could not be asked, which is a refusal too, or is asked later.
    pub protection: Option<Protection>,
    /// Where the objects will lie.
    pub folder: ObjectName,
    /// Where the keys of encrypted disks go, and how they are kept there; none where no keys are taken.
    pub keys: Option<String>,
    /// Where else the digests go, where they do.
    pub digests: Option<String>,
    /// Why it cannot be done, if it cannot.
    pub refusals: Vec<Refusal>,
    /// What could not be found out, or would be left behind, and does not stand in the way.
    pub notes: Vec<String>,
}

impl Plan {
    /// The log of this acquisition.
    #[must_use]
    pub fn log(&self) -> LogName {
        LogName::Acquisition {
            case: self.request.case.clone(),
            acquisition: self.acquisition.clone(),
        }
    }

    /// Finds out what would be done.
    pub(super) async fn make(ports: &Ports, request: CaptureRequest) -> Result<Self> {
        let mut random = [0_u8; 4];
        ports.entropy.fill(&mut random)?;
        let now = ports.clock.now();
        let acquisition = AcquisitionId::new(now, random);
        let folder = layout::acquisition_folder(&request.case, &acquisition);
        // Asked together: a store that does not answer must not keep the evidence waiting for longer than it has to.
        let described = ports.snapshotter.describe(&request.machine);
        let (machine, store) = match request.store_asked {
            StoreAsked::WhenPlanned => {
                let protection = ports.sink.protection();
                let (machine, protection, listed) =
                    futures::future::join3(described, protection, first_object(ports, &folder)).await;
                (machine?, Some((protection, listed)))
            }
            StoreAsked::AfterSnapshots => (described.await?, None),
        };
        let capabilities = ports.sink.capabilities();
        let method = if capabilities.import {
            AcquireMethod::Import
        } else {
            AcquireMethod::Deposit
        };
        let items = name_items(&machine, &request, &now.compact())?;
        let mut plan = Self {
            acquisition,
            request,
            machine,
            items,
            method,
            protection: None,
            folder,
            keys: None,
            digests: ports.digests.as_ref().map(ToString::to_string),
            refusals: Vec::new(),
            notes: Vec::new(),
        };
        if let Some(keys) = &ports.keys {
            plan.say_where_keys_go(keys);
        }
        let reasons = plan.find_refusals(&ports.signers);
        plan.refusals.extend(reasons);
        plan.notes.append(&mut plan.machine.cautions);
        plan.judge_grants();
        let Some((protection, listed)) = store else {
            return Ok(plan);
        };
        plan.judge_store(capabilities, protection, listed);
        if let Some(rights) = &ports.rights {
            for finding in rights.check(&plan.machine).await {
                plan.judge_right(finding);
            }
        }
        Ok(plan)
    }

    fn say_where_keys_go(&mut self, ports: &KeyPorts) {
        self.keys = Some(match &ports.wrapper {
            Some(wrapper) => format!("{}, wrapped: {wrapper}", ports.escrow),
            None => format!("{}, as they are", ports.escrow),
        });
        let wrapper = ports.wrapper.as_ref();
        self.notes
            .extend(wrapper.map(|wrapper| wrapper.cautions()).unwrap_or_default());
    }

    /// An error when something blocks even the snapshot.
    pub(super) fn must_allow_snapshot(&self) -> Result<()> {
        self.must_allow(|refusal| refusal.blocks == Blocks::TheSnapshot)
    }

    /// What protects the sink; an error when something blocks what follows the snapshot.
    pub(super) fn must_allow_storing(&self) -> Result<Protection> {
        self.must_allow(|refusal| refusal.blocks == Blocks::WhatFollows)?;
        self.protection
            .clone()
            .ok_or_else(|| Error::misuse("a plan without refusals for a sink that was not asked"))
    }

    fn must_allow(&self, counts: impl Fn(&Refusal) -> bool) -> Result<()> {
        let counted: Vec<&Refusal> = self.refusals.iter().filter(|refusal| counts(refusal)).collect();
        if counted.is_empty() {
            return Ok(());
        }
        let reasons: Vec<&str> = counted.iter().map(|refusal| refusal.reason.as_str()).collect();
        Err(Error::refused(
            format!("capture of {}", self.machine.machine),
            reasons.join("; "),
            common_remedy(counted.iter().map(|refusal| refusal.remedy)),
        ))
    }

    /// What would lift all refusals of the plan: rights, where nothing else is wrong with it.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        common_remedy(self.refusals.iter().map(|refusal| refusal.remedy))
    }
}

/// Whatever lies in a folder first.
async fn first_object(ports: &Ports, folder: &ObjectName) -> Result<Option<StoredObject>> {
    let mut listed = ports.reader.list(Some(folder.clone()));
    listed.next().await.transpose()
}

/// Names items and snapshots: after the disks, each name once in the acquisition.
fn name_items(machine: &Machine, request: &CaptureRequest, time: &str) -> Result<Vec<PlannedItem>> {
    let mut taken: BTreeSet<String> = [
        layout::LOG_FILE,
        layout::MANIFEST_FILE,
        layout::ENVELOPE_FILE,
        layout::SUMS_FILE,
    ]
    .into_iter()
    .chain([layout::CHECKPOINTS_FOLDER])
    .map(str::to_ascii_lowercase)
    .collect();
    let mut items = Vec::new();
    for (number, disk) in (1..).zip(&machine.disks) {
        let item = EvidenceItemId::new(number);
        let name = crate::visible::unescape(&disk.name).unwrap_or_else(|| disk.name.clone().into_bytes());
        let mut file = Segment::escape(&name);
        if is_of_records(&file) {
            file = format!("{item}.{file}").parse()?;
        }
        // Suffixes of ours must not make two objects meet, on no file system: compared without case.
        if collides(&taken, &file) {
            file = file.with_infix(item.as_str());
        }
        if collides(&taken, &file) {
            let digest: String = crate::digest::Sha256Digest::of(disk.disk.as_str().as_bytes()).to_string();
            file = file.with_infix(digest.get(..16).unwrap_or_default());
        }
        taken.insert(file.as_str().to_ascii_lowercase());
        let snapshot: SnapshotName = format!("{time}-{file}").parse()?;
        let mut planned = PlannedItem::new(item, disk.disk.clone(), snapshot, file);
        planned.exhibit = usize::try_from(number - 1)
            .ok()
            .and_then(|i| request.exhibits.get(i).cloned());
        items.push(planned);
    }
    Ok(items)
}

/// Whether a machine record, or a list beside an item of this name and a machine record, could have the same name.
fn is_of_records(file: &Segment) -> bool {
    let name = file.as_str().to_ascii_lowercase();
    format!("{name}.").starts_with(layout::MACHINE_RECORD_PREFIX)
}

fn collides(taken: &BTreeSet<String>, file: &Segment) -> bool {
    let name = file.as_str().to_ascii_lowercase();
    let ours = [
        layout::CHUNK_LIST_SUFFIX,
        layout::ZERO_RANGES_SUFFIX,
        layout::MAP_SUFFIX,
        layout::NOTE_SUFFIX,
    ];
    taken.contains(&name)
        || ours
            .iter()
            .any(|suffix| name.ends_with(suffix) || taken.contains(&format!("{name}{suffix}")))
        || ours
            .iter()
            .any(|suffix| name.strip_suffix(suffix).is_some_and(|stem| taken.contains(stem)))
}
