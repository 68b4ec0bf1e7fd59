use custody_core::port::{ImportOptions, ImportState, ObjectState, ProtectionKind};

use super::harness::SinkHarness;
use crate::conformance::clause::{ClauseFailure, Conforms, ensure};
use crate::fake::pattern;

/// `ES-06`: absent, stored, importing, foreign.
///
/// # Errors
/// How the clause is broken.
pub async fn es_06_states_are_told_apart(harness: &SinkHarness) -> Conforms {
    let state = async |file: &str| {
        harness
            .sink
            .state(&harness.name(file), &harness.acquisition)
            .await
    };
    let absent = state("absent").await?;
    ensure!(absent == ObjectState::Absent, "what is not there is {absent:?}");

    let receipt = harness
        .store(&harness.name("stored"), &pattern(1234, 1))
        .await?
        .value;
    match state("stored").await? {
        ObjectState::Stored(told) => {
            ensure!(
                told.object == receipt.object,
                "the receipt is for {}",
                told.object
            );
            ensure!(
                told.length == receipt.length,
                "{} bytes were stored, told: {}",
                receipt.length,
                told.length
            );
            ensure!(
                told.version == receipt.version,
                "the version was {:?}, told: {:?}",
                receipt.version,
                told.version
            );
        }
        other => return Err(ClauseFailure::new(format!("what was stored is {other:?}"))),
    }

    let Some(put) = &harness.foreign else {
        return Err(ClauseFailure::not_offered("something foreign (`with_foreign`)"));
    };
    put(&harness.name("foreign"));
    let foreign = state("foreign").await?;
    ensure!(foreign == ObjectState::Foreign, "what others made is {foreign:?}");

    if harness.sink.capabilities().import {
        let Some((grant, bytes)) = &harness.grant else {
            return Err(ClauseFailure::not_offered(
                "a grant to import from (`with_grant`)",
            ));
        };
        let options = ImportOptions::new(harness.acquisition.clone(), bytes.len() as u64);
        let began = harness
            .sink
            .import(&harness.name("importing"), grant, options)
            .await?
            .value;
        let told = state("importing").await?;
        let fits = match &told {
            ObjectState::Importing(_) => matches!(began, ImportState::Pending { .. }),
            ObjectState::Stored(_) => true,
            ObjectState::Absent | ObjectState::Foreign => false,
        };
        ensure!(fits, "an import that is {began:?} is told as {told:?}");
    }
    Ok(())
}

/// `ES-06`: an error, never `Absent`.
///
/// # Errors
/// How the clause is broken.
pub async fn es_06_what_cannot_be_told_is_an_error(harness: &SinkHarness) -> Conforms {
    let Some(blind) = &harness.blind else {
        return Err(ClauseFailure::not_offered(
            "a sink that cannot tell (`with_blind_sink`)",
        ));
    };
    let told = blind.state(&harness.name("anything"), &harness.acquisition).await;
    ensure!(told.is_err(), "what cannot be told is {told:?}");
    Ok(())
}

/// How strong a protection is, weakest first. A kind that this list does not know is the strongest, so
/// that nothing passes by being new.
const fn rank(kind: ProtectionKind) -> u8 {
    match kind {
        ProtectionKind::None => 0,
        ProtectionKind::ReadOnlyMode => 1,
        ProtectionKind::ImmutableAttribute => 2,
        ProtectionKind::UnlockedRetention => 3,
        ProtectionKind::LegalHold => 4,
        ProtectionKind::LockedRetention => 5,
        _ => 6,
    }
}

/// `ES-08`.
///
/// # Errors
/// How the clause is broken.
pub async fn es_08_no_more_protection_is_claimed_than_holds(harness: &SinkHarness) -> Conforms {
    let claimed = harness.sink.protection().await?;
    ensure!(
        !claimed.statement.trim().is_empty(),
        "the protection of the sink has no statement"
    );
    ensure!(
        rank(claimed.kind) <= rank(harness.holds),
        "the sink claims {:?}, what holds is {:?}",
        claimed.kind,
        harness.holds
    );
    let name = harness.name("protected");
    let receipt = harness.store(&name, &pattern(1000, 1)).await?.value;
    if let Some(protection) = receipt.protection {
        ensure!(
            rank(protection.kind) <= rank(harness.holds),
            "a receipt claims {:?}, what holds is {:?}",
            protection.kind,
            harness.holds
        );
    }
    Ok(())
}
