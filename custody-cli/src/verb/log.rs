use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use custody_core::custody_log::{Chain, Event};
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{EvidenceReader, LogName, LogStore as _};
use custody_core::{Error, layout};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use crate::answer::Answer;
use crate::console::Console;
use crate::driver::block_on;
use crate::failure::Failure;
use crate::log_lines;
use crate::printable;
use crate::state_place::StatePlace;
use crate::store_place::StorePlace;

const EXAMPLES: &str = "\
Examples:
  custody log 20261121T203015Z-0123abcd
      what this host did in an acquisition
  custody log /mnt/evidence
      the register: what happened in a store
  custody log /mnt/evidence 20261121T203015Z-0123abcd
      the acquisition's log as it lies in the store
  custody log https://socevidence.blob.core.windows.net/immutable \\
      --config custody.toml
      the register of a container
  custody log /mnt/evidence --json | jq -c .type
      the lines as stored, one JSON object each

This shows; it checks no more than that the lines chain. `custody verify` checks
signatures as well.";

/// The longest value that is shown of a line; --json has all of it.
const MAX_VALUE_CHARS: usize = 120;

/// The lines of a register that are about an acquisition.
const REGISTERED: &str = "acquisition.registered";

/// Show who did what, when, in an acquisition or in a store
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LogArguments {
    /// An acquisition of this host; or a store: a directory, or the address of a container
    /// (https://ACCOUNT.blob.core.windows.net/CONTAINER)
    #[arg(value_name = "ACQUISITION|STORE")]
    of: PathBuf,

    /// One acquisition of the store, instead of its register
    #[arg(value_name = "ACQUISITION")]
    acquisition: Option<AcquisitionId>,

    /// For a container: the settings file that says as whom it is read
    #[arg(long, value_name = "FILE", env = "CUSTODY_CONFIG")]
    config: Option<PathBuf>,

    #[command(flatten)]
    state: StatePlace,
}

impl LogArguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer, Failure> {
        block_on(self.show(console))
    }

    async fn show(&self, console: &Console) -> Result<Answer, Failure> {
        let own = self
            .of
            .to_str()
            .and_then(|text| text.parse::<AcquisitionId>().ok());
        if let (Some(acquisition), None) = (own, &self.acquisition) {
            let missing = || {
                Failure::from(Error::NotFound {
                    object: format!("acquisition {acquisition} on this host"),
                })
                .with_next("`custody list` names this host's acquisitions; one in a store is `custody log STORE ACQUISITION`")
            };
            let state = self.state.open_existing()?.ok_or_else(missing)?;
            let log = match state.log_name(&acquisition).await {
                Err(error) if matches!(error.meaning(), Error::NotFound { .. }) => return Err(missing()),
                other => other?,
            };
            let journal = state.journal();
            return print(journal.lines(&log, 0), &log.to_string(), console).await;
        }
        let place = StorePlace::named(&self.of, self.config.as_deref())?;
        let reader = place.reader()?;
        let name = match &self.acquisition {
            None => layout::log(&LogName::Register),
            Some(acquisition) => find(reader.as_ref(), acquisition, &place).await?,
        };
        let object = reader.open(&name).await.map_err(|error| {
            let not_found = matches!(error.meaning(), Error::NotFound { .. });
            let failure = Failure::from(error);
            if not_found {
                failure.with_next(match &place {
                    StorePlace::Directory(_) => "name the directory that was given as --store",
                    StorePlace::Container { .. } => {
                        "name the container that evidence was stored in, as `custody list` does"
                    }
                })
            } else {
                failure
            }
        })?;
        print(log_lines::stored(object), name.as_str(), console).await
    }
}

/// The log of an acquisition in a store, whatever its case.
async fn find(
    reader: &dyn EvidenceReader,
    acquisition: &AcquisitionId,
    store: &StorePlace,
) -> Result<ObjectName, Failure> {
    let mut objects = reader.list(Some(layout::cases()));
    while let Some(object) = objects.next().await {
        let object = match object {
            Ok(object) => object,
            // What has no object's name is none of ours; the verifier reports it.
            Err(error) if matches!(error.meaning(), Error::Malformed { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let is_log = object.name.file_name().as_str() == layout::LOG_FILE;
        let folder = object.name.folder().map(|folder| folder.file_name());
        if is_log && folder.is_some_and(|folder| folder.as_str() == acquisition.as_str()) {
            return Ok(object.name);
        }
    }
    Err(Error::NotFound {
        object: format!("acquisition {acquisition} in {}", store.shown()),
    }
    .into())
}

async fn print(
    mut lines: BoxStream<'_, custody_core::Result<Bytes>>,
    object: &str,
    console: &Console,
) -> Result<Answer, Failure> {
    if console.is_json() {
        while let Some(line) = lines.try_next().await? {
            console.out(&[&line[..], b"\n"].concat());
            if console.out_is_gone() {
                break;
            }
        }
        return Ok(Answer::streamed());
    }
    let mut timeline = Timeline::default();
    let mut chain = Chain::new();
    while let Some(line) = lines.try_next().await? {
        let event = chain.take(&line).map_err(|fault| Error::Integrity {
            object: object.to_owned(),
            place: format!("line {}", fault.line),
            expected: "the next line of this log".into(),
            actual: fault.reason,
        })?;
        console.out(timeline.show(&event).as_bytes());
        if console.out_is_gone() {
            break;
        }
    }
    Ok(Answer::streamed())
}

/// The lines for a person: who acts is said when it changes.
#[derive(Debug, Default)]
struct Timeline {
    actor: String,
}

impl Timeline {
    fn show(&mut self, event: &Event) -> String {
        let mut text = String::new();
        let actor = actor(event);
        if actor != self.actor {
            text.push_str(&actor);
            self.actor = actor;
        }
        let act = serde_json::to_value(&event.act).unwrap_or_default();
        let kind = act.get("type").and_then(Value::as_str).unwrap_or("?");
        text.push_str(&format!("{:>6}  {}  {kind}", event.seq + 1, event.when.utc));
        if let (Some(case), Some(acquisition)) = (&event.case, &event.acquisition)
            && (event.seq == 0 || kind == REGISTERED)
        {
            text.push_str(&format!("  case={case}  acquisition={acquisition}"));
        }
        if let Some(Value::Object(what)) = act.get("what") {
            for (name, value) in what {
                if let Some(value) = shown(name, value) {
                    text.push_str(&format!("  {name}={value}"));
                }
            }
        }
        text.push('\n');
        printable::lines(&text)
    }
}

fn actor(event: &Event) -> String {
    let circumstances = &event.circumstances;
    let fact = |facts: &std::collections::BTreeMap<String, String>, name: &str| {
        facts.get(name).cloned().unwrap_or_else(|| "?".into())
    };
    format!(
        "{} (user {} on {}), {} {}; authority: {}\n",
        circumstances.who.stated.examiner,
        fact(&circumstances.who.authenticated, "os-user"),
        fact(&circumstances.place, "host"),
        circumstances.how.tool,
        circumstances.how.version,
        circumstances.why.authority,
    )
}

/// A value of a line where it is short enough to help: texts, numbers, and of a failure its error.
fn shown(name: &str, value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(values) => format!("[{}]", values.len()),
        Value::Object(members) if name == "failure" => members.get("error")?.as_str()?.to_owned(),
        Value::Object(members) => ["verdict", "stored_file", "sha256", "name", "kind"]
            .into_iter()
            .find_map(|member| members.get(member)?.as_str())?
            .to_owned(),
        Value::Bool(_) | Value::Null => return None,
    };
    let cut: String = text.chars().take(MAX_VALUE_CHARS).collect();
    let cut = if cut.len() < text.len() {
        format!("{cut}…")
    } else {
        cut
    };
    Some(if cut.contains(' ') {
        format!("\"{cut}\"")
    } else {
        cut
    })
}
