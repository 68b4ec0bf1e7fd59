use clap::{Args, Subcommand};
use custody_core::custody_log::VerifierKey;
use custody_core::port::SealSigner as _;
use custody_local::{KeyOrigin, StateFolder, SystemEntropy};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::signing;
use crate::state_place::StatePlace;

const EXAMPLES: &str = "\
Examples:
  custody key new
      makes this host's signing key before its first capture
  custody key show
      shows its fingerprint, to be written down away from this host
  custody key show --json | jq -r .key >> trust.txt
      for `custody verify --trust trust.txt` on another host";

/// Make and show the keys with which this host signs
///
/// A key is made by itself on a host's first capture. Its fingerprint must be written down away from the host: it is
/// what tells an honest store from one that was signed anew by somebody else.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KeyArguments {
    #[command(subcommand)]
    act: KeyAct,
}

#[derive(Debug, Subcommand)]
enum KeyAct {
    /// Make a key; refused where one of this name is there
    New {
        /// Its name [default: custody- and this host's name]
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        state: StatePlace,
    },
    /// List this host's keys
    List {
        #[command(flatten)]
        state: StatePlace,
    },
    /// Show a key: its fingerprint, its line for trust files, and its PEM form for openssl
    Show {
        /// Its name [default: the key that signs captures]
        name: Option<String>,
        #[command(flatten)]
        state: StatePlace,
    },
}

impl KeyArguments {
    pub(super) fn run(&self) -> Result<Answer, Failure> {
        match &self.act {
            KeyAct::New { name, state } => new(name.as_deref(), state),
            KeyAct::List { state } => list(state),
            KeyAct::Show { name, state } => show(name.as_deref(), state),
        }
    }
}

fn new(name: Option<&str>, place: &StatePlace) -> Result<Answer, Failure> {
    let state = place.open()?;
    let first = signing::name_of_first_key();
    let name = name.unwrap_or(&first);
    let (signer, origin) = state.signer_or_new(name, &SystemEntropy::new())?;
    let key = signer.verifier_key();
    if origin == KeyOrigin::Existing {
        let there = custody_core::Error::AlreadyExists {
            object: format!("key {name}"),
        };
        return Err(Failure::from(there).with_next("`custody key show` shows it; --name makes another"));
    }
    let text = format!(
        "{}next: write the fingerprint down, away from this host and from any store\n",
        in_full(key)
    );
    Ok(Answer::new(text, document(key)))
}

fn list(place: &StatePlace) -> Result<Answer, Failure> {
    let keys = match place.open_existing()? {
        Some(state) => signing::keys(&state)?,
        None => Vec::new(),
    };
    let mut text: String = keys
        .iter()
        .map(|key| format!("{}  {}\n", key.fingerprint(), key.name()))
        .collect();
    if keys.is_empty() {
        text = "no key yet: the first capture makes one, and so does `custody key new`\n".into();
    }
    let keys: Vec<Value> = keys.iter().map(signing::document).collect();
    Ok(Answer::new(text, json!({"keys": keys})))
}

fn show(name: Option<&str>, place: &StatePlace) -> Result<Answer, Failure> {
    let none = || {
        Failure::new(
            Exit::Incomplete,
            "this host has no signing key",
            custody_core::Remedy::FixRequest,
        )
        .with_next("custody key new")
    };
    let state: StateFolder = place.open_existing()?.ok_or_else(none)?;
    let key = match name {
        None if signing::keys(&state)?.is_empty() => return Err(none()),
        name => signing::must_exist(&state, &signing::choose(&state, name)?)?,
    };
    Ok(Answer::new(in_full(&key), document(&key)))
}

fn in_full(key: &VerifierKey) -> String {
    format!(
        "name         {}\nfingerprint  {}\nkey          {key}\n\n{}\n",
        key.name(),
        key.fingerprint(),
        key.pem()
    )
}

fn document(key: &VerifierKey) -> Value {
    let mut document = signing::document(key);
    if let Some(members) = document.as_object_mut() {
        members.insert("pem".into(), json!(key.pem()));
    }
    document
}
