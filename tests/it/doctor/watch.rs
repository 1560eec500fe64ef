//! `doctor` prints findings as they come, and with `--watch` what changed.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
};

use duffel_webhook_receiver::deployment::Output;
use http::Response;
use serde_json::Value;
use tokio::sync::Notify;

use super::{Deployment, monitored, monitoring::set_alarm};
use crate::support::{runtime_api::listen, tool::signal};

/// A doctor that runs, and what it prints.
struct Running {
    process: Child,
    lines: Option<BufReader<ChildStdout>>,
}

impl Running {
    fn start(doctor: &mut Command) -> Self {
        let mut process = doctor.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Some(BufReader::new(process.stdout.take().unwrap()));
        Self { process, lines }
    }

    /// Waits for the next line.
    async fn line(&mut self) -> String {
        let mut lines = self.lines.take().unwrap();
        let read = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            (line, lines)
        });
        let (line, lines) = read.await.unwrap();
        self.lines = Some(lines);
        line
    }

    async fn json(&mut self) -> Value {
        serde_json::from_str(&self.line().await).unwrap()
    }

    /// Reads up to the summary of the first round.
    async fn first_round(&mut self) {
        while self.json().await["summary"].is_null() {}
    }

    fn end(&mut self) {
        signal("INT", &self.process);
        assert!(!self.process.wait().unwrap().success());
    }
}

#[tokio::test]
async fn findings_are_printed_before_the_last_check_is_made() {
    let mut deployment = Deployment::healthy().await;
    let release = Arc::new(Notify::new());
    let held = Arc::clone(&release);
    let address = listen(move |_| {
        let held = Arc::clone(&held);
        async move {
            held.notified().await;
            let answer = Response::builder().status(401).body(r#"{"status":"unauthorized"}"#.to_owned());
            Ok::<_, std::io::Error>(answer.unwrap())
        }
    });
    let url = format!("http://{}/webhooks/duffel", address.await);
    deployment.stack = monitored(&url, &[]).await;
    deployment.put_secret(&deployment.secret).await;
    let mut doctor = Running::start(&mut deployment.doctor());
    let stack = doctor.line().await;
    assert!(stack.starts_with("OK    stack "), "{stack}");
    let mut line = stack;
    while !line.starts_with("OK    notification ") {
        line = doctor.line().await;
        assert!(line.starts_with("OK    "), "{line}");
    }
    // Nothing has answered yet.
    assert!(doctor.process.try_wait().unwrap().is_none());
    release.notify_one();
    let receiver = doctor.line().await;
    assert!(receiver.starts_with("OK    receiver "), "{receiver}");
    doctor.process.kill().unwrap();
    doctor.process.wait().unwrap();
}

#[tokio::test]
async fn watch_prints_only_what_changed() {
    let deployment = Deployment::healthy().await;
    let mut command = deployment.doctor();
    let mut doctor = Running::start(command.args(["--json", "--watch", "1"]));
    doctor.first_round().await;
    let stack = &deployment.stack;
    set_alarm(&stack.name, "SlowAlarm", "ALARM").await;
    let on = doctor.json().await;
    assert_eq!((&on["check"], &on["state"]), (&"SlowAlarm".into(), &"FAIL".into()), "{on}");
    assert!(on["at"].as_str().unwrap().ends_with('Z'), "{on}");
    set_alarm(&stack.name, "SlowAlarm", "OK").await;
    let off = doctor.json().await;
    assert_eq!((&off["check"], &off["state"]), (&"SlowAlarm".into(), &"OK".into()), "{off}");
    stack.put(Output::DeadLetterQueueUrl, "ord_1", 1).await;
    let dead = doctor.json().await;
    assert_eq!((&dead["check"], &dead["state"]), (&"dead letters".into(), &"FAIL".into()), "{dead}");
    doctor.end();
}
