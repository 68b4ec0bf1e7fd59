use std::collections::BTreeMap;

use super::Verifier;
use super::acquisition_log::AcquisitionLog;
use super::difference::Difference;
use super::finding::{Finding, Findings};
use super::log_walk::LogWalk;
use super::object::{MAX_RECORD_BYTES, other_object};
use crate::canonical;
use crate::custody_log::SealedObject;
use crate::error::Error;
use crate::ids::{ObjectName, Segment};
use crate::layout;
use crate::manifest::{MANIFEST_FORMAT, Manifest};
use crate::port::EvidenceReaderExt as _;

/// A manifest as it lies in the store.
#[derive(Debug)]
pub(super) enum StoredManifest {
    /// There is none.
    Missing,
    /// It cannot be read, or is none; what it is as an object, where its bytes could be read.
    Unusable(Finding, Option<SealedObject>),
    /// It is one. Whether it is the right one is not known yet.
    Read(Box<Manifest>, SealedObject),
}

impl Verifier {
    /// Reads the manifest of an acquisition's folder.
    pub(super) async fn read_manifest(&self, folder: &ObjectName) -> StoredManifest {
        let file = layout::segment(layout::MANIFEST_FILE);
        let object = folder.join(&file);
        let bytes = match self.reader.fetch(&object, MAX_RECORD_BYTES).await {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.meaning(), Error::NotFound { .. }) => {
                return StoredManifest::Missing;
            }
            Err(error) => return StoredManifest::Unusable(Finding::of_error(&object, &error), None),
        };
        let stored = SealedObject::of(file, &bytes);
        let parsed = canonical::check(object.as_str(), &bytes).and_then(|()| {
            serde_json::from_slice::<Manifest>(&bytes)
                .map_err(|error| Error::malformed(object.as_str(), format!("no manifest: {error}")))
        });
        match parsed {
            Ok(manifest) => StoredManifest::Read(Box::new(manifest), stored),
            Err(error) => StoredManifest::Unusable(Finding::of_error(&object, &error), Some(stored)),
        }
    }
}

impl StoredManifest {
    /// The manifest, where there is one.
    pub(super) fn manifest(&self) -> Option<&Manifest> {
        match self {
            Self::Read(manifest, _) => Some(manifest),
            Self::Missing | Self::Unusable(..) => None,
        }
    }

    /// Compares the manifest as an object with what was sealed.
    pub(super) fn check_bytes(
        &self,
        folder: &ObjectName,
        sealed: Option<&SealedObject>,
        findings: &mut Findings,
    ) {
        let object = folder.join(&layout::segment(layout::MANIFEST_FILE));
        let stored = match self {
            Self::Missing => {
                findings.push(Finding::integrity(&object, "whole object", "present", "missing"));
                return;
            }
            Self::Unusable(finding, stored) => {
                findings.push(finding.clone());
                stored.as_ref()
            }
            Self::Read(_, stored) => Some(stored),
        };
        if let (Some(sealed), Some(stored)) = (sealed, stored) {
            findings.extend(other_object(
                &object,
                sealed,
                stored.length.bytes(),
                stored.sha256,
            ));
        }
    }
}

/// Compares what a manifest says with what the log says, derived anew from its lines.
pub(super) fn check_against_log(
    manifest: &Manifest,
    stored: &SealedObject,
    log: &AcquisitionLog,
    walk: &LogWalk,
    folder: &ObjectName,
    findings: &mut Findings,
) {
    let object = folder.join(&layout::segment(layout::MANIFEST_FILE));
    let (Some(opening), Some(bound)) = (&log.opening, &log.bound) else {
        return;
    };
    let bound = &bound.to;
    let mut differs = |difference: Option<Difference>| {
        findings.extend(difference.map(
            |Difference {
                 place,
                 expected,
                 found,
             }| {
                Finding::integrity(&object, place, format!("{expected}, as the log says"), found)
            },
        ));
    };
    differs(Difference::between(
        "format",
        &MANIFEST_FORMAT,
        &manifest.format.as_str(),
    ));
    differs(Difference::between("store", &bound.store, &manifest.store));
    differs(Difference::between("case", &opening.case, &manifest.case));
    differs(Difference::between(
        "acquisition",
        &opening.acquisition,
        &manifest.acquisition,
    ));
    differs(Difference::between(
        "machine",
        &opening.machine,
        &manifest.machine,
    ));
    differs(Difference::between(
        "signers",
        &opening.signers,
        &manifest.signers,
    ));
    differs(Difference::between(
        "protection.before",
        &bound.protection,
        &manifest.protection.before,
    ));
    if let Some((_, state)) = log.closed {
        differs(Difference::between("state", &state, &manifest.state));
    }
    let items: Vec<_> = log
        .items
        .values()
        .filter_map(|item| item.manifest_item(&opening.machine))
        .collect();
    differs(Difference::between("items", &items, &manifest.items));
    differs(Difference::between(
        "machine_records",
        &log.records.stored(),
        &manifest.machine_records,
    ));
    differs(Difference::between("keys", &log.keys(), &manifest.keys));
    differs(Difference::between(
        "not_evidence",
        &log.not_evidence(),
        &manifest.not_evidence,
    ));

    let intent = log.seal_intents.iter().find(|intent| intent.manifest == *stored);
    match intent {
        Some(intent) => {
            differs(Difference::between(
                "circumstances",
                &intent.circumstances,
                &manifest.circumstances,
            ));
            if manifest.log.size > intent.seq {
                differs(Some(Difference {
                    place: "log.size".into(),
                    expected: format!("at most {} lines before the sealing", intent.seq),
                    found: manifest.log.size.to_string(),
                }));
            }
        }
        None => differs(Some(Difference {
            place: "whole object".into(),
            expected: "the manifest that a line of the log intends to seal".into(),
            found: format!("another, with SHA-256 {}", stored.sha256),
        })),
    }
    differs(Difference::between(
        "log.origin",
        &bound.origin,
        &manifest.log.origin,
    ));
    let root = walk.roots.get(&manifest.log.size);
    differs(Difference::between("log.root", &root, &Some(&manifest.log.root)));

    if manifest.not_acquired.is_empty() {
        differs(Some(Difference {
            place: "not_acquired".into(),
            expected: "what was not taken, and why: memory at least".into(),
            found: "nothing".into(),
        }));
    }
    for missing in log.missing_keys() {
        if !manifest.not_acquired.iter().any(|entry| entry.what == missing) {
            differs(Some(Difference {
                place: "not_acquired".into(),
                expected: missing,
                found: "no such entry".into(),
            }));
        }
    }
    for left_out in log.not_acquired() {
        if !manifest.not_acquired.contains(&left_out) {
            differs(Some(Difference {
                place: "not_acquired".into(),
                expected: format!("{}: {}", left_out.what, left_out.reason),
                found: "no such entry".into(),
            }));
        }
    }
}

/// Compares the list of sealed objects in the log with what the manifest lists.
pub(super) fn check_sealed_objects(
    manifest: &Manifest,
    sealed: &[SealedObject],
    object: &ObjectName,
    findings: &mut Findings,
) {
    let records = [layout::MANIFEST_FILE, layout::ENVELOPE_FILE, layout::SUMS_FILE];
    let of_log: Vec<&SealedObject> = sealed
        .iter()
        .filter(|sealed| !records.contains(&sealed.file.as_str()))
        .collect();
    let of_manifest = manifest.objects();
    let of_manifest: Vec<&SealedObject> = of_manifest.iter().collect();
    if let Some(Difference {
        place,
        expected,
        found,
    }) = Difference::between("objects", &of_manifest, &of_log)
    {
        let expected = format!("{expected}, as the manifest says");
        findings.push(Finding::integrity(
            object,
            format!("line of the seal: {place}"),
            expected,
            found,
        ));
    }
    let mut seen: BTreeMap<&Segment, u32> = BTreeMap::new();
    for sealed in sealed {
        *seen.entry(&sealed.file).or_default() += 1;
    }
    for (file, times) in seen.into_iter().filter(|(_, times)| *times > 1) {
        findings.push(Finding::integrity(
            object,
            "line of the seal",
            "each object once",
            format!("{file} {times} times"),
        ));
    }
}
