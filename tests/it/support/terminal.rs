//! A terminal for a command of the tool: what it shows there, an answer to its question, and an interruption.

use std::process::{Command, Output};

use crate::support::tool::TOOL;

/// Runs the tool on a terminal of its own, which Python provides. Once a text is shown, the input is typed, which may be
/// the character of Ctrl-C.
const RUN: &str = r#"
import os, pty, sys
text, typed, tool = sys.argv[1], sys.argv[2], sys.argv[3:]
process, terminal = pty.fork()
if process == 0:
    os.execv(tool[0], tool)
shown, is_typed = b"", False
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    shown += part
    if text.encode() in shown and not is_typed:
        is_typed = True
        os.write(terminal, typed.encode())
os.write(1, shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"#;

/// Runs a command with an answer to its question, and returns what was on the terminal as its standard output.
pub fn run(command: &Command, answer: &str) -> Output {
    type_at(command, "[y/N]", &format!("{answer}\n"))
}

/// Runs a command, interrupts it once it has shown a text, and returns what was on the terminal.
pub fn interrupt(command: &Command, text: &str) -> Output {
    type_at(command, text, "\u{3}")
}

fn type_at(command: &Command, text: &str, typed: &str) -> Output {
    let mut python = Command::new("python3");
    python.args(["-c", RUN, text, typed, TOOL]).args(command.get_args()).env_clear();
    python.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).output().unwrap()
}
