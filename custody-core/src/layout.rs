//! Where things lie in a store. Names only: no port, no file system.
//!
//! ```text
//! register.jsonl                             what happened in this store, one line an event
//! register-checkpoints/<20 digits>.note      signed checkpoints of the register
//! cases/<case>/<acquisition>/
//!     <item>                                 the stored copy, byte for byte
//!     <item>.chunks.sha256                   SHA-256 of each 4 MiB of it
//!     <item>.zero-ranges.txt                 ranges that were not read, and on whose word (if any)
//!     <item>.ddrescue.map                    sectors that could not be read (if any)
//!     machine-record.<name>                  an answer of those who run the machine, as they gave it (if any)
//!     log.jsonl                              who did what, when, where, how and why
//!     checkpoints/<20 digits>.note           signed checkpoints of the log
//!     checkpoint-<20 digits>.tsr             an RFC 3161 time stamp over the seal's checkpoint (if any)
//!     manifest.json                          what was taken, with digests
//!     manifest.dsse.json                     the seal: the signed statement of what is stored
//!     SHA256SUMS                             for `sha256sum -c`
//! probe/<id>/object.txt, lines.txt           written to see whether it can be; never evidence (if any)
//! ```

use crate::ids::{AcquisitionId, CaseId, ObjectName, RecordName, Segment};
use crate::port::LogName;

/// File name of a log inside its folder.
pub const LOG_FILE: &str = "log.jsonl";
/// File name of the manifest.
pub const MANIFEST_FILE: &str = "manifest.json";
/// File name of the seal: the DSSE envelope.
pub const ENVELOPE_FILE: &str = "manifest.dsse.json";
/// File name of the sums.
pub const SUMS_FILE: &str = "SHA256SUMS";
/// Suffix of a chunk list.
pub const CHUNK_LIST_SUFFIX: &str = ".chunks.sha256";
/// Suffix of the list of ranges that are zero on someone's word.
pub const ZERO_RANGES_SUFFIX: &str = ".zero-ranges.txt";
/// Suffix of the ddrescue map.
pub const MAP_SUFFIX: &str = ".ddrescue.map";
/// Suffix of a checkpoint.
pub const NOTE_SUFFIX: &str = ".note";
/// What the file name of a machine record begins with, and no item's name does.
pub const MACHINE_RECORD_PREFIX: &str = "machine-record.";
/// Folder of all cases.
pub const CASES_FOLDER: &str = "cases";
/// File name of the register.
pub const REGISTER_FILE: &str = "register.jsonl";
/// Folder of the register's checkpoints.
pub const REGISTER_CHECKPOINTS_FOLDER: &str = "register-checkpoints";
/// Folder of what was written to see whether it can be.
pub const PROBE_FOLDER: &str = "probe";
/// File name of a probe's object.
pub const PROBE_OBJECT: &str = "object.txt";
/// File name of a probe's appended lines.
pub const PROBE_LINES: &str = "lines.txt";
/// The most bytes of either.
pub const PROBE_MAX_BYTES: u64 = 1024;
/// Folder of an acquisition's checkpoints.
pub const CHECKPOINTS_FOLDER: &str = "checkpoints";

/// A name that this crate knows to be a segment, made so without a way to fail.
#[must_use]
pub fn segment(name: &str) -> Segment {
    Segment::escape(name.as_bytes())
}

/// `cases`.
#[must_use]
pub fn cases() -> ObjectName {
    ObjectName::root(&segment(CASES_FOLDER))
}

/// `cases/<case>/<acquisition>`.
#[must_use]
pub fn acquisition_folder(case: &CaseId, acquisition: &AcquisitionId) -> ObjectName {
    cases()
        .join(&Segment::escape(case.as_str().as_bytes()))
        .join(&segment(acquisition.as_str()))
}

/// Where the anchored lines of a log lie.
#[must_use]
pub fn log(log: &LogName) -> ObjectName {
    match log {
        LogName::Register => ObjectName::root(&segment(REGISTER_FILE)),
        LogName::Acquisition { case, acquisition } => {
            acquisition_folder(case, acquisition).join(&segment(LOG_FILE))
        }
    }
}

/// The folder of a log's checkpoints.
#[must_use]
pub fn checkpoints(log: &LogName) -> ObjectName {
    match log {
        LogName::Register => ObjectName::root(&segment(REGISTER_CHECKPOINTS_FOLDER)),
        LogName::Acquisition { case, acquisition } => {
            acquisition_folder(case, acquisition).join(&segment(CHECKPOINTS_FOLDER))
        }
    }
}

/// The checkpoint of a log at `size` lines.
#[must_use]
pub fn checkpoint(log: &LogName, size: u64) -> ObjectName {
    checkpoints(log).join(&segment(&format!("{size:020}{NOTE_SUFFIX}")))
}

/// The time-stamp token over the checkpoint at `size` lines, in the acquisition's folder.
#[must_use]
pub fn time_stamp(size: u64) -> Segment {
    segment(&format!("checkpoint-{size:020}.tsr"))
}

/// The machine record of this name, in the acquisition's folder.
#[must_use]
pub fn machine_record(name: &RecordName) -> Segment {
    segment(&format!("{MACHINE_RECORD_PREFIX}{name}"))
}

/// The machine record's name that its file name tells; `None` for any other file.
#[must_use]
pub fn machine_record_name(file: &Segment) -> Option<RecordName> {
    file.as_str().strip_prefix(MACHINE_RECORD_PREFIX)?.parse().ok()
}

/// `probe/<id>`.
#[must_use]
pub fn probe_folder(id: &AcquisitionId) -> ObjectName {
    ObjectName::root(&segment(PROBE_FOLDER)).join(&segment(id.as_str()))
}

/// Whether an object is what is left of a probe, by name and length. Evidence never lies there.
#[must_use]
pub fn is_probe(name: &ObjectName, length: u64) -> bool {
    let parts: Vec<&str> = name.segments().collect();
    match parts.as_slice() {
        [PROBE_FOLDER, id, PROBE_OBJECT | PROBE_LINES] => {
            id.parse::<AcquisitionId>().is_ok() && length <= PROBE_MAX_BYTES
        }
        _ => false,
    }
}

/// The size that a checkpoint's file name tells; `None` for any other name.
#[must_use]
pub fn checkpoint_size(file: &Segment) -> Option<u64> {
    let digits = file.as_str().strip_suffix(NOTE_SUFFIX)?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_known_by_its_exact_place_and_is_small() {
        let at = |name: &str, length| is_probe(&name.parse().unwrap(), length);
        assert!(at("probe/20261121T203015Z-0123abcd/object.txt", 60));
        assert!(at("probe/20261121T203015Z-0123abcd/lines.txt", PROBE_MAX_BYTES));
        for (name, length) in [
            ("probe/20261121T203015Z-0123abcd/object.txt", PROBE_MAX_BYTES + 1),
            ("probe/20261121T203015Z-0123abcd/disk.vhd", 60),
            ("probe/anything/object.txt", 60),
            ("probe/object.txt", 60),
            ("cases/20261121T203015Z-0123abcd/object.txt", 60),
        ] {
            assert!(!at(name, length), "{name}");
        }
    }
}
