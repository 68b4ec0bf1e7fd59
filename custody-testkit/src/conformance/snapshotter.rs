//! The clauses of [`Snapshotter`](custody_core::port::Snapshotter).

mod harness;

use std::collections::BTreeSet;
use std::time::Duration;

use custody_core::capture::{DeletionWarrant, DiscardOrder};
use custody_core::ids::{ByteLength, DiskId, EvidenceItemId, SnapshotName};
use custody_core::port::{DiskSnapshot, GrantOptions, PlannedSnapshot, SnapshotKind};
use custody_core::{Error, Result};

pub use harness::SnapshotterHarness;

use super::clause::{ClauseFailure, Conforms, ensure, refused, suite};

const OURS: &str = "20261121T203015Z-0123abcd";
const OTHER: &str = "20261121T203015Z-ffffffff";

fn warrant(snapshot: &SnapshotName) -> DeletionWarrant {
    DeletionWarrant::for_discard(&DiscardOrder::unlogged_for_conformance_tests(snapshot.clone()))
}

/// The snapshots that go when this one goes, itself among them.
fn together<'a>(
    snapshot: &'a DiskSnapshot,
    all: &'a [DiskSnapshot],
) -> impl Iterator<Item = &'a DiskSnapshot> {
    all.iter().filter(move |other| {
        other.name == snapshot.name || (other.set.is_some() && other.set == snapshot.set)
    })
}

/// A warrant for a snapshot and all that goes with it.
fn warrant_for_all(snapshot: &DiskSnapshot, all: &[DiskSnapshot]) -> DeletionWarrant {
    let others = together(snapshot, all).filter(|other| other.name != snapshot.name);
    others.fold(warrant(&snapshot.name), |joint, other| {
        joint.and(warrant(&other.name))
    })
}

fn made(snapshots: &[DiskSnapshot]) -> BTreeSet<SnapshotName> {
    let made = snapshots
        .iter()
        .filter(|snapshot| snapshot.kind == SnapshotKind::Made);
    made.map(|snapshot| snapshot.name.clone()).collect()
}

/// `SN-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn sn_01_describing_changes_nothing_and_names_what_is_not_taken(
    harness: &SnapshotterHarness,
) -> Conforms {
    let state = async || -> Result<String, ClauseFailure> {
        let told = harness.fingerprint.as_ref().map(|fingerprint| fingerprint());
        Ok(format!("{told:?} {:?}", harness.listed(&OURS.parse()?).await?))
    };
    let before = state().await?;
    let machine = harness.snapshotter.describe(&harness.machine).await?;
    ensure!(
        !machine.not_acquired.is_empty(),
        "nothing is named as not acquired"
    );
    ensure!(
        machine.machine == harness.machine,
        "another machine is described: {}",
        machine.machine
    );
    let again = harness.snapshotter.describe(&harness.machine).await?;
    ensure!(machine == again, "described again, the machine differs");
    let after = state().await?;
    ensure!(before == after, "describing changed {before} to {after}");
    Ok(())
}

/// `SN-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn sn_02_one_failure_does_not_hide_the_others(harness: &SnapshotterHarness) -> Conforms {
    let mut plan = harness.plan(OURS, "sn02").await?;
    let absent: DiskId = "no-such-disk".parse()?;
    let planned = PlannedSnapshot::new(EvidenceItemId::new(99), absent.clone(), "sn02-absent".parse()?);
    // First, so that whoever stops at a failure answers for nothing else.
    plan.snapshots.insert(0, planned);
    let outcomes = harness.snapshotter.take(&plan).await;
    for planned in &plan.snapshots {
        let answers: Vec<_> = outcomes
            .iter()
            .filter(|outcome| outcome.disk == planned.disk)
            .collect();
        let [answer] = answers.as_slice() else {
            let count = answers.len();
            return Err(ClauseFailure::new(format!(
                "{count} answers for {}",
                planned.disk
            )));
        };
        let due = planned.disk != absent;
        ensure!(
            answer.result.is_ok() == due,
            "the answer for {} is {:?}",
            planned.disk,
            answer.result
        );
    }
    ensure!(
        outcomes.len() == plan.snapshots.len(),
        "{} answers in all",
        outcomes.len()
    );
    Ok(())
}

/// `SN-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn sn_03_taking_again_adopts(harness: &SnapshotterHarness) -> Conforms {
    let plan = harness.plan(OURS, "sn03").await?;
    let first = harness.taken(&plan).await?;
    for (snapshot, planned) in first.iter().zip(&plan.snapshots) {
        ensure!(
            snapshot.name == planned.name,
            "{} was planned, {} taken",
            planned.name,
            snapshot.name
        );
        ensure!(
            snapshot.disk == planned.disk,
            "{} is of {}",
            snapshot.name,
            snapshot.disk
        );
    }
    let count = harness.listed(&plan.acquisition).await?.len();
    let second = harness.taken(&plan).await?;
    ensure!(first == second, "taken again, {first:?} became {second:?}");
    let now = harness.listed(&plan.acquisition).await?.len();
    ensure!(now == count, "taken again, {count} snapshots became {now}");
    Ok(())
}

/// `SN-04`.
///
/// # Errors
/// How the clause is broken.
pub async fn sn_04_a_taken_name_is_refused_and_left_alone(harness: &SnapshotterHarness) -> Conforms {
    let Some(put) = &harness.foreign else {
        return Err(ClauseFailure::not_offered("something foreign (`with_foreign`)"));
    };
    let plan = harness.plan(OURS, "sn04").await?;
    let Some(taken) = plan.snapshots.first() else {
        return Ok(());
    };
    let is_intact = put(&taken.name, &taken.disk);
    for outcome in harness.snapshotter.take(&plan).await {
        if outcome.disk == taken.disk {
            refused!(
                outcome.result,
                Error::AlreadyExists { .. },
                "a snapshot under a taken name"
            );
        }
    }
    ensure!(is_intact(), "what others had under {} was changed", taken.name);
    Ok(())
}

/// `SN-05`.
///
/// # Errors
/// How the clause is broken.
pub async fn sn_05_what_was_made_is_listed(harness: &SnapshotterHarness) -> Conforms {
    let (ours, other) = (
        harness.plan(OURS, "sn05").await?,
        harness.plan(OTHER, "sn05-other").await?,
    );
    let before = harness.listed(&ours.acquisition).await?;
    ensure!(before.is_empty(), "listed before anything was taken: {before:?}");
    for plan in [&ours, &other] {
        let due = made(&harness.taken(plan).await?);
        let listed = harness.listed(&plan.acquisition).await?;
        ensure!(listed == due, "made were {due:?}, listed are {listed:?}");
    }
    Ok(())
}

/// `SN-06`.
///
/// # Errors
/// How the clause is broken.
pub async fn sn_06_a_warrant_is_for_one_snapshot(harness: &SnapshotterHarness) -> Conforms {
    let plan = harness.plan(OURS, "sn06").await?;
    let taken = harness.taken(&plan).await?;
    let mut due = made(&taken);
    for snapshot in &taken {
        let other: SnapshotName = format!("{}-other", snapshot.name).parse()?;
        refused!(
            harness.snapshotter.delete(snapshot, warrant(&other)).await,
            Error::Misuse { .. },
            "deleting {} on a warrant for {other}",
            snapshot.name
        );
        let listed = harness.listed(&plan.acquisition).await?;
        ensure!(listed == due, "after a refused deletion, {listed:?} are there");
    }
    for snapshot in taken
        .iter()
        .filter(|snapshot| snapshot.kind == SnapshotKind::Made)
    {
        for time in ["once", "again"] {
            let outcome = harness
                .snapshotter
                .delete(snapshot, warrant_for_all(snapshot, &taken))
                .await;
            if let Err(error) = outcome {
                return Err(ClauseFailure::new(format!(
                    "deleting {} {time}: {error}",
                    snapshot.name
                )));
            }
        }
        due.retain(|name| together(snapshot, &taken).all(|gone| gone.name != *name));
        let listed = harness.listed(&plan.acquisition).await?;
        ensure!(
            listed == due,
            "after deleting {}, {listed:?} are there",
            snapshot.name
        );
    }
    Ok(())
}

/// `SN-07`.
///
/// # Errors
/// How the clause is broken.
pub async fn sn_07_only_what_was_made_is_deleted(harness: &SnapshotterHarness) -> Conforms {
    let plan = harness.plan(OURS, "sn07").await?;
    let taken = harness.taken(&plan).await?;
    let kept: Vec<_> = taken
        .iter()
        .filter(|snapshot| snapshot.kind != SnapshotKind::Made)
        .collect();
    if kept.is_empty() {
        return Err(ClauseFailure::not_offered(
            "a disk that is read in place or from an existing snapshot",
        ));
    }
    for snapshot in kept {
        refused!(
            harness
                .snapshotter
                .delete(snapshot, warrant(&snapshot.name))
                .await,
            Error::Immutable { .. },
            "deleting {}, which is {:?}",
            snapshot.name,
            snapshot.kind
        );
        let state = harness.access.state(snapshot).await;
        ensure!(
            state.is_ok(),
            "{} is gone after a refused deletion: {state:?}",
            snapshot.name
        );
    }
    Ok(())
}

/// `SN-08`.
///
/// # Errors
/// How the clause is broken.
pub async fn sn_08_the_length_is_what_reading_gives(harness: &SnapshotterHarness) -> Conforms {
    let plan = harness.plan(OURS, "sn08").await?;
    let described = harness.snapshotter.describe(&plan.machine).await?;
    for snapshot in harness.taken(&plan).await? {
        let disk = described.disks.iter().find(|disk| disk.disk == snapshot.disk);
        let is_described = disk.map(|disk| disk.length.is_some());
        ensure!(
            is_described == Some(snapshot.length.is_some()),
            "the description of {} tells a length: {is_described:?}; its snapshot tells {:?}",
            snapshot.disk,
            snapshot.length
        );
        let options = GrantOptions::lasting(Duration::from_secs(3600));
        let grant = harness.access.grant(&snapshot, options).await?.value;
        let length = harness.access.open(&snapshot, &grant).await?.image.length();
        harness.access.revoke(&snapshot).await?;
        let told = snapshot.length.map_or(length, ByteLength::bytes);
        ensure!(
            length == told,
            "{} is told to have {told} bytes, reading gives {length}",
            snapshot.name
        );
    }
    Ok(())
}

/// `SN-09`.
///
/// # Errors
/// How the clause is broken.
pub async fn sn_09_what_goes_together_goes_on_one_warrant(harness: &SnapshotterHarness) -> Conforms {
    let plan = harness.plan(OURS, "sn09").await?;
    let taken = harness.taken(&plan).await?;
    let in_set = |snapshot: &&DiskSnapshot| together(snapshot, &taken).count() > 1;
    let Some(one) = taken.iter().find(in_set) else {
        return Err(ClauseFailure::not_offered("snapshots that go together"));
    };
    let mut due = made(&taken);
    let members: Vec<&DiskSnapshot> = together(one, &taken).collect();
    for member in &members {
        let spared: Vec<&&DiskSnapshot> = members.iter().filter(|other| other.name != member.name).collect();
        let all_but_one = spared.iter().skip(1).fold(warrant(&member.name), |joint, other| {
            joint.and(warrant(&other.name))
        });
        refused!(
            harness.snapshotter.delete(member, all_but_one).await,
            Error::Misuse { .. },
            "deleting {} on a warrant that does not cover all of its set",
            member.name
        );
        let listed = harness.listed(&plan.acquisition).await?;
        ensure!(listed == due, "after a refused deletion, {listed:?} are there");
    }
    harness
        .snapshotter
        .delete(one, warrant_for_all(one, &taken))
        .await?;
    due.retain(|name| members.iter().all(|gone| gone.name != *name));
    let listed = harness.listed(&plan.acquisition).await?;
    ensure!(
        listed == due,
        "after deleting the set of {}, {listed:?} are there",
        one.name
    );
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `Snapshotter` as tests, on a [`SnapshotterHarness`](crate::conformance::snapshotter::SnapshotterHarness).
    snapshotter_conformance, snapshotter, SnapshotterHarness, [
        sn_01_describing_changes_nothing_and_names_what_is_not_taken,
        sn_02_one_failure_does_not_hide_the_others,
        sn_03_taking_again_adopts,
        sn_04_a_taken_name_is_refused_and_left_alone,
        sn_05_what_was_made_is_listed,
        sn_06_a_warrant_is_for_one_snapshot,
        sn_07_only_what_was_made_is_deleted,
        sn_08_the_length_is_what_reading_gives,
        sn_09_what_goes_together_goes_on_one_warrant,
    ]
}
