//! `completions`: the script with which a shell completes the tool's arguments.

use std::io::{self, Write};

use clap::{Arg, Args, Command, CommandFactory, builder::PossibleValue};
use clap_complete::Shell;

use crate::{NAME, shared::Result};

/// Prints a shell script that completes this tool's arguments
///
/// It completes commands, options, event types and schemes.
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
    match arguments.shell {
        Shell::Bash => script = mend(&script),
        Shell::Fish => script.push_str(&of_positionals(&crate::Arguments::command())),
        _ => {}
    }
    Ok(io::stdout().write_all(script.as_bytes())?)
}

/// Gives the program, whose name has a hyphen, one name throughout the script.
///
/// Without this, bash completes nothing below the first level: <https://github.com/clap-rs/clap/issues/6421>.
fn mend(script: &str) -> String {
    script.replace(&NAME.replace('-', "__subcmd__"), &NAME.replace('-', "__"))
}

/// Returns the lines of the script for fish that complete the values of arguments without a name, which `clap_complete`
/// leaves out.
fn of_positionals(command: &Command) -> String {
    let line = |subcommand: &Command, argument: &Arg| {
        let values = argument.get_possible_values();
        let values: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
        let (program, name, values) = (NAME.replace('-', "_"), subcommand.get_name(), values.join(" "));
        format!("complete -c {NAME} -n '__fish_{program}_using_subcommand {name}' -f -a '{values}'\n")
    };
    let with_values = |argument: &&Arg| !argument.get_possible_values().is_empty();
    let of = |subcommand| {
        Command::get_positionals(subcommand).filter(with_values).map(move |it| line(subcommand, it))
    };
    command.get_subcommands().flat_map(of).collect()
}
