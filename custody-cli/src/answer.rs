use serde_json::{Map, Value, json};

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printable;

/// What a command found or did: the same for a person and for a program.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    text: String,
    document: Map<String, Value>,
    failure: Option<Failure>,
    streamed: bool,
}

impl Answer {
    /// For a person, this text; for a program, the members of this object.
    pub(crate) fn new(text: impl Into<String>, document: Value) -> Self {
        let document = match document {
            Value::Object(members) => members,
            other => Map::from_iter([("answer".to_owned(), other)]),
        };
        Self {
            text: text.into(),
            document,
            ..Self::default()
        }
    }

    /// Everything was written to standard output on the way.
    pub(crate) fn streamed() -> Self {
        Self {
            streamed: true,
            ..Self::default()
        }
    }

    /// It did not end well, all the same.
    #[must_use]
    pub(crate) fn with_failure(mut self, failure: Option<Failure>) -> Self {
        self.failure = failure;
        self
    }

    /// It did not end well in this way, unless in another that weighs as much.
    #[must_use]
    pub(crate) fn or_failure(mut self, failure: Option<Failure>) -> Self {
        let weight = |failure: &Option<Failure>| failure.as_ref().map_or(0, |failure| failure.exit().code());
        if weight(&failure) > weight(&self.failure) {
            self.failure = failure;
        }
        self
    }

    /// As one of several answers: its text, the document that it would be alone, and how it did not end well.
    pub(crate) fn into_part(self, command: &str) -> (String, Value, Option<Failure>) {
        let document = document(command, self.document, self.failure.clone());
        (self.text, document, self.failure)
    }

    /// Prints it, and gives the exit.
    pub(crate) fn print(self, command: &str, console: &Console) -> Exit {
        let exit = exit_of(self.failure.as_ref());
        if console.is_json() {
            if !self.streamed || self.failure.is_some() {
                let document = document(command, self.document, self.failure);
                // One line, so that the document can also end a stream of JSON Lines.
                console.out(format!("{document}\n").as_bytes());
            }
        } else {
            console.out(printable::lines(&self.text).as_bytes());
            if let Some(failure) = self.failure {
                console.err(&failure.to_text());
            }
        }
        exit
    }
}

/// Prints why there is no answer, and gives the exit.
pub(crate) fn print_failure(command: &str, failure: Failure, console: &Console) -> Exit {
    Answer::default()
        .with_failure(Some(failure))
        .print(command, console)
}

fn exit_of(failure: Option<&Failure>) -> Exit {
    failure.map_or(Exit::Done, Failure::exit)
}

fn document(command: &str, members: Map<String, Value>, failure: Option<Failure>) -> Value {
    let mut document = Map::new();
    document.insert("command".into(), json!(command));
    document.insert("exit".into(), json!(exit_of(failure.as_ref()).code()));
    if let Some(failure) = failure {
        failure.into_members(&mut document);
    }
    document.extend(members);
    Value::Object(document)
}
