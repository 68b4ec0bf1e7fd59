use super::refusal::Refused;
use super::state::Version;
use crate::azure_sim::http::Call;

/// Checks the conditions of a call against what is there.
pub(super) fn check(call: &Call, existing: Option<&Version>) -> Result<(), Refused> {
    let reading = matches!(call.method.as_str(), "GET" | "HEAD");
    let etag = existing.map(|version| version.etag.as_str());
    check_etag(call, etag, reading)?;
    let Some(version) = existing else { return Ok(()) };
    let modified = version.modified.as_second();
    if call
        .instant("if-unmodified-since")
        .is_some_and(|since| modified > since.as_second())
    {
        return Err(Refused::condition());
    }
    if call
        .instant("if-modified-since")
        .is_some_and(|since| modified <= since.as_second())
    {
        return Err(if reading {
            not_modified()
        } else {
            Refused::condition()
        });
    }
    let sequence = version.sequence;
    let broken = call
        .number("x-ms-if-sequence-number-le")
        .is_some_and(|most| sequence > most)
        || call
            .number("x-ms-if-sequence-number-lt")
            .is_some_and(|bound| sequence >= bound)
        || call
            .number("x-ms-if-sequence-number-eq")
            .is_some_and(|exactly| sequence != exactly);
    if broken {
        return Err(Refused::new(
            412,
            "SequenceNumberConditionNotMet",
            "The sequence number condition is not met.",
        ));
    }
    Ok(())
}

/// Checks If-Match and If-None-Match alone.
pub(super) fn check_etag(call: &Call, etag: Option<&str>, reading: bool) -> Result<(), Refused> {
    let names = |list: &str, etag: &str| {
        list.split(',')
            .any(|one| one.trim() == "*" || one.trim().trim_matches('"') == etag.trim_matches('"'))
    };
    if let Some(wanted) = call.header("if-match")
        && !etag.is_some_and(|etag| names(wanted, etag))
    {
        return Err(Refused::condition());
    }
    if let (Some(unwanted), Some(etag)) = (call.header("if-none-match"), etag)
        && names(unwanted, etag)
    {
        return Err(match (reading, unwanted.trim()) {
            (true, _) => not_modified(),
            (false, "*") => Refused::new(409, "BlobAlreadyExists", "The specified blob already exists."),
            (false, _) => Refused::condition(),
        });
    }
    Ok(())
}

fn not_modified() -> Refused {
    Refused::new(304, "ConditionNotMet", "not modified")
}
