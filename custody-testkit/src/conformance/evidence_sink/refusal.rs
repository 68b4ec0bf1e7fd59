use custody_core::Error;
use custody_core::ids::ObjectName;
use custody_core::port::{EvidenceReaderExt as _, ImportOptions, ReadGrant};

use super::harness::{FullStore, LinkOutside, SinkHarness, names, pieces};
use crate::conformance::clause::{ClauseFailure, Conforms, ensure, refused};
use crate::fake::pattern;

/// `ES-09`.
///
/// # Errors
/// How the clause is broken.
pub async fn es_09_no_room_is_no_space_and_leaves_nothing(harness: &SinkHarness) -> Conforms {
    let Some(FullStore { sink, reader, room }) = &harness.full else {
        return Err(ClauseFailure::not_offered(
            "a store without room (`with_full_store`)",
        ));
    };
    let name = harness.name("too-large");
    let length = usize::try_from(*room).map_err(|error| ClauseFailure::new(error.to_string()))?;
    let bytes = pattern(length + 1, 1);
    let outcome = async {
        let mut deposit = sink.deposit(&name, harness.options(bytes.len())).await?;
        for extent in pieces(&bytes) {
            if let Err(error) = deposit.write(extent).await {
                deposit.abort().await?;
                return Err(error);
            }
        }
        deposit.commit().await
    };
    refused!(
        outcome.await,
        Error::NoSpace { .. },
        "a deposit larger than the room"
    );
    let found = reader.fetch_if_present(&name, u64::MAX).await?;
    ensure!(found.is_none(), "{name} is there although there was no room");
    ensure!(
        !names(&**reader).await?.contains(&name),
        "{name} is listed although there was no room"
    );
    Ok(())
}

/// `ES-10`.
///
/// # Errors
/// How the clause is broken.
pub async fn es_10_what_is_not_offered_is_unsupported(harness: &SinkHarness) -> Conforms {
    let offered = harness.sink.capabilities();
    let name = harness.name("object");
    if offered.deposit {
        harness.store(&name, &pattern(10, 1)).await?;
    } else {
        refused!(
            harness.sink.deposit(&name, harness.options(10)).await.map(drop),
            Error::Unsupported { .. },
            "a deposit, which the sink does not offer"
        );
    }
    if offered.hold {
        harness.sink.hold(&name).await?;
    } else {
        refused!(
            harness.sink.hold(&name).await,
            Error::Unsupported { .. },
            "a hold, which the sink does not offer"
        );
    }
    if !offered.import {
        let grant = ReadGrant::new("custody-testkit://nowhere", "", None);
        let options = ImportOptions::new(harness.acquisition.clone(), 10);
        refused!(
            harness
                .sink
                .import(&harness.name("imported"), &grant, options)
                .await,
            Error::Unsupported { .. },
            "an import, which the sink does not offer"
        );
    }
    Ok(())
}

/// `ES-12`: names that someone might take for more than names.
///
/// # Errors
/// How the clause is broken.
pub async fn es_12_a_strange_name_is_that_name(harness: &SinkHarness) -> Conforms {
    for strange in ["%2E%2E", "%2Fetc%2Fpasswd", "a..b", "~root", "%00", "NUL.", "%"] {
        let before = harness.listing().await?;
        let name: ObjectName = format!("{}/{strange}/{strange}", harness.folder).parse()?;
        let bytes = pattern(100, 1);
        harness.store(&name, &bytes).await?;
        let found = harness.found(&name).await?;
        ensure!(
            found.as_deref() == Some(bytes.as_slice()),
            "{name} is not under its name"
        );
        let mut after = harness.listing().await?;
        after.retain(|listed| !before.contains(listed));
        ensure!(after == [name.clone()], "storing {name} made {after:?}");
    }
    Ok(())
}

/// `ES-12`: links.
///
/// # Errors
/// How the clause is broken.
pub async fn es_12_a_link_does_not_lead_outside(harness: &SinkHarness) -> Conforms {
    let plant = match &harness.link {
        Some(LinkOutside::Planted(plant)) => plant,
        Some(LinkOutside::Unknown) => return Ok(()),
        None => {
            return Err(ClauseFailure::not_offered(
                "a link that leads outside (`with_link_outside`, or `without_links`)",
            ));
        }
    };
    let link = harness.name("link");
    let arrived_outside = plant(&link);
    for name in [link.clone(), link.join(&custody_core::layout::segment("below"))] {
        let outcome = harness.store(&name, &pattern(100, 1)).await;
        ensure!(!arrived_outside(), "storing {name} wrote outside of the store");
        ensure!(outcome.is_err(), "storing {name} through a link succeeded");
    }
    Ok(())
}
