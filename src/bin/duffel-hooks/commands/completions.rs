//! `completions`: the script with which a shell completes the tool's arguments.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{NAME, shared::Result};

/// Prints a shell script that completes this tool's arguments
#[derive(Args)]
#[command(after_help = "\
Examples:
  duffel-hooks completions bash \\
    > ~/.local/share/bash-completion/completions/duffel-hooks
  duffel-hooks completions zsh > \"${fpath[1]}/_duffel-hooks\"
  duffel-hooks completions fish > ~/.config/fish/completions/duffel-hooks.fish")]
pub(crate) struct Arguments {
    /// The shell to complete in
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // Not to the standard output directly: clap_complete panics if that is closed.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::Arguments::command(), NAME, &mut script);
    let mut script = String::from_utf8(script)?;
    if arguments.shell == Shell::Bash {
        script = mend(&script);
    }
    Ok(io::stdout().write_all(script.as_bytes())?)
}

/// Gives the program, whose name has a hyphen, one name throughout the script.
///
/// Without this, bash completes nothing below the first level: <https://github.com/clap-rs/clap/issues/6421>.
fn mend(script: &str) -> String {
    script.replace(&NAME.replace('-', "__subcmd__"), &NAME.replace('-', "__"))
}
