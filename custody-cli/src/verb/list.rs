use std::path::PathBuf;

use clap::Args;
use custody_core::custody_log::{Act, Event, read_chain};
use custody_core::layout;
use custody_core::port::LogName;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::driver::block_on;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::journaled::Journaled;
use crate::key_words;
use crate::log_lines;
use crate::printable;
use crate::state_place::StatePlace;
use crate::store_place::StorePlace;
use crate::summary::{access_words, state_word, status_words};

const EXAMPLES: &str = "\
Examples:
  custody list
      acquisitions of this host: which are open, what was kept
  custody list --store /mnt/evidence
      also what is registered in a store, whoever captured it";

/// List acquisitions: of this host, and of a store
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ListArguments {
    /// Also what is registered in this store: a directory, or the address of a container
    #[arg(long, value_name = "STORE")]
    store: Option<PathBuf>,

    /// For a container: the settings file that says as whom it is read
    #[arg(long, value_name = "FILE", env = "CUSTODY_CONFIG")]
    config: Option<PathBuf>,

    #[command(flatten)]
    state: StatePlace,
}

impl ListArguments {
    pub(super) fn run(&self) -> Result<Answer, Failure> {
        block_on(self.list())
    }

    async fn list(&self) -> Result<Answer, Failure> {
        let journaled = match self.state.open_existing()? {
            Some(state) => Journaled::all(&state).await?,
            None => Vec::new(),
        };
        let mut text = "acquisitions of this host:\n".to_owned();
        let mut documents = Vec::new();
        let mut failure = None;
        if journaled.is_empty() {
            text.push_str("  none\n");
        }
        for journaled in journaled {
            match journaled {
                Ok(journaled) => {
                    text.push_str(&own_text(&journaled));
                    documents.push(own_document(&journaled));
                }
                // One that cannot be read must not look like none.
                Err(error) => {
                    text.push_str(&format!("  cannot be read: {error}\n"));
                    documents.push(json!({"error": printable::text(&error.to_string())}));
                    failure = Some(Failure::from(error));
                }
            }
        }
        let mut document = json!({"acquisitions": documents});
        if let Some(store) = &self.store {
            let place = StorePlace::named(store, self.config.as_deref())?;
            let events = registered(&place).await?;
            text.push_str(&format!("\nregistered in {}:\n", place.shown()));
            if !events
                .iter()
                .any(|event| matches!(event.act, Act::AcquisitionRegistered { .. }))
            {
                text.push_str("  none\n");
            }
            let mut registered = Vec::new();
            for event in &events {
                if let (Act::AcquisitionRegistered { state, .. }, Some(case), Some(acquisition)) =
                    (&event.act, &event.case, &event.acquisition)
                {
                    let state_word = state_word(Some(*state));
                    text.push_str(&format!(
                        "  {acquisition}  {state_word:<10}  {}  case {case}\n",
                        event.when.utc
                    ));
                    registered.push(json!({
                        "acquisition": acquisition,
                        "case": case,
                        "state": state,
                        "registered_at": event.when.utc,
                        "examiner": event.circumstances.who.stated.examiner,
                    }));
                }
            }
            if let Value::Object(members) = &mut document {
                members.insert("store".into(), json!(place.shown()));
                members.insert("registered".into(), json!(registered));
            }
        }
        Ok(Answer::new(text, document).with_failure(failure.map(|failure| {
            let exit = failure.exit().worst(Exit::Incomplete);
            failure.with_exit(exit)
        })))
    }
}

fn own_text(journaled: &Journaled) -> String {
    let status = &journaled.status;
    let word = match (status.outcome.state, journaled.settled) {
        (Some(_), false) => "closed, not registered: resume it",
        (state, _) => state_word(state),
    };
    let mut text = format!(
        "  {}  {word:<10}  {}  case {}\n",
        status.outcome.acquisition, status.opened_at, status.outcome.case
    );
    if let Some(store) = journaled.store() {
        let yet = match (&status.store, status.outcome.state) {
            (Some(_), _) => "",
            (None, None) => " (nothing is there yet)",
            (None, Some(_)) => " (it never came there)",
        };
        text.push_str(&format!("      store {}{yet}\n", printable::path(&store)));
    }
    if let (Some(why), None) = (journaled.why_in_no_store(), status.outcome.state) {
        text.push_str(&format!("      {}\n", printable::text(why)));
        text.push_str(&format!(
            "      once the cause is removed: custody resume {}\n",
            status.outcome.acquisition
        ));
    }
    for item in &status.outcome.items {
        text.push_str(&format!(
            "      {} {}: {}\n",
            item.item,
            item.disk,
            status_words(item)
        ));
        for words in item.keys.iter().flat_map(key_words::lines) {
            text.push_str(&format!("          key {words}\n"));
        }
        if let Some(access) = item.access_may_live {
            text.push_str(&format!("          access {}\n", access_words(access)));
        }
    }
    let reasons = journaled.reasons_for_keeping();
    for snapshot in &status.outcome.kept {
        let mut told = reasons.iter().filter(|(name, _)| *name == snapshot.to_string());
        text.push_str(&match told.next() {
            Some((_, reason)) => format!("      disk snapshot {snapshot} is kept: {reason}\n"),
            None => format!("      disk snapshot {snapshot} is there\n"),
        });
    }
    text
}

fn own_document(journaled: &Journaled) -> Value {
    let mut document = serde_json::to_value(&journaled.status).unwrap_or_default();
    let kept: Vec<Value> = journaled
        .reasons_for_keeping()
        .into_iter()
        .map(|(snapshot, reason)| json!({"snapshot": snapshot, "reason": reason}))
        .collect();
    if let Value::Object(members) = &mut document {
        members.insert("settled".into(), json!(journaled.settled));
        if let Some(why) = journaled.why_in_no_store() {
            members.insert("not_stored_because".into(), json!(why));
        }
        let stated = journaled.circumstances().map(|circumstances| &circumstances.why);
        if let Some(description) = stated.and_then(|why| why.description.as_ref()) {
            members.insert("description".into(), json!(description));
        }
        members.insert("kept_snapshots".into(), json!(kept));
    }
    document
}

/// The events of a store's register. Read only; the chain is checked, signatures are not.
async fn registered(store: &StorePlace) -> Result<Vec<Event>, Failure> {
    let reader = store.reader()?;
    let name = layout::log(&LogName::Register);
    let register = reader.open(&name).await?;
    Ok(read_chain(name.as_str(), log_lines::stored(register)).await?.1)
}
