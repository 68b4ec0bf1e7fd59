use custody_core::Error;
use custody_core::ids::ObjectName;
use custody_core::port::{GrantReach, ImportOptions, ImportState, ObjectState, ReadGrant, Receipt};

use super::harness::SinkHarness;
use crate::conformance::clause::{ClauseFailure, Conforms, ensure, refused};

/// How often a copy is asked about before it counts as stuck.
const MAX_POLLS: u32 = 100_000;

/// Asks until the copy is finished.
async fn finished(harness: &SinkHarness, name: &ObjectName) -> Result<Receipt, ClauseFailure> {
    for _ in 0..MAX_POLLS {
        match harness.sink.state(name, &harness.acquisition).await? {
            ObjectState::Importing(ImportState::Pending { .. }) => {}
            ObjectState::Stored(receipt) | ObjectState::Importing(ImportState::Done(receipt)) => {
                return Ok(receipt);
            }
            other => {
                return Err(ClauseFailure::new(format!(
                    "the import of {name} became {other:?}"
                )));
            }
        }
    }
    Err(ClauseFailure::new(format!(
        "the import of {name} does not finish"
    )))
}

/// `ES-11`. A sink that does not import is asserted to refuse.
///
/// # Errors
/// How the clause is broken.
pub async fn es_11_an_import_that_is_repeated_is_adopted(harness: &SinkHarness) -> Conforms {
    let name = harness.name("imported");
    if !harness.sink.capabilities().import {
        let grant = ReadGrant::new("custody-testkit://nowhere", "", None);
        let options = ImportOptions::new(harness.acquisition.clone(), 10);
        let outcome = harness.sink.import(&name, &grant, options).await;
        refused!(
            outcome,
            Error::Unsupported { .. },
            "an import, which the sink does not offer"
        );
        return Ok(());
    }
    let Some((grant, bytes)) = &harness.grant else {
        return Err(ClauseFailure::not_offered(
            "a grant to import from (`with_grant`)",
        ));
    };
    let options = || ImportOptions::new(harness.acquisition.clone(), bytes.len() as u64);
    for call in ["first", "second", "third"] {
        let outcome = harness.sink.import(&name, grant, options()).await;
        let state = outcome
            .map_err(|error| ClauseFailure::new(format!("the {call} import: {error}")))?
            .value;
        ensure!(
            !matches!(state, ImportState::Failed(_)),
            "the {call} import: {state:?}"
        );
    }
    let receipt = finished(harness, &name).await?;
    let found = harness.found(&name).await?;
    ensure!(
        found.as_deref() == Some(bytes.as_slice()),
        "{name} does not have the bytes of the source"
    );
    ensure!(
        receipt.length.bytes() == bytes.len() as u64,
        "the receipt tells {} bytes",
        receipt.length
    );

    match harness.sink.import(&name, grant, options()).await?.value {
        ImportState::Done(again) => {
            ensure!(
                again.version == receipt.version,
                "another version was made by repeating the import"
            );
        }
        other => {
            return Err(ClauseFailure::new(format!(
                "repeated after it finished, the import is {other:?}"
            )));
        }
    }

    let taken = harness.name("taken");
    match &harness.foreign {
        Some(put) => put(&taken),
        None => return Err(ClauseFailure::not_offered("something foreign (`with_foreign`)")),
    }
    let before = harness.found(&taken).await?;
    refused!(
        harness.sink.import(&taken, grant, options()).await,
        Error::AlreadyExists { .. },
        "an import under a name that others took"
    );
    ensure!(
        harness.found(&taken).await? == before,
        "what others have under {taken} was changed"
    );
    Ok(())
}

/// `ES-13`. A sink that does not import refuses in any case.
///
/// # Errors
/// How the clause is broken.
pub async fn es_13_a_source_that_the_service_cannot_read_is_not_imported(harness: &SinkHarness) -> Conforms {
    let (address, secret, expiry) = match &harness.grant {
        Some((grant, _)) => (grant.address(), grant.expose_secret(), grant.expiry()),
        None if harness.sink.capabilities().import => {
            return Err(ClauseFailure::not_offered(
                "a grant to import from (`with_grant`)",
            ));
        }
        None => ("custody-testkit://nowhere", "", None),
    };
    let grant = ReadGrant::new(address, secret, expiry).with_reach(GrantReach::SignedInHolder);
    let name = harness.name("signed-in");
    let options = ImportOptions::new(harness.acquisition.clone(), 10);
    let outcome = harness.sink.import(&name, &grant, options).await;
    refused!(
        outcome,
        Error::Unsupported { .. },
        "an import from a source that demands a sign-in"
    );
    let state = harness.sink.state(&name, &harness.acquisition).await?;
    ensure!(
        state == ObjectState::Absent,
        "the refused import left {state:?} under {name}"
    );
    Ok(())
}
