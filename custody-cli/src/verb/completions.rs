use clap::Args;
use clap_complete::Shell;

use crate::answer::Answer;
use crate::console::Console;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  custody completions bash > /etc/bash_completion.d/custody
  custody completions zsh > ~/.zfunc/_custody";

/// Print what a shell needs to complete custody's commands
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl CompletionsArguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::command(), "custody", &mut script);
        if console.is_json() {
            let script = String::from_utf8_lossy(&script).into_owned();
            return Ok(Answer::new(
                "",
                serde_json::json!({"shell": self.shell.to_string(), "script": script}),
            ));
        }
        console.out(&script);
        Ok(Answer::streamed())
    }
}
