//! `completions`: what a shell needs to complete the tool's arguments.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Result;

/// Prints a script that completes this tool's arguments in a shell
#[derive(Args)]
#[command(after_help = "\
Examples:
  duffel-hooks completions bash > ~/.local/share/bash-completion/completions/duffel-hooks
  duffel-hooks completions zsh > \"${fpath[1]}/_duffel-hooks\"
  duffel-hooks completions fish > ~/.config/fish/completions/duffel-hooks.fish")]
pub(crate) struct Arguments {
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // Not straight to the standard output: there clap_complete panics when nobody reads on.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::Arguments::command(), "duffel-hooks", &mut script);
    Ok(io::stdout().write_all(&script)?)
}
