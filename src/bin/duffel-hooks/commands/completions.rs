//! `completions`: the script with which a shell completes the tool's arguments.

use std::io::{self, Write};

use clap::{Arg, Args, Command, CommandFactory, builder::PossibleValue};
use clap_complete::Shell;

use crate::{NAME, shared::Result};

/// Prints a shell script that completes this tool's arguments
///
/// It completes commands, options, event types and schemes. In bash, zsh and fish, --stack is completed as well: with the
/// name in DUFFEL_HOOKS_STACK, the one in samconfig.toml, and those of the account and Region, if AWS answers within a
/// second (cloudformation:DescribeStacks and cloudformation:ListStacks on all stacks).
#[derive(Args)]
#[command(after_help = "\
Examples:
  duffel-hooks completions bash \\
    > ~/.local/share/bash-completion/completions/duffel-hooks
  duffel-hooks completions zsh > \"${fpath[1]}/_duffel-hooks\"
  duffel-hooks completions fish > ~/.config/fish/completions/duffel-hooks.fish")]
#[expect(clippy::doc_markdown, reason = "this is the help")]
pub(crate) struct Arguments {
    /// The shell to complete in
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // Not to the standard output directly: clap_complete panics if that is closed.
    let mut script = Vec::new();
    let mut command = crate::Arguments::command();
    if matches!(arguments.shell, Shell::Bash | Shell::Fish | Shell::Zsh) {
        command = with_marks(command);
    }
    clap_complete::generate(arguments.shell, &mut command, NAME, &mut script);
    let mut script = String::from_utf8(script)?;
    let names = format!("{NAME} stack-names 2>/dev/null");
    match arguments.shell {
        Shell::Bash => script = mend(&script).replace(MARK, &format!("$({names})")),
        Shell::Zsh => script = script.replace(MARK, &format!("$({names})")),
        Shell::Fish => {
            // The mark is the only value, with an empty description.
            script = script.replace(&format!("{MARK}\\t''"), &format!("({names})"));
            script.push_str(&of_positionals(&crate::Arguments::command()));
        }
        _ => {}
    }
    Ok(io::stdout().write_all(script.as_bytes())?)
}

/// The place of the command that prints the names of stacks, in a script that only has lists of values.
const MARK: &str = "STACK_NAMES";

/// Gives each `--stack` the mark as its only value.
fn with_marks(command: Command) -> Command {
    let has_stack = command.get_arguments().any(|argument| argument.get_long() == Some("stack"));
    let command =
        if has_stack { command.mut_arg("stack", |argument| argument.value_parser([MARK])) } else { command };
    command.mut_subcommands(with_marks)
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
