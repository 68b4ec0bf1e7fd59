use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::answer::Answer;
use crate::console::Console;
use crate::failure::Failure;
use crate::printable;

const EXAMPLES: &str = "\
Examples:
  custody man | man -l -
  custody man --dir /usr/local/share/man/man1";

/// Print custody's manual page, or write the pages of all commands into a directory
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ManArguments {
    /// Write one page a command into this directory, which must be there; pages there are replaced
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl ManArguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer, Failure> {
        let mut command = crate::command();
        command.build();
        if let Some(dir) = &self.dir {
            let mut written = Vec::new();
            write_pages(dir, &command, "custody", &mut written)?;
            let text: String = written.iter().map(|path| format!("{path}\n")).collect();
            return Ok(Answer::new(text, json!({"written": written})));
        }
        let page =
            page(&command, "custody").map_err(|error| Failure::system("manual page", "write", error))?;
        if console.is_json() {
            return Ok(Answer::new("", json!({"page": String::from_utf8_lossy(&page)})));
        }
        console.out(&page);
        Ok(Answer::streamed())
    }
}

fn page(command: &clap::Command, name: &str) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone().display_name(name.to_owned())).render(&mut page)?;
    Ok(page)
}

fn write_pages(
    dir: &Path,
    command: &clap::Command,
    name: &str,
    written: &mut Vec<String>,
) -> Result<(), Failure> {
    let path = dir.join(format!("{name}.1"));
    let shown = printable::path(&path);
    page(command, name)
        .and_then(|page| fs::write(&path, page))
        .map_err(|error| Failure::system(&shown, "write", error))?;
    written.push(shown);
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        write_pages(dir, verb, &format!("{name}-{}", verb.get_name()), written)?;
    }
    Ok(())
}
