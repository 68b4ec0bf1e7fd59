use bytes::Bytes;
use custody_core::extent::Extent;
use custody_core::port::{EvidenceReaderExt as _, EvidenceSink, Rereading};

use super::harness::{Losses, SinkHarness};
use crate::conformance::clause::{ClauseFailure, Conforms, ensure};
use crate::fake::pattern;

/// The bytes of an object of which some are lost.
const LENGTH: usize = 60_003;
/// The bytes of a write.
const PIECE: usize = 7000;
/// How often a loss is made up for before it is said that there is no end to it.
const MAX_LOSSES: u32 = 100;

/// `ES-14`.
///
/// # Errors
/// How the clause is broken.
pub async fn es_14_bytes_are_wanted_again_only_where_they_can_be_had(harness: &SinkHarness) -> Conforms {
    let (sink, reader, loses) = match &harness.losses {
        None => {
            return Err(ClauseFailure::not_offered(
                "a store that loses bytes on their way (`with_lossy_store`, `losing_nothing`)",
            ));
        }
        Some(Losses::None) => (&harness.sink, &harness.reader, false),
        Some(Losses::Of { sink, reader }) => (sink, reader, true),
    };
    for (file, rereading) in [
        ("lost-kept", Rereading::Impossible),
        ("lost-again", Rereading::OnDemand),
    ] {
        let name = harness.name(file);
        let bytes = pattern(LENGTH, 5);
        let losses = write_all(harness, sink.as_ref(), file, rereading).await?;
        ensure!(
            !loses || rereading == Rereading::Impossible || losses > 0,
            "nothing of {name} was lost: this shows nothing"
        );
        let found = reader.fetch_if_present(&name, u64::MAX).await?;
        ensure!(
            found.as_deref() == Some(bytes.as_slice()),
            "{name} does not have the bytes written, {losses} losses made up for"
        );
    }
    Ok(())
}

/// Writes an object, what is lost of it again, and commits it; gives how often something was lost.
async fn write_all(
    harness: &SinkHarness,
    sink: &dyn EvidenceSink,
    file: &str,
    rereading: Rereading,
) -> Result<u32, ClauseFailure> {
    let bytes = Bytes::from(pattern(LENGTH, 5));
    let options = harness.options(LENGTH).with_rereading(rereading);
    let mut deposit = sink.deposit(&harness.name(file), options).await?;
    let (mut at, mut settled, mut losses) = (0, 0, 0);
    while at < LENGTH {
        let end = LENGTH.min(at + PIECE);
        let extent = Extent::Data {
            at: at as u64,
            bytes: bytes.slice(at..end),
        };
        let taken = deposit.write(extent).await?;
        settled = taken.settled.max(settled);
        if taken.due != end as u64 {
            losses += 1;
            ensure!(
                rereading == Rereading::OnDemand,
                "byte {} of {file} is wanted again, which can be had only once",
                taken.due
            );
            ensure!(
                taken.due >= settled && taken.due < end as u64,
                "byte {} of {file} is wanted again: all before {settled} is settled, and {end} bytes were written",
                taken.due
            );
            ensure!(losses <= MAX_LOSSES, "there is no end to what is lost of {file}");
        }
        at = usize::try_from(taken.due).map_err(|error| ClauseFailure::new(error.to_string()))?;
    }
    deposit.commit().await?;
    Ok(losses)
}
