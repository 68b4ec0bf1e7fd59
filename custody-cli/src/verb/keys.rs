use std::sync::Arc;

use clap::{Args, Subcommand};

use super::keys_give_up::GiveUpArguments;
use super::keys_prove::ProveArguments;
use super::keys_show::ShowArguments;
use crate::answer::Answer;
use crate::console::Console;
use crate::driver::block_on;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  custody keys show 20261121T203015Z-0123abcd
      which keys its disks need, which are in the escrow, which open the copies
  custody keys prove /mnt/evidence item-1 --key-file disk.BEK
      tries a key on the stored copy, and changes nothing
  custody keys prove /mnt/evidence --identity custodian.txt
      takes the keys from the escrow, unwraps them, and tries each on its copy
  custody keys give-up 20261121T203015Z-0123abcd item-2 --reason 'vault purged'
      when a key is gone for good: `custody resume` can seal then

A key is never printed, and never given as a word of a command. The keys with
which this host signs are another thing: `custody key`.";

/// The keys of encrypted disks: show which are escrowed, prove that they open the evidence
///
/// Keys themselves are never shown.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KeysArguments {
    #[command(subcommand)]
    act: KeysAct,
}

#[derive(Debug, Subcommand)]
enum KeysAct {
    Show(ShowArguments),
    Prove(ProveArguments),
    GiveUp(GiveUpArguments),
}

impl KeysArguments {
    pub(super) fn run(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        match &self.act {
            KeysAct::Show(show) => block_on(show.show()),
            KeysAct::Prove(prove) => block_on(prove.prove(console)),
            KeysAct::GiveUp(order) => block_on(order.give_up(console)),
        }
    }
}
