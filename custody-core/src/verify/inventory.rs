use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;

use super::finding::{Finding, Findings};
use crate::error::Error;
use crate::ids::ObjectName;
use crate::layout;
use crate::port::{EvidenceReader, LogName};

/// More objects than this are not listed.
const MAX_OBJECTS: usize = 1_000_000;
/// A folder of an acquisition: `cases/<case>/<acquisition>`.
const FOLDER_SEGMENTS: usize = 3;

/// What a person does about an object that nothing speaks of.
pub(super) const FIND_ORIGIN: &str =
    "find out who put it there; it is not evidence, and nothing here vouches for it";

/// Everything that a store lists.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Every object, with its length.
    pub(super) objects: BTreeMap<ObjectName, u64>,
    /// Whether the listing came to its end.
    pub(super) complete: bool,
}

impl Inventory {
    /// Lists the store; what has no object name is a finding.
    pub(super) async fn take(reader: &dyn EvidenceReader, findings: &mut Findings) -> Self {
        let mut inventory = Self::default();
        let mut listing = reader.list(None);
        while let Some(entry) = listing.next().await {
            match entry {
                Ok(object) => {
                    if inventory.objects.len() == MAX_OBJECTS {
                        let found = format!("more than {MAX_OBJECTS} objects");
                        findings.push(Finding::could_not_check(
                            reader,
                            "listing",
                            "a list of all objects",
                            found,
                        ));
                        return inventory;
                    }
                    inventory.objects.insert(object.name, object.length);
                }
                Err(error) => match error.meaning() {
                    Error::Malformed { object, reason } => {
                        let found = format!("something that is no object of a store: {reason}");
                        findings.push(Finding::not_proven(
                            object,
                            "name",
                            "objects of the store",
                            found,
                            FIND_ORIGIN,
                        ));
                    }
                    _ => {
                        findings.push(Finding::of_error(&format!("listing of {reader}"), &error));
                        return inventory;
                    }
                },
            }
        }
        inventory.complete = true;
        inventory
    }

    /// The objects below a folder.
    pub(super) fn below<'a>(&'a self, folder: &'a ObjectName) -> impl Iterator<Item = &'a ObjectName> {
        self.objects
            .range(folder.clone()..)
            .map(|(name, _)| name)
            .take_while(|name| name.as_str().starts_with(folder.as_str()))
            .filter(move |name| *name != folder && name.is_under(folder))
    }

    /// Every folder of an acquisition that has something in it.
    pub(super) fn acquisition_folders(&self) -> BTreeSet<ObjectName> {
        let cases = layout::cases();
        self.below(&cases)
            .filter_map(|name| {
                let mut folder = name.folder()?;
                while folder.segments().count() > FOLDER_SEGMENTS {
                    folder = folder.folder()?;
                }
                (folder.segments().count() == FOLDER_SEGMENTS).then_some(folder)
            })
            .collect()
    }

    /// Objects that lie where nothing of a store lies. What a probe left is known, and is nobody's evidence.
    pub(super) fn strays(&self) -> impl Iterator<Item = &ObjectName> {
        let register = layout::log(&LogName::Register);
        let notes = layout::checkpoints(&LogName::Register);
        let cases = layout::cases();
        let strays = self.objects.iter().filter(move |(name, length)| {
            let in_folder = name.is_under(&cases) && name.segments().count() > FOLDER_SEGMENTS;
            let is_note = name.folder().as_ref() == Some(&notes)
                && layout::checkpoint_size(&name.file_name()).is_some();
            !(**name == register || is_note || in_folder || layout::is_probe(name, **length))
        });
        strays.map(|(name, _)| name)
    }
}

/// That nothing speaks of an object.
pub(super) fn uncovered(object: &ObjectName) -> Finding {
    Finding::not_proven(
        object,
        "whole object",
        "objects that a signed record names",
        "an object that none names",
        FIND_ORIGIN,
    )
}
