use std::path::{Path, PathBuf};

use clap::Args;
use custody_core::custody_log::{ItemKeys, KeyNeed};
use custody_core::ids::AcquisitionId;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::journaled::Journaled;
use crate::key_words;
use crate::reopened::unknown;
use crate::state_place::StatePlace;
use crate::store_place::StorePlace;
use crate::stored_manifests;

/// Show which keys disks need, which are in the escrow, and which are proven to open their copies
#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// An acquisition of this host; or a store: a directory, or the address of a container
    #[arg(value_name = "ACQUISITION|STORE")]
    of: PathBuf,

    /// For a container: the settings file that says as whom it is read
    #[arg(long, value_name = "FILE", env = "CUSTODY_CONFIG")]
    config: Option<PathBuf>,

    #[command(flatten)]
    state: StatePlace,
}

impl ShowArguments {
    pub(super) async fn show(&self) -> Result<Answer, Failure> {
        let own = self.of.to_str().and_then(|text| text.parse().ok());
        match own {
            Some(acquisition) => self.of_journal(&acquisition).await,
            None => of_store(&self.of, self.config.as_deref()).await,
        }
    }

    async fn of_journal(&self, acquisition: &AcquisitionId) -> Result<Answer, Failure> {
        let state = self.state.open_existing()?.ok_or_else(|| unknown(acquisition))?;
        let journaled = Journaled::read(&state, acquisition).await?;
        let mut text = format!("acquisition {acquisition}\n");
        let mut items = Vec::new();
        for item in &journaled.status.outcome.items {
            let Some(keys) = &item.keys else { continue };
            text.push_str(&format!("  {} {}\n", item.item, item.disk));
            let lines = key_words::lines(keys);
            if lines.is_empty() {
                text.push_str("      no key is needed, as far as is known\n");
            }
            text.extend(lines.iter().map(|line| format!("      key {line}\n")));
            items.push(json!({"item": item.item, "disk": item.disk, "keys": keys}));
        }
        if items.is_empty() {
            text.push_str("  nothing was told of keys\n");
        }
        Ok(Answer::new(
            text,
            json!({"acquisition": acquisition, "items": items}),
        ))
    }
}

async fn of_store(store: &Path, config: Option<&Path>) -> Result<Answer, Failure> {
    let place = StorePlace::named(store, config)?;
    let reader = place.reader()?;
    let manifests = stored_manifests::read(reader.as_ref(), None).await?;
    let mut text = format!("store {}\n", place.shown());
    let mut acquisitions = Vec::new();
    for manifest in manifests.iter().filter(|manifest| !manifest.keys.is_empty()) {
        text.push_str(&format!(
            "acquisition {} of case {}\n",
            manifest.acquisition, manifest.case
        ));
        for keys in &manifest.keys {
            text.push_str(&of_item(keys));
        }
        acquisitions.push(json!({
            "acquisition": manifest.acquisition,
            "case": manifest.case,
            "items": manifest.keys,
        }));
    }
    if acquisitions.is_empty() {
        text.push_str("  nothing was told of keys\n");
    }
    let document: Value = json!({"store": place.shown(), "acquisitions": acquisitions});
    Ok(Answer::new(text, document))
}

fn of_item(keys: &ItemKeys) -> String {
    let mut text = format!("  {}\n", keys.item);
    let mut line = |words: String| text.push_str(&format!("      {words}\n"));
    match &keys.need {
        Some(KeyNeed::None) => line("no key is needed".into()),
        Some(KeyNeed::Unknown { reason }) => line(format!("which key it needs is not known: {reason}")),
        Some(KeyNeed::Keys { .. }) => {}
        None => line("which keys it needs was not found out".into()),
    }
    for kept in &keys.kept {
        let verdict = match &kept.proof {
            Some(proof) => key_words::of_verdict(&proof.verdict),
            None => "not tried".into(),
        };
        line(format!(
            "key {} in the escrow as {} ({}{}): {verdict}",
            kept.key,
            kept.receipt.name,
            kept.receipt.form,
            key_words::of_place(&kept.receipt.version)
        ));
        for note in kept.proof.iter().flat_map(key_words::of_what_was_seen) {
            line(format!("    {note}"));
        }
    }
    for missing in keys.missing() {
        let (key, address) = (missing.key, &missing.source.address);
        line(match keys.possible_name(key) {
            Some(name) => {
                format!("key {key} NOT known to be in the escrow, and it may lie there as {name}: {address}")
            }
            None => format!("key {key} NOT in the escrow: {address}"),
        });
    }
    if let Some(found) = &keys.found {
        line(format!(
            "without a key: {}",
            key_words::of_verdict(&found.verdict)
        ));
        for note in key_words::of_what_was_seen(found) {
            line(format!("    {note}"));
        }
    }
    for volume in keys.unopened() {
        line(format!("no key opens {}", key_words::of_volume(volume)));
    }
    for reason in keys.not_taken.iter().chain(&keys.given_up) {
        line(format!("missing: {reason}"));
    }
    text
}
