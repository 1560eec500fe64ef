//! `tail`: the real tool, with lines of the real `receiver` binary in a log group of `MiniStack`.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use crate::{
    support::{
        logs::earlier,
        proxy::AwsFault,
        snapshot, stack,
        tool::{self, Done, signal},
    },
    trace::World,
};

/// Longer than two readings of the log.
const SOON: Duration = Duration::from_secs(10);

fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = tool::command(["tail", "--stack", &world.stack.name]);
    command.args(arguments).envs(stack::variables()).env("AWS_ENDPOINT_URL", &world.proxy.endpoint);
    command
}

async fn tail(world: &World, arguments: &[&str]) -> Done {
    Done::of(&tool::run(command(world, &[arguments, &["--since", "1h", "--no-follow"]].concat())).await)
}

/// A running `tail`.
struct Following {
    process: Child,
    lines: Receiver<String>,
}

impl Following {
    async fn start(world: &World, arguments: &[&str]) -> Self {
        let mut command = command(world, arguments);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = process.stdout.take().unwrap();
        let (sender, lines) = channel();
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let proxy = &world.proxy;
        let reads = || proxy.calls().get("logs:FilterLogEvents").is_some_and(|calls| *calls > 0);
        tool::until("the first reading", reads).await;
        Self { process, lines }
    }

    async fn line(&self) -> String {
        self.next(SOON).await.expect("no line")
    }

    async fn next(&self, patience: Duration) -> Option<String> {
        let ends = std::time::Instant::now() + patience;
        loop {
            match self.lines.try_recv() {
                Ok(line) => return Some(line),
                Err(_) if std::time::Instant::now() > ends => return None,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Interrupts it, and returns what it has left to say.
    async fn interrupt(self) -> (Done, Vec<String>) {
        signal("INT", &self.process);
        let output = tool::finish(self.process).await;
        let mut rest = Vec::new();
        loop {
            match self.lines.recv_timeout(Duration::from_secs(1)) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return (Done::of(&output), rest);
                }
            }
        }
    }
}

/// The lines of a receiver with an accepted delivery, its duplicate under another id, another type, and a refusal.
async fn logged(world: &World) -> Vec<String> {
    world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.occur("stays.booking.created", json!({ "id": "bok_1" })).await;
    let mut lines = world.gateway.end().await;
    world.receive(&[("WEBHOOK_SECRET", "anothers-secret")]).await;
    world.occur("order.created", json!({ "id": "ord_2" })).await;
    lines.extend(world.gateway.end().await);
    assert_eq!(lines.len(), 4, "{lines:#?}");
    lines
}

#[tokio::test]
async fn deliveries_are_shown_as_they_come_and_once() {
    let world = World::new().await;
    let lines = logged(&world).await;
    let following = Following::start(&world, &["--since", "1m"]).await;
    world.log.put(&lines[..1]);
    let first = following.line().await;
    assert!(first.contains("  202  accepted      order.created "), "{first}");
    // One that CloudWatch adds late, and one in time.
    world.log.put(&[earlier(&lines[1], Duration::from_secs(15))]);
    assert!(following.line().await.contains("  200  duplicate "));
    world.log.put(&lines[2..3]);
    assert!(following.line().await.contains("stays.booking.created"));
    assert_eq!(following.next(Duration::from_secs(5)).await, None, "a line is shown again");
    let (done, rest) = following.interrupt().await;
    assert_eq!((done.code, rest), (0, Vec::new()), "{}", done.err);
    assert!(done.err.starts_with(&format!("Deliveries in {} since ", world.stack.name)), "{}", done.err);
    assert_eq!(done.err.lines().count(), 1, "{}", done.err);
}

#[tokio::test]
async fn without_since_it_begins_with_now() {
    let world = World::new().await;
    let lines = logged(&world).await;
    let lines: Vec<_> = lines.iter().map(|line| earlier(line, Duration::from_secs(20))).collect();
    world.log.put(&lines[..3]);
    let following = Following::start(&world, &[]).await;
    assert_eq!(following.next(Duration::from_secs(5)).await, None);
    assert_eq!(following.interrupt().await.0.code, 0);
}

#[tokio::test]
async fn lines_are_selected_by_failure_type_and_source() {
    let world = World::new().await;
    world.log.put(&logged(&world).await);
    let at = humantime::format_rfc3339_micros(SystemTime::now());
    world.log.put(&[
        json!({ "timestamp": at.to_string(), "level": "ERROR", "message": "the secrets were not read again", "error": "AWS refuses" })
            .to_string(),
        json!({ "timestamp": at.to_string(), "level": "INFO", "message": "started" }).to_string(),
    ]);
    let all = tail(&world, &[]).await;
    assert_eq!((all.code, &*all.err), (0, ""));
    snapshot::assert("tail", &all.out);
    assert!(!all.out.contains('\x1b'), "colours in a pipe: {}", all.out);

    let statuses = async |arguments: &[&str]| {
        let done = tail(&world, arguments).await;
        assert_eq!(done.code, 0, "{}", done.err);
        let status = |line: &str| line.split("  ").nth(1).unwrap().to_owned();
        done.out.lines().map(status).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(statuses(&["--failed"]).await, "200 401 ERROR");
    assert_eq!(statuses(&["--type", "stays.*"]).await, "202");
    assert_eq!(statuses(&["--type", "order.*,stays.booking.created"]).await, "202 200 202");
    assert_eq!(statuses(&["--type", "order.*", "--failed"]).await, "200");
    assert_eq!(statuses(&["--source", "duffel"]).await, "202 200 202 401");
    assert_eq!(statuses(&["--source", "crm"]).await, "");
}

#[tokio::test]
async fn json_has_the_lines_as_they_were_logged() {
    let world = World::new().await;
    let lines = logged(&world).await;
    world.log.put(&lines);
    world.log.put(&["RequestId: 1 Error: Runtime exited".to_owned()]);
    let done = tail(&world, &["--json"]).await;
    let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let shown: Vec<_> = done.out.lines().map(parse).collect();
    let mut expected: Vec<_> = lines.iter().map(|line| parse(line)).collect();
    expected.push(json!({ "message": "RequestId: 1 Error: Runtime exited" }));
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn a_terminal_has_colours_unless_they_are_not_wanted() {
    let world = World::new().await;
    world.log.put(&logged(&world).await);
    let on_terminal = async |no_color: &str| {
        let mut command = Command::new("python3");
        command.args(["-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))", tool::TOOL, "tail"]);
        command.args(["--stack", &world.stack.name, "--since", "1h", "--no-follow"]);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("TERM", "xterm");
        command.env("NO_COLOR", no_color).envs(stack::variables()).stdin(Stdio::null());
        Done::of(&tool::run(command).await).out
    };
    let coloured = on_terminal("").await;
    for text in ["\x1b[32m202\x1b[0m", "\x1b[33m200\x1b[0m", "\x1b[31m401\x1b[0m"] {
        assert!(coloured.contains(text), "{coloured:?}");
    }
    let plain = on_terminal("1").await;
    assert!(plain.contains("  202  accepted") && !plain.contains('\x1b'), "{plain:?}");
}

#[tokio::test]
async fn an_outage_is_waited_out_and_a_refusal_is_not() {
    let world = World::new().await;
    let lines = logged(&world).await;
    let following = Following::start(&world, &["--since", "1m"]).await;
    // Each reading makes three attempts.
    world.proxy.inject("logs:FilterLogEvents", [[AwsFault::Down; 6].to_vec(), vec![AwsFault::Fine]].concat());
    world.log.put(&lines[..1]);
    assert!(following.next(Duration::from_secs(25)).await.unwrap().contains("  202  accepted"));
    let (done, _) = following.interrupt().await;
    assert_eq!(done.code, 0);
    assert_eq!(done.err.matches("was not answered").count(), 1, "{}", done.err);
    assert!(done.err.contains("logs:FilterLogEvents was not answered") && done.err.contains("trying again"));

    world.proxy.inject("logs:FilterLogEvents", [AwsFault::Refuse(400, "AccessDeniedException")]);
    let done = tail(&world, &[]).await;
    done.assert_failed(1, "the permission logs:FilterLogEvents is missing");
}

/// `CloudWatch` may answer with a page without lines that has a successor.
#[tokio::test]
async fn pages_are_read_to_the_end() {
    let world = World::new().await;
    world.log.put(&logged(&world).await);
    let page = AwsFault::Answer(r#"{"events":[],"nextToken":"more"}"#);
    world.proxy.inject("logs:FilterLogEvents", [page, page, AwsFault::Fine]);
    let done = tail(&world, &[]).await;
    assert_eq!(done.out.lines().count(), 4, "{}", done.out);
    assert_eq!(world.proxy.calls()["logs:FilterLogEvents"], 3);
}

#[tokio::test]
async fn an_older_stack_has_its_log_group_among_its_resources() {
    let world = World::new().await;
    world.log.put(&logged(&world).await);
    let outputs = AwsFault::Answer(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>old</StackName>\
         <CreationTime>2026-11-21T12:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>\
         </member></Stacks></DescribeStacksResult></DescribeStacksResponse>",
    );
    let name = world.stack.name.clone();
    let resource = format!(
        "<DescribeStackResourceResponse><DescribeStackResourceResult><StackResourceDetail>\
         <LogicalResourceId>ReceiverLogGroup</LogicalResourceId><PhysicalResourceId>{name}</PhysicalResourceId>\
         <ResourceType>AWS::Logs::LogGroup</ResourceType><LastUpdatedTimestamp>2026-11-21T12:00:00Z</LastUpdatedTimestamp>\
         <ResourceStatus>CREATE_COMPLETE</ResourceStatus>\
         </StackResourceDetail></DescribeStackResourceResult></DescribeStackResourceResponse>"
    );
    world.proxy.inject("cloudformation:DescribeStacks", [outputs]);
    world.proxy.inject("cloudformation:DescribeStackResource", [AwsFault::Answer(resource.leak())]);
    let done = tail(&world, &[]).await;
    assert_eq!((done.code, done.out.lines().count()), (0, 4), "{}{}", done.out, done.err);
}
