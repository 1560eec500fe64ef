//! A running `duffel-hooks serve`: the receiver that most tests of the tool deliver to.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::support::{ministack::Backend, tool};

/// The time limit for a line.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running `serve`, killed at the end of its test.
pub struct Serve {
    pub process: Child,
    /// The lines of the standard output: the messages.
    pub lines: Receiver<String>,
    /// The lines of the standard error: the greeting, then the log.
    pub log: Receiver<String>,
}

impl Serve {
    /// With queue and ledger in memory.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let mut command = tool::command(["serve", "--listen", "127.0.0.1:0"]);
        Self::spawn(command.envs(variables.iter().copied()))
    }

    /// With a real queue and table.
    pub fn forward(backend: &Backend, secret: &str) -> Self {
        Self::forward_with(&[&backend.variables()[..], &[("WEBHOOK_SECRET", secret)]].concat())
    }

    /// With the real queue and table that the variables name.
    pub fn forward_with(variables: &[(&str, &str)]) -> Self {
        let mut command = tool::command(["serve", "--listen", "127.0.0.1:0", "--forward"]);
        Self::spawn(command.envs(variables.iter().copied()))
    }

    pub fn spawn(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = follow(process.stdout.take().unwrap());
        let log = follow(process.stderr.take().unwrap());
        Self { process, lines, log }
    }

    /// With a consumer that reads the messages from its standard input. Its output takes the place of theirs.
    pub fn spawn_before(command: &mut Command, consumer: impl FnOnce(Stdio) -> Child) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It ends with the messages.
        let mut consumer = consumer(process.stdout.take().unwrap().into());
        let lines = follow(consumer.stdout.take().unwrap());
        let log = follow(process.stderr.take().unwrap());
        thread::spawn(move || consumer.wait());
        Self { process, lines, log }
    }

    /// The rest of the first line of the greeting that begins with a prefix.
    pub fn line(&self, prefix: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap();
            if let Some(rest) = line.trim_start().strip_prefix(prefix) {
                return rest.trim().to_owned();
            }
        }
    }

    /// The next message: printed over several lines, from `{` to `}`.
    pub fn message(&self) -> Value {
        let mut text = String::new();
        while text.is_empty() || !text.ends_with("\n}\n") {
            let line = self.lines.recv_timeout(PATIENCE).unwrap();
            if !text.is_empty() || line == "{" {
                text.push_str(&line);
                text.push('\n');
            }
        }
        serde_json::from_str(&text).unwrap()
    }

    /// The next line of the log, which follows the greeting.
    pub fn logged(&self) -> Value {
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap();
            if let Ok(logged @ Value::Object(_)) = serde_json::from_str(&line) {
                return logged;
            }
        }
    }

    /// Ends it, and returns the lines of its output and of its log that were not read yet.
    pub fn rest(&mut self) -> (Vec<String>, Vec<String>) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        (self.lines.iter().collect(), self.log.iter().collect())
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn follow(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        BufReader::new(stream).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    receiver
}
