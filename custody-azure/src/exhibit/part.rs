//! Resources that answers lead to, each read once and kept, or why it could not be.

use custody_core::{Error, Result};
use serde_json::Value;

use super::MachineExhibit;
use crate::arm::ResourceId;

/// Ids that answers lead to, each once, in the order in which they are met; and what is no id.
#[derive(Debug, Default)]
pub(super) struct Found {
    ids: Vec<Result<ResourceId>>,
}

impl Found {
    pub(super) fn add(&mut self, text: Option<&Value>) {
        // Not there: nothing is named. Of another form: something is, and cannot be told.
        let Some(text) = text.filter(|value| !value.is_null()) else {
            return;
        };
        let id: Result<ResourceId> = match text.as_str() {
            Some(text) => text.parse(),
            None => Err(Error::malformed("Azure resource id", "it is no text")),
        };
        let is_known = id.as_ref().is_ok_and(|id| {
            let mut known = self.ids.iter().flatten();
            known.any(|other| other == id)
        });
        if !is_known {
            self.ids.push(id);
        }
    }
}

/// A kind of resource that belongs to the machine.
pub(super) struct Part {
    pub(super) stem: &'static str,
    pub(super) what: &'static str,
    pub(super) action: &'static str,
    pub(super) version: (&'static str, &'static str),
}

impl MachineExhibit<'_> {
    /// Keeps each of these, or why it could not be read; gives those that could.
    pub(super) async fn all(&mut self, part: &Part, found: Found) -> Vec<Value> {
        let mut read = Vec::new();
        for (number, id) in (1..).zip(found.ids) {
            let file = format!("{}-{number}.json", part.stem);
            match id {
                Ok(id) => {
                    let what = format!("{} ({id})", part.what);
                    read.extend(
                        self.one(&file, &what, id.as_str(), &[part.version], part.action)
                            .await,
                    );
                }
                Err(error) => self.keep(&file, part.what, Err(error)),
            }
        }
        read
    }
}

/// The elements of a list within an answer.
pub(super) fn each<'a>(answer: &'a Value, place: &str) -> impl Iterator<Item = &'a Value> {
    answer
        .pointer(place)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}
