//! The output of `serve` on a terminal.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use crate::support::{
    serve::Serve,
    tool::{self, TOOL},
};

const BODY: &str = "events/bodies/order.created.json";

/// Starts `serve` with a terminal as its standard streams.
pub fn on_a_terminal(options: &[&str], variables: &[(&str, &str)]) -> Serve {
    spawn(&[&[TOOL, "serve", "--listen", "0"], options].concat(), variables)
}

/// Starts a command with a terminal, whose output is that of the process.
fn spawn(command: &[&str], variables: &[(&str, &str)]) -> Serve {
    let mut terminal = Command::new("python3");
    terminal.args(["-c", "import pty, sys; pty.spawn(sys.argv[1:])"]).args(command);
    terminal.stdin(Stdio::null()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    Serve::spawn(terminal.env("WEBHOOK_SECRET", "hush").env("TERM", "xterm").envs(variables.iter().copied()))
}

/// Returns the lines up to the first one that contains a text.
pub fn until(serve: &Serve, text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| !line.contains(text)) {
        let line = serve.lines.recv_timeout(Duration::from_secs(20));
        lines.push(line.unwrap_or_else(|_| panic!("no line with {text}: {lines:#?}")));
    }
    lines
}

fn send(serve: &Serve, secret: &str) {
    let greeting = until(serve, "Receiving on ");
    let url = greeting.last().unwrap().trim().strip_prefix("Receiving on ").unwrap().to_owned();
    until(serve, " send --to ");
    for secret in ["hush", secret] {
        let mut command = tool::command(["send", "--to", &url, BODY]);
        command.env("WEBHOOK_SECRET", secret).output().unwrap();
    }
}

#[test]
fn a_terminal_has_a_line_for_each_delivery_and_no_json() {
    let serve = on_a_terminal(&[], &[("NO_COLOR", "1")]);
    send(&serve, "\"hush\"");
    let lines = until(&serve, "401 unauthorized");
    let line = lines.iter().find(|line| line.contains("202 accepted")).unwrap();
    let (time, rest) = line.split_once("Z ").unwrap();
    assert_eq!(time.len(), "12:34:56".len());
    assert_eq!(rest.trim_end(), "202 accepted     order.created wev_0000A4tQSmKyqOrcySrGbo");
    let refused = lines.last().unwrap();
    let reason = "(refused: signed with a secret that is not active; it would match with quotes around it)";
    assert!(refused.contains(reason), "{refused}");
    assert!(lines.iter().all(|line| !line.contains(['{', '\x1b'])), "{lines:#?}");
}

#[test]
fn colours_and_whole_messages_are_printed_on_a_terminal_where_they_are_wanted() {
    let serve = on_a_terminal(&["--verbose"], &[]);
    send(&serve, "other");
    let lines = until(&serve, "401 unauthorized");
    assert!(lines.iter().any(|line| line.contains("\x1b[32m202 accepted")), "{lines:#?}");
    assert!(lines.last().unwrap().contains("\x1b[31m401 unauthorized"), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("\"MessageId\": ")), "{lines:#?}");
}

#[test]
fn with_json_a_terminal_has_messages_only() {
    let errors = tempfile::NamedTempFile::new().unwrap();
    let run = format!("exec {TOOL} serve --listen 0 --json 2>{}", errors.path().display());
    let serve = spawn(&["sh", "-c", &run], &[]);
    let url = loop {
        let greeting = std::fs::read_to_string(errors.path()).unwrap();
        let line = greeting.lines().find_map(|line| line.strip_prefix("Receiving on "));
        if let Some(url) = line {
            break url.to_owned();
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    for secret in ["other", "hush"] {
        tool::command(["send", "--to", &url, BODY]).env("WEBHOOK_SECRET", secret).output().unwrap();
    }
    assert_eq!(serve.message()["MessageAttributes"]["event_type"]["StringValue"], "order.created");
    assert!(serve.lines.try_recv().is_err());
}
