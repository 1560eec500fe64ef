//! A terminal for a command of the tool: what it shows there, and an answer to its question.

use std::process::{Command, Output};

use crate::support::tool::TOOL;

/// Runs the tool on a terminal of its own, which Python provides. The answer is typed when there is a question.
const RUN: &str = r#"
import os, pty, sys
answer, tool = sys.argv[1], sys.argv[2:]
process, terminal = pty.fork()
if process == 0:
    os.execv(tool[0], tool)
shown, is_answered = b"", False
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    shown += part
    if b"[y/N]" in shown and not is_answered:
        is_answered = True
        os.write(terminal, answer.encode() + b"\n")
os.write(1, shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"#;

/// Runs a command with an answer, and returns what was on the terminal as its standard output.
pub fn run(command: &Command, answer: &str) -> Output {
    let mut python = Command::new("python3");
    python.args(["-c", RUN, answer, TOOL]).args(command.get_args()).env_clear();
    python.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).output().unwrap()
}
