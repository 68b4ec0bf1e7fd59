use bytes::Bytes;
use custody_core::Error;
use custody_core::extent::{ByteRange, Extent, ReadFault, ZeroWord};
use custody_core::port::{Deposit, EvidenceReaderExt as _, ObjectState};

use super::harness::{SinkHarness, pieces};
use crate::conformance::clause::{ClauseFailure, Conforms, ensure, refused};
use crate::fake::pattern;

/// `ES-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn es_01_the_stored_bytes_are_the_written_bytes(harness: &SinkHarness) -> Conforms {
    for length in [0, 1, 511, 512, 4096, 100_003] {
        let name = harness.name(&format!("object-{length}"));
        let bytes = pattern(length, 1);
        let receipt = harness.store(&name, &bytes).await?.value;
        ensure!(
            receipt.object == name,
            "the receipt for {name} is for {}",
            receipt.object
        );
        ensure!(
            receipt.length.bytes() == length as u64,
            "the receipt for {name} tells {} bytes",
            receipt.length
        );
        let found = harness.found(&name).await?;
        ensure!(
            found.as_deref() == Some(bytes.as_slice()),
            "{name} does not have the bytes written"
        );
        let told = harness.reader.describe(&name).await?.length;
        ensure!(told == length as u64, "{name} is told to have {told} bytes");
    }
    Ok(())
}

/// `ES-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn es_02_a_taken_name_is_refused_and_keeps_what_it_has(harness: &SinkHarness) -> Conforms {
    let name = harness.name("taken");
    let first = pattern(3000, 1);
    harness.store(&name, &first).await?;
    for second in [pattern(3000, 2), pattern(100, 3), Vec::new(), first.clone()] {
        refused!(
            harness.store(&name, &second).await,
            Error::AlreadyExists { .. },
            "a deposit of {} bytes under a taken name",
            second.len()
        );
        let found = harness.found(&name).await?;
        ensure!(
            found.as_deref() == Some(first.as_slice()),
            "what was under {name} was changed"
        );
    }
    Ok(())
}

/// `ES-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn es_03_nothing_is_visible_before_commit(harness: &SinkHarness) -> Conforms {
    let name = harness.name("growing");
    let before = harness.listing().await?;
    let bytes = pattern(2500, 1);
    let mut deposit = harness.sink.deposit(&name, harness.options(bytes.len())).await?;
    for extent in pieces(&bytes) {
        deposit.write(extent).await?;
        ensure!(
            harness.found(&name).await?.is_none(),
            "{name} can be opened before commit"
        );
        let state = harness.sink.state(&name, &harness.acquisition).await?;
        ensure!(state == ObjectState::Absent, "{name} is {state:?} before commit");
        ensure!(
            harness.listing().await? == before,
            "a listing shows what is not committed"
        );
    }
    deposit.commit().await?;
    ensure!(
        harness.found(&name).await?.is_some(),
        "{name} is not there after commit"
    );
    Ok(())
}

/// `ES-04`, as far as opening the storage again shows it.
///
/// # Errors
/// How the clause is broken.
pub async fn es_04_a_committed_object_is_there_after_reopening(harness: &SinkHarness) -> Conforms {
    let Some(reopen) = &harness.reopen else {
        return Err(ClauseFailure::not_offered(
            "a way to open the storage again (`reopened_by`)",
        ));
    };
    let name = harness.name("durable");
    let bytes = pattern(5000, 1);
    harness.store(&name, &bytes).await?;
    let (sink, reader) = reopen();
    let found = reader.fetch_if_present(&name, u64::MAX).await?;
    ensure!(
        found.as_deref() == Some(bytes.as_slice()),
        "{name} is not as it was, after reopening"
    );
    let state = sink.state(&name, &harness.acquisition).await?;
    ensure!(
        matches!(state, ObjectState::Stored(_)),
        "{name} is {state:?} after reopening"
    );
    Ok(())
}

/// Begins a deposit and writes half of it.
async fn half(harness: &SinkHarness, file: &str) -> Result<Box<dyn Deposit>, ClauseFailure> {
    let bytes = pattern(4000, 1);
    let mut deposit = harness
        .sink
        .deposit(&harness.name(file), harness.options(bytes.len()))
        .await?;
    for extent in pieces(&bytes).take(2) {
        deposit.write(extent).await?;
    }
    Ok(deposit)
}

/// That nothing is under the name, and that it can be used.
async fn is_free(harness: &SinkHarness, file: &str, after: &str) -> Conforms {
    let name = harness.name(file);
    ensure!(
        harness.found(&name).await?.is_none(),
        "{after} {name} can be opened"
    );
    let state = harness.sink.state(&name, &harness.acquisition).await?;
    ensure!(state == ObjectState::Absent, "{after} {name} is {state:?}");
    ensure!(
        !harness.listing().await?.contains(&name),
        "{after} {name} is listed"
    );
    let bytes = pattern(1500, 2);
    if let Err(error) = harness.store(&name, &bytes).await {
        return Err(ClauseFailure::new(format!("{after} {name} is not free: {error}")));
    }
    let found = harness.found(&name).await?;
    ensure!(
        found.as_deref() == Some(bytes.as_slice()),
        "{after} {name} got other bytes"
    );
    Ok(())
}

/// `ES-05`: by `abort`.
///
/// # Errors
/// How the clause is broken.
pub async fn es_05_an_aborted_deposit_leaves_nothing(harness: &SinkHarness) -> Conforms {
    half(harness, "aborted").await?.abort().await?;
    is_free(harness, "aborted", "after abort").await
}

/// `ES-05`: by dropping.
///
/// # Errors
/// How the clause is broken.
pub async fn es_05_a_dropped_deposit_leaves_nothing(harness: &SinkHarness) -> Conforms {
    drop(half(harness, "dropped").await?);
    is_free(harness, "dropped", "after dropping a deposit").await
}

fn data(at: u64, length: usize) -> Extent {
    Extent::Data {
        at,
        bytes: Bytes::from(pattern(length, 1)),
    }
}

/// `ES-07`: order and length.
///
/// # Errors
/// How the clause is broken.
pub async fn es_07_extents_must_cover_the_length_in_order(harness: &SinkHarness) -> Conforms {
    let wrong: [(&str, Vec<Extent>); 6] = [
        ("a gap", vec![data(0, 1000), data(1500, 1500)]),
        ("an overlap", vec![data(0, 1000), data(500, 2500)]),
        ("a late start", vec![data(1, 2999)]),
        ("too much", vec![data(0, 3000), data(3000, 1)]),
        ("too little", vec![data(0, 1000), data(1000, 1999)]),
        ("nothing", vec![]),
    ];
    for (number, (what, extents)) in wrong.into_iter().enumerate() {
        let name = harness.name(&format!("wrong-{number}"));
        let mut deposit = harness.sink.deposit(&name, harness.options(3000)).await?;
        let mut refusal = None;
        for extent in extents {
            if let Err(error) = deposit.write(extent).await {
                refusal = Some(error);
                break;
            }
        }
        let outcome = match refusal {
            Some(error) => {
                deposit.abort().await?;
                Err(error)
            }
            None => deposit.commit().await,
        };
        refused!(outcome, Error::Misuse { .. }, "extents with {what}");
        ensure!(
            harness.found(&name).await?.is_none(),
            "extents with {what} were committed"
        );
    }
    Ok(())
}

/// `ES-07`: what was not read.
///
/// # Errors
/// How the clause is broken.
pub async fn es_07_zero_and_unread_are_stored_as_zeros(harness: &SinkHarness) -> Conforms {
    let name = harness.name("holes");
    let mut deposit = harness.sink.deposit(&name, harness.options(70_000)).await?;
    let extents = [
        data(0, 1000),
        Extent::Zero {
            range: ByteRange::at(1000, 60_000),
            word: ZeroWord::FileSystemHole,
        },
        data(61_000, 1000),
        Extent::Unread {
            range: ByteRange::at(62_000, 512),
            fault: ReadFault::new("EIO", 3),
        },
        data(62_512, 488),
        Extent::Zero {
            range: ByteRange::at(63_000, 7000),
            word: ZeroWord::ServicePageList,
        },
    ];
    let mut expected = Vec::new();
    for extent in extents {
        match &extent {
            Extent::Data { bytes, .. } => expected.extend_from_slice(bytes),
            Extent::Zero { range, .. } | Extent::Unread { range, .. } => {
                let end =
                    usize::try_from(range.end()).map_err(|error| ClauseFailure::new(error.to_string()))?;
                expected.resize(end, 0);
            }
        }
        deposit.write(extent).await?;
    }
    deposit.commit().await?;
    let found = harness.found(&name).await?;
    ensure!(
        found.as_deref() == Some(expected.as_slice()),
        "{name} does not have zeros where none were read"
    );
    Ok(())
}
