//! `duffel-hooks dlq` on a stack in `MiniStack`.

use std::{
    process::{Command, Output as Done},
    time::Duration,
};

use aws_config::SdkConfig;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use duffel_webhook_receiver::deployment::{Output, dead_letter_queue::DeadLetters, in_flight::InFlight};
use serde_json::Value;

use crate::support::{
    ministack::sdk_config,
    proxy::{AwsFault, Proxy},
    stack::{self, Deployed},
    terminal,
    tool::{self, run_unread, text},
};

const NOWHERE: &str = "http://127.0.0.1:9/webhooks/duffel";

fn tool(arguments: &[&str]) -> Command {
    let mut command = tool::command(arguments);
    command.envs(stack::variables());
    command
}

fn run(arguments: &[&str]) -> Done {
    tool(arguments).output().unwrap()
}

/// A stack with four dead letters: three about one order, one about another.
async fn with_four_dead_letters() -> Deployed {
    let stack = Deployed::new(NOWHERE).await;
    for (number, key) in ["ord_a", "ord_a", "ord_b", "ord_a"].into_iter().enumerate() {
        stack.put(Output::DeadLetterQueueUrl, key, number).await;
    }
    stack
}

/// The messages that a consumer of the dead-letter queue can receive now: bodies, in order, with their receive counts.
async fn receivable(stack: &Deployed) -> Vec<(String, String)> {
    let request = stack.sqs.receive_message().queue_url(stack.output(Output::DeadLetterQueueUrl));
    let request = request.max_number_of_messages(10).visibility_timeout(0);
    let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
    let messages = request.send().await.unwrap().messages.unwrap_or_default();
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    let message = |message: aws_sdk_sqs::types::Message| {
        (message.body.unwrap(), message.attributes.unwrap()[&count].clone())
    };
    messages.into_iter().map(message).collect()
}

fn bodies(messages: &[(String, String)]) -> Vec<&str> {
    messages.iter().map(|(body, _)| body.as_str()).collect()
}

#[tokio::test]
async fn show_lists_dead_letters_and_leaves_them_in_the_queue() {
    let stack = with_four_dead_letters().await;
    let shown = run(&["dlq", "show", "--stack", &stack.name]);
    assert!(shown.status.success(), "{}", text(&shown.stderr));
    let lines = text(&shown.stdout);
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines[0], format!("4 dead letters in {}", stack.output(Output::DeadLetterQueueUrl)));
    assert_eq!(lines[2], "TYPE           ID     IDEMPOTENCY KEY  FIRST RECEIVED        RECEIVES  BYTES");
    assert_eq!(lines[3], "order.created  wev_0  ord_a            2026-11-21T12:00:00Z  1         6");
    assert_eq!(lines.len(), 7);
    let there = receivable(&stack).await;
    assert_eq!(bodies(&there), ["body 0", "body 1", "body 2", "body 3"]);
    assert!(there.iter().all(|(_, receives)| receives == "2"), "received once by show, and now: {there:?}");
}

#[tokio::test]
async fn event_queue_is_refused_as_a_dead_letter_queue() {
    let stack = Deployed::new(NOWHERE).await;
    stack.put(Output::QueueUrl, "ord_a", 0).await;
    for arguments in [&["show"][..], &["redrive"], &["export"]] {
        let url = stack.output(Output::QueueUrl);
        let refused = run(&[&["dlq"], arguments, &["--queue", url]].concat());
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains("is not a dead-letter queue"), "{}", text(&refused.stderr));
    }
    let request = stack.sqs.receive_message().queue_url(stack.output(Output::QueueUrl));
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    let received = request.message_system_attribute_names(count.clone()).send().await.unwrap();
    assert_eq!(received.messages()[0].attributes().unwrap()[&count], "1");
}

#[tokio::test]
async fn an_existing_queue_without_its_dead_letter_queue_is_named() {
    let owner = Deployed::new(NOWHERE).await;
    let queue = [("EventQueueUrl", Output::QueueUrl), ("EventQueueArn", Output::QueueArn)];
    let parameters = queue.map(|(name, output)| (name, owner.output(output)));
    let stack = Deployed::with(NOWHERE, &parameters).await;
    let refused = run(&["dlq", "show", "--stack", &stack.name]);
    assert_eq!(refused.status.code(), Some(1));
    let error = text(&refused.stderr);
    assert!(error.contains("an existing queue (EventQueueArn) and no DeadLetterQueueArn"), "{error}");
}

#[tokio::test]
async fn show_stops_at_its_limit_and_says_so() {
    let stack = with_four_dead_letters().await;
    let url = stack.output(Output::DeadLetterQueueUrl);
    let shown = run(&["dlq", "show", "--queue", url, "--limit", "2"]);
    assert!(shown.status.success(), "{}", text(&shown.stderr));
    let shown = text(&shown.stdout);
    assert!(shown.ends_with("\n2 more: see them with --limit 4\n"), "{shown}");
    assert_eq!(shown.matches("order.created").count(), 2);
    assert_eq!(receivable(&stack).await.len(), 4);
}

#[tokio::test]
async fn show_prints_whole_messages_for_programs() {
    let stack = with_four_dead_letters().await;
    let shown = run(&["dlq", "show", "--stack", &stack.name, "--json"]);
    let messages: Vec<Value> =
        text(&shown.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(messages.len(), 4);
    assert_eq!(messages[2]["Body"], "body 2");
    assert_eq!(messages[2]["MessageAttributes"]["event_id"]["StringValue"], "wev_2");
    assert_eq!(messages[2]["Attributes"]["MessageGroupId"], "ord_b");
    assert_eq!(messages[2].get("ReceiptHandle"), None);
}

#[tokio::test]
async fn show_counts_in_flight_messages() {
    let stack = with_four_dead_letters().await;
    let request = stack.sqs.receive_message().queue_url(stack.output(Output::DeadLetterQueueUrl));
    request.max_number_of_messages(2).visibility_timeout(60).send().await.unwrap();
    let shown = text(&run(&["dlq", "show", "--stack", &stack.name]).stdout);
    assert!(shown.contains("wev_2"), "{shown}");
    assert!(shown.contains("\n3 more in flight"), "{shown}");
}

#[tokio::test]
async fn show_says_that_the_queue_is_empty() {
    let stack = Deployed::new(NOWHERE).await;
    let shown = run(&["dlq", "show", "--stack", &stack.name]);
    assert!(shown.status.success());
    assert!(text(&shown.stdout).starts_with("No dead letters in http://"));
}

#[tokio::test]
async fn export_writes_all_and_leaves_them_in_the_queue() {
    let stack = with_four_dead_letters().await;
    let exported = run(&["dlq", "export", "--stack", &stack.name]);
    assert!(exported.status.success(), "{}", text(&exported.stderr));
    let lines = text(&exported.stdout);
    let body = |line| serde_json::from_str::<Value>(line).unwrap()["Body"].as_str().unwrap().to_owned();
    assert_eq!(lines.lines().map(body).collect::<Vec<_>>(), ["body 0", "body 1", "body 2", "body 3"]);
    assert_eq!(text(&exported.stderr), "4 dead letters written out, all still in the queue\n");
    assert_eq!(receivable(&stack).await.len(), 4);
}

#[tokio::test]
async fn export_with_delete_reaches_more_than_ten_of_a_group() {
    let stack = Deployed::new(NOWHERE).await;
    for number in 0..25 {
        stack.put(Output::DeadLetterQueueUrl, "ord_a", number).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dead.jsonl");
    let path = file.to_str().unwrap();

    let kept = run(&["dlq", "export", "--stack", &stack.name, "--to", path]);
    assert!(!kept.status.success());
    assert!(text(&kept.stderr).contains("15 of 25 could not be received"), "{}", text(&kept.stderr));
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 10);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "others may read it: {mode:o}");
    }

    let refused = run(&["dlq", "export", "--stack", &stack.name, "--to", path, "--delete"]);
    assert!(!refused.status.success(), "it overwrites a file");
    assert_eq!(receivable(&stack).await.len(), 10);

    std::fs::remove_file(&file).unwrap();
    let moved = run(&["dlq", "export", "--stack", &stack.name, "--to", path, "--delete"]);
    assert!(moved.status.success(), "{}", text(&moved.stderr));
    assert!(text(&moved.stderr).ends_with(", 25 deleted\n"));
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 25);
    assert_eq!(receivable(&stack).await.len(), 0);
}

#[test]
fn export_with_delete_requires_a_file() {
    let done = tool::command(["dlq", "export", "--stack", "x", "--delete"]).output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("--to <FILE>"));
}

#[test]
fn unknown_stack_is_reported_with_its_region() {
    let done = run(&["dlq", "show", "--stack", "no-such-stack"]);
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(
        text(&done.stderr),
        "duffel-hooks: there is no stack no-such-stack in eu-west-1: is it another region (AWS_REGION) or account?\n"
    );
}

// MiniStack does not move messages: these answers are as AWS documents them.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html
const NO_MOVE: AwsFault = AwsFault::Answer(r#"{"Results":[]}"#);
const OLD_MOVE: AwsFault = AwsFault::Answer(
    r#"{"Results":[{"Status":"COMPLETED","ApproximateNumberOfMessagesMoved":9,"StartedTimestamp":1442428276000}]}"#,
);
const RUNNING: AwsFault = AwsFault::Answer(
    r#"{"Results":[{"TaskHandle":"AQEB6nR4","Status":"RUNNING","ApproximateNumberOfMessagesMoved":1,"ApproximateNumberOfMessagesToMove":4,"StartedTimestamp":1795262400000}]}"#,
);
const COMPLETED: AwsFault = AwsFault::Answer(
    r#"{"Results":[{"Status":"COMPLETED","ApproximateNumberOfMessagesMoved":4,"ApproximateNumberOfMessagesToMove":4,"StartedTimestamp":1795262400000}]}"#,
);
const FAILED: AwsFault = AwsFault::Answer(
    r#"{"Results":[{"Status":"FAILED","FailureReason":"AccessDenied","ApproximateNumberOfMessagesMoved":1,"ApproximateNumberOfMessagesToMove":4,"StartedTimestamp":1795262400000}]}"#,
);

async fn redrive(moves: &[AwsFault], arguments: &[&str]) -> (Done, Proxy) {
    let proxy = Proxy::new().await;
    proxy.inject("sqs:StartMessageMoveTask", [AwsFault::Answer(r#"{"TaskHandle":"AQEB6nR4"}"#)]);
    proxy.inject("sqs:ListMessageMoveTasks", moves.iter().copied());
    let mut command = tool(&["dlq", "redrive"]);
    command.args(arguments).env("AWS_ENDPOINT_URL", &proxy.endpoint);
    (tool::run(command).await, proxy)
}

#[tokio::test]
async fn a_redrive_is_followed_to_its_end() {
    let stack = with_four_dead_letters().await;
    let moves = [OLD_MOVE, OLD_MOVE, RUNNING, COMPLETED];
    let (done, proxy) = redrive(&moves, &["--stack", &stack.name, "--max-per-second", "5"]).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    let (from, to) = (stack.output(Output::DeadLetterQueueUrl), stack.output(Output::QueueUrl));
    let plan = format!("Moving 4 dead letters from {from}\n  to {to}, at most 5 per second\n");
    // MiniStack does not move them, so 4 are left.
    assert_eq!(text(&done.stdout), plan + "4 of 4 moved, 4 left\n");
    assert_eq!(text(&done.stderr).trim_end(), "1 of 4 moved");
    assert_eq!(proxy.calls()["sqs:StartMessageMoveTask"], 1);
    assert_eq!(proxy.calls()["sqs:ListMessageMoveTasks"], 4);
}

#[tokio::test]
async fn redrive_that_stops_half_way_is_a_failure() {
    let stack = with_four_dead_letters().await;
    let (done, _) = redrive(&[NO_MOVE, FAILED], &["--stack", &stack.name]).await;
    assert_eq!(done.status.code(), Some(1));
    let error = "duffel-hooks: the move is FAILED (AccessDenied): 1 of 4 moved, 4 left. Are you in the stack's parameter \
                 RedrivePrincipalArns?\n";
    assert_eq!(text(&done.stderr), error);
}

#[tokio::test]
async fn redrive_continues_if_its_output_cannot_be_printed() {
    let stack = with_four_dead_letters().await;
    let proxy = Proxy::new().await;
    proxy.inject("sqs:StartMessageMoveTask", [AwsFault::Answer(r#"{"TaskHandle":"AQEB6nR4"}"#)]);
    proxy.inject("sqs:ListMessageMoveTasks", [NO_MOVE, COMPLETED]);
    let mut command = tool(&["dlq", "redrive", "--stack", &stack.name]);
    command.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    let done = tokio::task::spawn_blocking(move || run_unread(&mut command)).await.unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(proxy.calls()["sqs:StartMessageMoveTask"], 1);
    let printed = text(&done.stderr);
    assert!(
        printed.contains("Moving 4 dead letters") && printed.contains("4 of 4 moved, 4 left\n"),
        "{printed}"
    );
    assert!(printed.contains("not all of it could be printed"), "{printed}");
}

#[tokio::test]
async fn export_and_show_succeed_if_nobody_reads_their_output() {
    let stack = with_four_dead_letters().await;
    for command in ["export", "show"] {
        let done = run_unread(&mut tool(&["dlq", command, "--stack", &stack.name]));
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        assert_eq!(receivable(&stack).await.len(), 4);
    }
}

#[tokio::test]
async fn interrupted_redrive_says_that_sqs_continues() {
    let stack = with_four_dead_letters().await;
    let proxy = Proxy::new().await;
    proxy.inject("sqs:ListMessageMoveTasks", [RUNNING; 90]);
    let mut command = tool(&["dlq", "redrive", "--stack", &stack.name]);
    let moving = tool::start(command.env("AWS_ENDPOINT_URL", &proxy.endpoint));
    while proxy.calls().get("sqs:ListMessageMoveTasks").is_none_or(|calls| *calls < 3) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tool::signal("INT", &moving);
    let done = tool::finish(moving).await;
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("interrupted: SQS continues the move"), "{}", text(&done.stderr));
}

/// Receives until nothing is left, with a pause after each batch, and returns how many messages there were.
async fn receive_all(in_flight: &mut InFlight<'_>, pause: Duration) -> usize {
    let mut seen = 0;
    loop {
        let received = in_flight.receive(usize::MAX).await.unwrap().len();
        if received == 0 {
            return seen;
        }
        seen += received;
        tokio::time::sleep(pause).await;
    }
}

/// A stack with dead letters about 35 objects, and its queue.
async fn with_many_dead_letters(sdk: &SdkConfig) -> (Deployed, DeadLetters) {
    let stack = Deployed::new(NOWHERE).await;
    for number in 0..35 {
        stack.put(Output::DeadLetterQueueUrl, &format!("ord_{number}"), number).await;
    }
    let queue = DeadLetters::new(sdk, stack.output(Output::DeadLetterQueueUrl));
    (stack, queue)
}

#[tokio::test]
async fn all_dead_letters_are_received_even_if_the_first_become_visible_again() {
    let proxy = Proxy::new().await;
    // As AWS answers if the message is visible again; MiniStack keeps it in flight.
    let failed = r#"{"Successful":[],"Failed":[{"Id":"0","Code":"MessageNotInflight","SenderFault":true}]}"#;
    proxy.inject("sqs:ChangeMessageVisibilityBatch", [AwsFault::Answer(failed); 50]);
    let sdk = sdk_config().await.into_builder().endpoint_url(&proxy.endpoint).build();
    let (_stack, queue) = with_many_dead_letters(&sdk).await;
    let mut in_flight = queue.in_flight(Duration::from_secs(1));
    // Longer than the visibility timeout, as after a slow disk or a suspended machine.
    assert_eq!(receive_all(&mut in_flight, Duration::from_millis(1300)).await, 35);
    assert!(proxy.calls()["sqs:ChangeMessageVisibilityBatch"] > 3);
}

#[tokio::test]
async fn in_flight_dead_letters_are_held_until_all_are_received() {
    let (stack, queue) = with_many_dead_letters(&sdk_config().await).await;
    let mut in_flight = queue.in_flight(Duration::from_secs(3));
    assert_eq!(receive_all(&mut in_flight, Duration::from_millis(1600)).await, 35);
    assert!(in_flight.longest_hold() > Duration::from_secs(3));
    assert_eq!(receivable(&stack).await, [], "others can receive them meanwhile");
    in_flight.release().await.unwrap();
    let there = receivable(&stack).await;
    assert_eq!(there.len(), 10);
    assert!(there.iter().all(|(_, receives)| receives == "2"), "received once before, and now: {there:?}");
}

#[tokio::test]
async fn running_redrive_is_not_started_again() {
    let stack = with_four_dead_letters().await;
    let (done, proxy) = redrive(&[RUNNING, RUNNING, COMPLETED], &["--stack", &stack.name]).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout), "A move is running already: following it\n4 of 4 moved, 4 left\n");
    assert_eq!(proxy.calls().get("sqs:StartMessageMoveTask"), None);
}

#[tokio::test]
async fn dry_run_of_a_redrive_moves_nothing() {
    let stack = with_four_dead_letters().await;
    let queue = stack.output(Output::DeadLetterQueueUrl);
    let proxy = Proxy::new().await;
    proxy.inject("sqs:ListMessageMoveTasks", [NO_MOVE]);
    let sources = r#"{"queueUrls":["https://sqs.eu-west-1.amazonaws.com/1/one.fifo","two.fifo"]}"#;
    proxy.inject("sqs:ListDeadLetterSourceQueues", [AwsFault::Answer(sources)]);
    let mut command = tool(&["dlq", "redrive", "--queue", queue, "--dry-run"]);
    command.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    let done = tool::run(command).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    let to = "https://sqs.eu-west-1.amazonaws.com/1/one.fifo and two.fifo";
    assert_eq!(text(&done.stdout), format!("Would move 4 dead letters from {queue}\n  to {to}\n"));
    assert_eq!(proxy.calls().get("sqs:StartMessageMoveTask"), None);
}

#[tokio::test]
async fn received_dead_letters_are_released_if_show_fails() {
    let stack = with_four_dead_letters().await;
    let proxy = Proxy::new().await;
    let refuse = AwsFault::Refuse(400, "AccessDeniedException");
    proxy.inject("sqs:ReceiveMessage", [AwsFault::Fine, refuse]);
    let mut command = tool(&["dlq", "show", "--stack", &stack.name]);
    command.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    let done = tool::run(command).await;
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(text(&done.stderr), "duffel-hooks: the permission sqs:ReceiveMessage is missing\n");
    assert_eq!(receivable(&stack).await.len(), 4);
}

#[tokio::test]
async fn received_dead_letters_are_released_if_show_is_interrupted_by_any_signal() {
    for signal in ["INT", "TERM", "HUP"] {
        let stack = with_four_dead_letters().await;
        let proxy = Proxy::new().await;
        proxy.inject("sqs:ReceiveMessage", [AwsFault::Fine, AwsFault::Hang]);
        let mut command = tool(&["dlq", "show", "--stack", &stack.name]);
        let looking = tool::start(command.env("AWS_ENDPOINT_URL", &proxy.endpoint));
        while proxy.calls().get("sqs:ReceiveMessage") != Some(&2) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tool::signal(signal, &looking);
        let done = tool::finish(looking).await;
        assert_eq!(text(&done.stderr), "duffel-hooks: interrupted\n");
        assert_eq!(receivable(&stack).await.len(), 4, "{signal}");
    }
}

/// The messages of the stack's queue, each with its group and attributes; they are deleted.
async fn take_all(stack: &Deployed, queue: Output) -> Vec<aws_sdk_sqs::types::Message> {
    let url = stack.output(queue);
    let mut taken = Vec::new();
    loop {
        let request = stack.sqs.receive_message().queue_url(url).max_number_of_messages(10);
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        let received =
            request.message_attribute_names("All").send().await.unwrap().messages.unwrap_or_default();
        if received.is_empty() {
            return taken;
        }
        for message in &received {
            let receipt = message.receipt_handle().unwrap();
            stack.sqs.delete_message().queue_url(url).receipt_handle(receipt).send().await.unwrap();
        }
        taken.extend(received);
    }
}

fn contents(messages: &[aws_sdk_sqs::types::Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body().unwrap()).collect()
}

#[tokio::test]
async fn selected_dead_letters_are_redriven_as_they_were_and_the_others_stay() {
    let stack = with_four_dead_letters().await;
    let redrive = ["dlq", "redrive", "--stack", &stack.name];
    let dry = run(&[&redrive[..], &["--id", "wev_1", "--dry-run"]].concat());
    assert!(dry.status.success(), "{}", text(&dry.stderr));
    assert!(text(&dry.stdout).contains("wev_1") && !text(&dry.stdout).contains("wev_2"));
    assert_eq!(receivable(&stack).await.len(), 4);

    let done = run(&[&redrive[..], &["--id", "wev_1,wev_2"]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout), format!("2 dead letters moved to {}\n", stack.output(Output::QueueUrl)));
    assert_eq!(bodies(&receivable(&stack).await), ["body 0", "body 3"]);
    let moved = take_all(&stack, Output::QueueUrl).await;
    assert_eq!(contents(&moved), ["body 1", "body 2"]);
    let system = moved[0].attributes().unwrap();
    assert_eq!(system[&MessageSystemAttributeName::MessageGroupId], "ord_a");
    let attributes = moved[0].message_attributes().unwrap();
    assert_eq!(attributes.len(), 4);
    assert_eq!(attributes["event_id"].string_value(), Some("wev_1"));

    for (arguments, reason) in [
        (["--type", "stays.*"], "none of the 2 dead letters that SQS returns is selected"),
        (["--id", "wev_1"], "none of the 2 dead letters that SQS returns is selected"),
    ] {
        let none = run(&[&redrive[..], &arguments].concat());
        assert_eq!(none.status.code(), Some(1));
        assert!(text(&none.stderr).contains(reason), "{}", text(&none.stderr));
    }
    let all = run(&[&redrive[..], &["--type", "order.*"]].concat());
    assert!(all.status.success(), "{}", text(&all.stderr));
    assert_eq!(contents(&take_all(&stack, Output::QueueUrl).await), ["body 0", "body 3"]);
}

/// The first attempt sends the message, and its response is lost or the deletion fails. The second one moves it once.
#[tokio::test]
async fn a_selected_redrive_that_fails_half_way_loses_and_repeats_nothing() {
    for (call, fault) in [
        ("sqs:SendMessage", AwsFault::AnswerLost),
        ("sqs:DeleteMessageBatch", AwsFault::Refuse(403, "AccessDenied")),
    ] {
        let stack = with_four_dead_letters().await;
        let proxy = Proxy::new().await;
        // The SDK retries a lost answer.
        proxy.inject(call, vec![fault; 3]);
        let arguments = ["dlq", "redrive", "--stack", &stack.name, "--id", "wev_2"];
        let mut command = tool(&arguments);
        command.env("AWS_ENDPOINT_URL", &proxy.endpoint);
        let failed = tool::run(command).await;
        assert_eq!(failed.status.code(), Some(1), "{call}: {}", text(&failed.stdout));
        assert!(text(&failed.stderr).contains("it may still be a dead letter"), "{}", text(&failed.stderr));
        assert_eq!(receivable(&stack).await.len(), 4, "{call}");
        let done = run(&arguments);
        assert!(done.status.success(), "{}", text(&done.stderr));
        assert_eq!(receivable(&stack).await.len(), 3, "{call}");
        assert_eq!(contents(&take_all(&stack, Output::QueueUrl).await), ["body 2"], "{call}");
    }
}

#[tokio::test]
async fn drop_deletes_what_it_has_shown_and_only_if_it_may() {
    let stack = with_four_dead_letters().await;
    let drop = ["dlq", "drop", "--stack", &stack.name];
    let all = run(&[&drop[..], &["--yes"]].concat());
    assert_eq!(all.status.code(), Some(2));
    assert!(text(&all.stderr).contains("give --id or --type"), "{}", text(&all.stderr));
    let unasked = run(&[&drop[..], &["--id", "wev_1"]].concat());
    assert_eq!(unasked.status.code(), Some(2));
    let reason =
        "nothing was changed: there is no terminal to ask whether to delete 1 dead letter: add --yes";
    assert!(text(&unasked.stderr).contains(reason), "{}", text(&unasked.stderr));
    let dry = run(&[&drop[..], &["--type", "order.created", "--dry-run"]].concat());
    assert!(text(&dry.stdout).ends_with("Would delete 4 dead letters. Nothing was changed.\n"));
    assert_eq!(receivable(&stack).await.len(), 4);

    let dropped = run(&[&drop[..], &["--id", "wev_1", "--id", "wev_2", "--yes"]].concat());
    assert!(dropped.status.success(), "{}", text(&dropped.stderr));
    let shown = text(&dropped.stdout);
    assert!(shown.contains("wev_1") && shown.contains("wev_2") && !shown.contains("wev_3"), "{shown}");
    assert_eq!(text(&dropped.stderr), "2 of 2 dead letters deleted\n");
    assert_eq!(bodies(&receivable(&stack).await), ["body 0", "body 3"]);
    assert!(take_all(&stack, Output::QueueUrl).await.is_empty());
}

#[tokio::test]
async fn drop_asks_on_a_terminal_and_put_shows_its_progress_there() {
    let stack = with_four_dead_letters().await;
    let drop = tool(&["dlq", "drop", "--stack", &stack.name, "--id", "wev_1"]);
    let no = terminal::run(&drop, "");
    assert!(text(&no.stdout).contains("Really delete 1 dead letter? [y/N]"), "{}", text(&no.stdout));
    assert!(text(&no.stdout).contains("nothing was changed"), "{}", text(&no.stdout));
    assert_eq!((no.status.code(), receivable(&stack).await.len()), (Some(1), 4));
    let yes = terminal::run(&drop, "y");
    assert!(yes.status.success(), "{}", text(&yes.stdout));
    assert_eq!(bodies(&receivable(&stack).await), ["body 0", "body 2", "body 3"]);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dead.jsonl");
    let path = file.to_str().unwrap();
    let exported = run(&["dlq", "export", "--stack", &stack.name, "--to", path]);
    assert!(exported.status.success(), "{}", text(&exported.stderr));
    let put = terminal::run(&tool(&["dlq", "put", path, "--stack", &stack.name]), "");
    let shown = text(&put.stdout);
    assert!(shown.contains("2 of 3 sent") && shown.ends_with("3 of 3 sent\r\n"), "{shown:?}");
}

#[tokio::test]
async fn exported_dead_letters_are_put_into_their_queue() {
    let stack = with_four_dead_letters().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dead.jsonl");
    let path = file.to_str().unwrap();
    let exported = run(&["dlq", "export", "--stack", &stack.name, "--to", path, "--delete"]);
    assert!(exported.status.success(), "{}", text(&exported.stderr));
    let put = ["dlq", "put", path, "--stack", &stack.name];
    let dry = run(&[&put[..], &["--dry-run"]].concat());
    assert!(text(&dry.stdout).starts_with("Would send 4 messages of 4 to http"), "{}", text(&dry.stdout));

    // The third message is refused, whatever the SDK tries.
    let proxy = Proxy::new().await;
    proxy.inject("sqs:SendMessage", [AwsFault::Fine, AwsFault::Fine, AwsFault::Refuse(403, "AccessDenied")]);
    let mut command = tool(&put);
    command.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    let failed = tool::run(command).await;
    assert_eq!(failed.status.code(), Some(1));
    let error = text(&failed.stderr);
    assert!(error.contains("2 of 4 sent") && error.contains("to go on, add --skip 2"), "{error}");
    let rest = run(&[&put[..], &["--skip", "2"]].concat());
    assert!(rest.status.success(), "{}", text(&rest.stderr));
    assert_eq!(text(&rest.stderr), "2 of 2 sent\n");
    let there = take_all(&stack, Output::QueueUrl).await;
    let mut sorted = contents(&there);
    sorted.sort_unstable();
    assert_eq!(sorted, ["body 0", "body 1", "body 2", "body 3"]);
    let of_a: Vec<_> = contents(&there).into_iter().filter(|body| *body != "body 2").collect();
    assert_eq!(of_a, ["body 0", "body 1", "body 3"], "the order of the group");
    assert!(there.iter().all(|message| message.message_attributes().unwrap().len() == 4));

    std::fs::write(&file, "{\"Body\":\"x\"}\n").unwrap();
    let broken = run(&put);
    assert_eq!(broken.status.code(), Some(1));
    assert!(
        text(&broken.stderr).contains("line 1: Attributes.MessageGroupId is missing"),
        "{}",
        text(&broken.stderr)
    );
}

#[test]
fn missing_aws_region_or_credentials_are_reported() {
    let without = |names: &[&str]| {
        let mut command = tool(&["dlq", "show", "--stack", "x"]);
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        for name in names {
            command.env_remove(name);
        }
        text(&command.output().unwrap().stderr)
    };
    assert!(without(&["AWS_REGION"]).starts_with("duffel-hooks: no AWS region is set: set AWS_REGION"));
    let printed = without(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
    assert!(printed.starts_with("duffel-hooks: no AWS credentials were found"), "{printed}");
    assert!(printed.contains("aws configure export-credentials"), "{printed}");
}
