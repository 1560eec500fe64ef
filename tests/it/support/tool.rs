//! The one way to run the tool, `duffel-hooks`: a command with an empty environment, and its result.
//!
//! Each area adds the variables that its commands need, and nothing else.

use std::{
    ffi::OsStr,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tokio::task::spawn_blocking;

use crate::support::duffel::{LIVE_TOKEN, TOKEN};

pub const TOOL: &str = env!("CARGO_BIN_EXE_duffel-hooks");

/// A command of the tool with an empty environment.
pub fn command(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(TOOL);
    command.args(arguments).env_clear();
    command
}

/// Runs a command on another thread, since a proxy that it uses runs on the thread of the test.
pub async fn run(mut command: Command) -> Output {
    spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// Runs a command to its end with nobody who reads its standard output.
pub fn run_unread(command: &mut Command) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
}

/// Starts a command, so that the test can interrupt it.
pub fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for the end of a command that was started, on another thread.
pub async fn finish(process: Child) -> Output {
    spawn_blocking(move || process.wait_with_output().unwrap()).await.unwrap()
}

/// Sends a signal to a process: `INT`, `TERM` or `HUP`.
pub fn signal(name: &str, process: &Child) {
    let arguments = [format!("-{name}"), process.id().to_string()];
    assert!(Command::new("kill").args(arguments).status().unwrap().success());
}

/// Waits for something that will happen soon.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
}

/// The output of a command as text, and its exit code. It never holds an access token.
pub struct Done {
    pub out: String,
    pub err: String,
    pub code: i32,
}

impl Done {
    pub fn of(output: &Output) -> Self {
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        for token in [TOKEN, LIVE_TOKEN] {
            assert!(!out.contains(token) && !err.contains(token), "an access token is printed: {out}{err}");
        }
        Self { out, err, code: output.status.code().unwrap() }
    }

    /// The lines of a command that succeeded and has nothing to add.
    pub fn lines(&self) -> Vec<&str> {
        assert_eq!((self.code, &*self.err), (0, ""), "{}", self.out);
        self.out.lines().collect()
    }

    /// The member `id` of each line of JSON.
    pub fn ids(&self) -> Vec<String> {
        let json = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        self.out.lines().map(|line| json(line)["id"].as_str().unwrap().to_owned()).collect()
    }

    pub fn assert_failed(&self, code: i32, message: &str) {
        assert_eq!(self.code, code, "{}", self.err);
        assert!(self.err.contains(message), "{}", self.err);
    }
}
