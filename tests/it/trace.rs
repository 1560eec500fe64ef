//! `trace`: the real tool and the real `receiver` binary, with `MiniStack` and the Duffel stand-in.

use std::{
    process::Command,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use duffel_webhook_receiver::{
    deployment::Output,
    duffel::{AccessToken, Change, Client},
    time::unix_seconds,
};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::support::{
    duffel::{DuffelStandIn, TOKEN},
    gateway::Gateway,
    logs::{LogGroup, earlier},
    ministack::{self, sdk_config},
    proxy::{AwsFault, Proxy},
    runtime_api::Function,
    snapshot,
    stack::{self, Deployed},
    tool::{self, Done},
};

/// A stack, whose receiver runs behind a gateway, and Duffel, which delivers to it.
pub struct World {
    pub duffel: Arc<DuffelStandIn>,
    pub webhook: String,
    pub secret: String,
    pub gateway: Gateway,
    pub stack: Deployed,
    pub proxy: Proxy,
    pub log: LogGroup,
}

impl World {
    pub async fn new() -> Self {
        Self::with(&[], &[]).await
    }

    /// With parameters of the stack, and variables of the receiver.
    pub async fn with(parameters: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
        let gateway = Gateway::start().await;
        let duffel = Arc::new(DuffelStandIn::start());
        let (webhook, secret) = duffel.register(&gateway.url);
        let stack = Deployed::with(&gateway.url, parameters).await;
        let proxy = Proxy::new().await;
        let log = LogGroup::new(&stack.name);
        let world = Self { duffel, webhook, secret, gateway, stack, proxy, log };
        world.receive(variables).await;
        world
    }

    /// Starts a receiver with these variables, in place of its own or beside them.
    pub async fn receive(&self, variables: &[(&str, &str)]) {
        let has_secret = variables.iter().any(|(name, _)| *name == "WEBHOOK_SECRET");
        let secret = [("WEBHOOK_SECRET", self.secret.as_str())];
        let secret = if has_secret { &[][..] } else { &secret[..] };
        self.receive_as(&[secret, variables].concat()).await;
    }

    /// The same, with all variables for the secrets.
    async fn receive_as(&self, variables: &[(&str, &str)]) {
        let own = [
            ("AWS_ENDPOINT_URL", self.proxy.endpoint.as_str()),
            ("QUEUE_URL", self.stack.output(Output::QueueUrl)),
            ("LEDGER_TABLE", self.stack.output(Output::LedgerTableName)),
        ];
        self.gateway.serve(Function::start(own.into_iter().chain(variables.iter().copied())).await).await;
    }

    /// Has an event happen at Duffel, which delivers it at once.
    pub async fn occur(&self, kind: &str, object: Value) -> String {
        self.occur_at(SystemTime::now(), kind, object).await
    }

    async fn occur_at(&self, at: SystemTime, kind: &str, object: Value) -> String {
        let (duffel, kind) = (Arc::clone(&self.duffel), kind.to_owned());
        spawn_blocking(move || duffel.occur_at(at, &kind, &object)).await.unwrap()
    }

    /// Changes the webhook.
    async fn change(&self, change: Change) {
        let token = AccessToken::new(TOKEN).unwrap();
        let client = Client::new(&self.duffel.url(), token).unwrap();
        let webhook = self.webhook.clone();
        spawn_blocking(move || client.update_webhook(&webhook, &change).unwrap()).await.unwrap();
    }

    /// Ends the receiver. `CloudWatch` then has its log.
    pub async fn log(&self) {
        self.log_from(Duration::ZERO).await;
    }

    /// The same, as if it had logged it earlier.
    async fn log_from(&self, ago: Duration) {
        let lines = self.gateway.end().await;
        self.log.put(&lines.iter().map(|line| earlier(line, ago)).collect::<Vec<_>>());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tool::command(["trace", "--stack", &self.stack.name]);
        command.args(arguments).envs(stack::variables());
        command.env("AWS_ENDPOINT_URL", &self.proxy.endpoint);
        command
    }

    /// Runs the tool with access to Duffel.
    async fn trace(&self, arguments: &[&str]) -> Done {
        let mut command = self.command(arguments);
        command.env("DUFFEL_API_URL", self.duffel.url()).env("DUFFEL_ACCESS_TOKEN", TOKEN);
        Done::of(&tool::run(command).await)
    }

    /// Runs the tool without access to Duffel.
    async fn trace_without_token(&self, arguments: &[&str]) -> Done {
        Done::of(&tool::run(self.command(arguments)).await)
    }

    /// Has a consumer fail on the only message, until SQS makes it a dead letter.
    async fn poison(&self) {
        let url = self.stack.output(Output::QueueUrl);
        for _ in 0..20 {
            let request = self.stack.sqs.receive_message().queue_url(url).visibility_timeout(0);
            if request.send().await.unwrap().messages.unwrap_or_default().is_empty() {
                return;
            }
        }
        panic!("the message does not become a dead letter");
    }

    /// The records of the ledger.
    async fn records(&self) -> Vec<std::collections::HashMap<String, AttributeValue>> {
        let table = self.stack.output(Output::LedgerTableName);
        let client = aws_sdk_dynamodb::Client::new(&sdk_config().await);
        client.scan().table_name(table).send().await.unwrap().items.unwrap_or_default()
    }
}

fn last_paragraph(done: &Done) -> &str {
    done.out.trim_end().rsplit("\n\n").next().unwrap()
}

fn json_of(done: &Done) -> Value {
    serde_json::from_str(done.out.trim()).unwrap_or_else(|_| panic!("{}{}", done.out, done.err))
}

#[tokio::test]
async fn an_event_that_was_refused_is_found_at_the_receiver() {
    let world = World::with(&[], &[("WEBHOOK_SECRET", "anothers-secret")]).await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.log().await;
    let done = world.trace(&[&event]).await;
    assert_eq!(done.code, 6, "{}{}", done.out, done.err);
    let last = last_paragraph(&done);
    assert!(last.starts_with("The receiver refused it with 401: no active secret made"), "{}", done.out);
    assert!(last.contains(&format!("duffel-hooks doctor --stack {}", world.stack.name)), "{last}");
    assert!(last.ends_with(&format!("duffel-hooks replay --stack {} {event}", world.stack.name)), "{last}");
    assert_eq!(json_of(&world.trace(&[&event, "--json"]).await)["conclusion"]["place"], "refused");
    snapshot::assert("trace-refused", &done.out);

    // What it says to do.
    world.receive(&[]).await;
    let mut replay = tool::command(["replay", "--stack", &world.stack.name, &event]);
    replay
        .envs(stack::variables())
        .env("DUFFEL_API_URL", world.duffel.url())
        .env("DUFFEL_ACCESS_TOKEN", TOKEN);
    let replayed = Done::of(&tool::run(replay).await);
    assert_eq!(replayed.code, 0, "{}{}", replayed.out, replayed.err);
    world.log().await;
    let done = world.trace(&[&event]).await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(done.out.contains("answered 401") && done.out.contains("202 accepted"), "{}", done.out);
}

#[tokio::test]
async fn an_event_that_was_taken_for_a_duplicate_is_found_under_the_other_id() {
    let world = World::new().await;
    let first = world.occur("order.created", json!({ "id": "ord_1" })).await;
    let second = world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.log().await;
    let done = world.trace(&[&second]).await;
    assert_eq!(done.code, 6, "{}{}", done.out, done.err);
    let last = last_paragraph(&done);
    assert!(
        last.starts_with(&format!("It was answered as a duplicate of {first}, and not forwarded")),
        "{last}"
    );
    assert!(last.ends_with(&format!("duffel-hooks replay --stack {} {second}", world.stack.name)), "{last}");
    assert_eq!(json_of(&world.trace(&[&second, "--json"]).await)["conclusion"]["place"], "duplicate");
    snapshot::assert("trace-duplicate", &done.out);

    let done = world.trace(&[&first]).await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(last_paragraph(&done).starts_with("It is in the queue or with a consumer"), "{}", done.out);
    // Without the log and without Duffel, the record says which of the two was forwarded.
    let identity = world.records().await[0]["pk"].as_s().unwrap().clone();
    world.proxy.inject("logs:StartQuery", [AwsFault::Refuse(400, "AccessDeniedException")]);
    let done = world.trace_without_token(&[&identity]).await;
    assert!(done.out.starts_with(&format!("order.created {first}, identity {identity}\n")), "{}", done.out);
}

#[tokio::test]
async fn an_event_that_was_not_recorded_is_found_in_the_queue() {
    let world = World::new().await;
    world.proxy.inject("dynamodb:PutItem", [AwsFault::Refuse(500, "InternalServerError")]);
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.proxy.heal();
    world.log().await;
    assert!(world.records().await.is_empty());
    let done = world.trace(&[&event]).await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let last = last_paragraph(&done);
    assert!(last.starts_with("It was forwarded and is not recorded in the ledger"), "{}", done.out);
    assert!(last.contains("It is in the queue or with a consumer"), "{last}");
    assert_eq!(json_of(&world.trace(&[&event, "--json"]).await)["conclusion"]["place"], "unrecorded");
    snapshot::assert("trace-unrecorded", &done.out);
}

#[tokio::test]
async fn an_event_on_which_the_consumer_failed_is_found_among_the_dead_letters() {
    let world = World::new().await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.poison().await;
    let other = world.occur("order.created", json!({ "id": "ord_2" })).await;
    world.log().await;
    let done = world.trace(&[&event]).await;
    assert_eq!(done.code, 6, "{}{}", done.out, done.err);
    let last = last_paragraph(&done);
    assert!(last.starts_with("It is in the dead-letter queue: the consumer failed on it."), "{}", done.out);
    assert!(last.ends_with(&format!("duffel-hooks dlq redrive --stack {}", world.stack.name)), "{last}");
    assert_eq!(json_of(&world.trace(&[&event, "--json"]).await)["conclusion"]["place"], "dead_letters");
    snapshot::assert("trace-dead-letter", &done.out);

    let done = world.trace(&[&other]).await;
    assert!(done.code == 0 && done.out.contains("dead letters  it is not among the 1\n"), "{}", done.out);
    let done = world.trace(&[&event, "--no-peek"]).await;
    assert!(
        done.code == 0 && done.out.contains("Not asked: the dead-letter queue (--no-peek)"),
        "{}",
        done.out
    );
}

#[tokio::test]
async fn an_event_that_was_never_delivered_is_found_at_duffel() {
    let world = World::new().await;
    let stack = &world.stack.name;
    world.occur("order.created", json!({ "id": "ord_1" })).await;
    let types = vec!["order.created".to_owned()];
    world.change(Change { events: Some(types), ..Change::default() }).await;
    let unregistered = world.occur("order.updated", json!({ "id": "ord_1" })).await;
    world.change(Change { active: Some(false), ..Change::default() }).await;
    let inactive = world.occur("order.created", json!({ "id": "ord_2" })).await;
    world.log().await;
    let webhook = &world.webhook;
    let done = world.trace(&[&unregistered]).await;
    assert_eq!(done.code, 6, "{}{}", done.out, done.err);
    world.change(Change { active: Some(true), ..Change::default() }).await;
    let done = world.trace(&[&unregistered]).await;
    let last = last_paragraph(&done);
    assert!(last.starts_with("Duffel has not tried to deliver it: the webhook"), "{}", done.out);
    let update = format!("duffel-hooks webhooks update {webhook} --event order.created,order.updated\n");
    assert!(last.contains(&update), "{last}");
    assert!(last.ends_with(&format!("duffel-hooks replay --stack {stack} {unregistered}")), "{last}");
    assert_eq!(
        json_of(&world.trace(&[&unregistered, "--json"]).await)["conclusion"]["place"],
        "never_delivered"
    );
    snapshot::assert("trace-never-delivered", &done.out);

    world.change(Change { active: Some(false), ..Change::default() }).await;
    let done = world.trace(&[&inactive]).await;
    assert!(done.out.contains(&format!("the webhook {webhook} is not active")), "{}", done.out);
    assert!(
        done.out.contains(&format!("duffel-hooks webhooks update {webhook} --active true")),
        "{}",
        done.out
    );
}

#[tokio::test]
async fn an_event_that_was_consumed_is_said_to_be_and_can_be_replayed() {
    let world = World::new().await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    assert_eq!(world.stack.consume().await, 1);
    world.log_from(Duration::from_mins(10)).await;
    let done = world.trace(&[&event]).await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let last = last_paragraph(&done);
    assert!(last.starts_with("A consumer has taken it: the queue is empty."), "{}", done.out);
    assert!(last.ends_with(&format!("duffel-hooks replay --stack {} {event}", world.stack.name)), "{last}");
}

/// The receiver of this test sends to the stack's queue, which `trace` cannot distinguish.
#[tokio::test]
async fn with_a_topic_the_subscribers_have_their_own_queues() {
    let world = World::with(&[("FanOut", "topic")], &[]).await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.log().await;
    let done = world.trace(&[&event]).await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let last = last_paragraph(&done);
    assert!(last.starts_with("It was published to the topic; each subscriber has its own queue."), "{last}");
    assert!(last.ends_with(&format!("duffel-hooks subscribers --stack {}", world.stack.name)), "{last}");
}

#[tokio::test]
async fn an_excluded_event_is_not_an_error() {
    let world = World::with(&[], &[("EVENT_TYPES", "stays.*")]).await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.log().await;
    let done = world.trace(&[&event]).await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(
        last_paragraph(&done).starts_with("It was answered \"ignored\" and not forwarded"),
        "{}",
        done.out
    );
}

/// With a domain of its own, the stack has addresses that its outputs do not have.
#[tokio::test]
async fn a_delivery_without_an_answer_is_retried_by_duffel() {
    let world = World::with(&[("BasePath", "/in")], &[]).await;
    let url = "http://127.0.0.1:9/in/webhooks/duffel".to_owned();
    world.change(Change { url: Some(url), ..Change::default() }).await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.log().await;
    let done = world.trace(&[&event]).await;
    assert_eq!(done.code, 6, "{}{}", done.out, done.err);
    let last = last_paragraph(&done);
    assert!(
        last.contains("http://127.0.0.1:9/in/webhooks/duffel and got no answer. Duffel retries until "),
        "{last}"
    );
}

#[tokio::test]
async fn an_event_of_one_of_several_sources_has_the_identity_of_that_source() {
    let arn = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:travel-a1b2c3";
    let sources = json!({
        "code": { "scheme": "github", "secret_arn": arn },
        "travel": { "scheme": "duffel", "secret_arn": arn },
    });
    let world = World::with(&[("Sources", &sources.to_string()), ("SourceSecretArns", arn)], &[]).await;
    drop(world.gateway.end().await);
    let sources = json!({ "travel": { "scheme": "duffel", "secret": world.secret } }).to_string();
    world.receive_as(&[("SOURCES", &sources)]).await;
    let url = world.gateway.url.replace("/webhooks/duffel", "/webhooks/travel");
    world.change(Change { url: Some(url), ..Change::default() }).await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    assert_eq!(world.stack.consume().await, 1);
    world.log_from(Duration::from_mins(10)).await;
    let done = world.trace(&[&event]).await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let replay = format!("duffel-hooks replay --stack {} --source travel {event}", world.stack.name);
    assert!(last_paragraph(&done).ends_with(&replay), "{}", done.out);
    let done = world.trace_without_token(&["ord_1"]).await;
    assert!(done.out.starts_with(&format!("order.created {event}, ")), "{}", done.out);
}

#[tokio::test]
async fn a_delivery_to_another_address_is_found_there() {
    let world = World::new().await;
    world
        .change(Change { url: Some("http://127.0.0.1:9/webhooks/duffel".to_owned()), ..Change::default() })
        .await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.log().await;
    let done = world.trace(&[&event]).await;
    assert_eq!(done.code, 6, "{}{}", done.out, done.err);
    assert!(
        last_paragraph(&done).contains("http://127.0.0.1:9/webhooks/duffel, which is not this stack"),
        "{}",
        done.out
    );
    let gateway = world.gateway.url.clone();
    let update = format!("duffel-hooks webhooks update {} --url {gateway}", world.webhook);
    assert!(done.out.contains(&update), "{}", done.out);
}

#[tokio::test]
async fn a_delivery_that_did_not_reach_the_receiver_is_found_at_the_gateway() {
    let world = World::new().await;
    // The gateway of the test answers 503 without a receiver.
    world.log().await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    let access = LogGroup::existing(world.stack.output(Output::ApiLogGroup));
    access.put(&[
        json!({ "requestId": "a", "status": "202", "integrationError": "-" }).to_string(),
        json!({ "requestId": "b", "status": "429", "integrationError": "-" }).to_string(),
        json!({ "requestId": "c", "status": "503", "integrationError": "The function was throttled" })
            .to_string(),
    ]);
    let done = world.trace(&[&event]).await;
    assert_eq!(done.code, 6, "{}{}", done.out, done.err);
    let reason = "the receiver did not answer the gateway (The function was throttled)";
    assert!(
        done.out.contains(&format!("  gateway       {reason} (found by time and status)\n")),
        "{}",
        done.out
    );
    let last = last_paragraph(&done);
    assert!(last.starts_with(&format!("It was refused with 503: {reason}.")), "{last}");
    assert!(last.contains("Duffel retries until "), "{last}");
    let traced = json_of(&world.trace(&[&event, "--json"]).await);
    assert_eq!(traced["conclusion"]["place"], "not_accepted");
}

/// The log has no keys. The identities of some of an object's events follow from its key.
#[tokio::test]
async fn every_name_of_an_event_leads_to_it() {
    let world = World::new().await;
    let created = world.occur("order.created", json!({ "id": "ord_1" })).await;
    let updated = world.occur("order.updated", json!({ "id": "ord_1" })).await;
    world.occur("order.created", json!({ "id": "ord_2" })).await;
    world.log().await;
    let record =
        world.records().await.into_iter().find(|it| it["event_id"].as_s().unwrap() == &created).unwrap();
    let (identity, message) = (record["pk"].as_s().unwrap(), record["message_id"].as_s().unwrap());
    for name in [&created, identity, message] {
        for done in [world.trace(&[name]).await, world.trace_without_token(&[name]).await] {
            assert_eq!(done.code, 0, "{}{}", done.out, done.err);
            assert!(done.out.starts_with(&format!("order.created {created}, ")), "{}", done.out);
            assert!(done.out.contains(&format!("202 accepted, message {message}, in ")), "{}", done.out);
            assert_eq!(done.out.matches("  → ").count(), 1, "only this event: {}", done.out);
        }
    }
    let done = world.trace(&["ord_1"]).await;
    let heads: Vec<_> = done.out.lines().filter(|line| line.contains(", about ord_1, test mode")).collect();
    assert_eq!((heads.len(), done.code), (2, 0), "{}", done.out);
    assert!(done.out.contains(&format!("order.updated {updated}, ")), "{}", done.out);
    let done = world.trace_without_token(&["ord_1"]).await;
    assert!(done.out.contains(&format!("order.created {created}, ")), "{}", done.out);
    assert!(done.out.contains(&format!("202 accepted, message {message}, in ")), "{}", done.out);
    assert!(!done.out.contains(&updated), "its identity does not follow from the key: {}", done.out);
    assert!(done.out.contains("Not asked: Duffel (DUFFEL_ACCESS_TOKEN is not set)"), "{}", done.out);
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_with_the_reason() {
    let world = World::new().await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.log().await;
    for call in
        ["logs:StartQuery", "dynamodb:GetItem", "sqs:GetQueueAttributes", "cloudwatch:GetMetricStatistics"]
    {
        world.proxy.inject(call, [AwsFault::Refuse(400, "AccessDeniedException")]);
    }
    let done = world.trace(&[&event]).await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let unasked: Vec<_> = done.out.lines().filter(|line| line.starts_with("Not asked: ")).collect();
    assert_eq!(
        unasked,
        [
            "Not asked: the receiver's log (the permission logs:StartQuery is missing)",
            "Not asked: the ledger (the permission dynamodb:GetItem is missing)",
            "Not asked: the queue (the permission sqs:GetQueueAttributes is missing)",
            "Not asked: the age of the oldest event in the queue (the permission cloudwatch:GetMetricStatistics is missing)",
            "Not asked: the dead-letter queue (the permission sqs:GetQueueAttributes is missing)",
        ]
    );
    let last = last_paragraph(&done);
    assert!(
        last.starts_with("Duffel's delivery was accepted, but what the receiver did with it is not known"),
        "{last}"
    );

    let done = world.trace_without_token(&[&event]).await;
    assert_eq!(done.code, 1, "{}", done.out);
    assert!(done.out.contains("Not asked: Duffel (DUFFEL_ACCESS_TOKEN is not set)"), "{}", done.out);
    assert!(done.out.contains("Not asked: the ledger (the event's identity is not known"), "{}", done.out);
    assert!(last_paragraph(&done).starts_with("Nothing is known of it, but not everything"), "{}", done.out);
    assert_eq!(done.err, "duffel-hooks: nothing is known of such an event\n");
}

#[tokio::test]
async fn a_query_that_takes_its_time_is_waited_for_and_a_busy_log_asked_again() {
    let world = World::new().await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.log().await;
    world.proxy.inject("logs:StartQuery", [AwsFault::Refuse(400, "LimitExceededException"), AwsFault::Fine]);
    let running = AwsFault::Answer(r#"{"status":"Running","results":[]}"#);
    world.proxy.inject("logs:GetQueryResults", [running, running, AwsFault::Fine]);
    let done = world.trace_without_token(&[&event]).await;
    assert!(done.code == 0 && done.out.contains("202 accepted"), "{}{}", done.out, done.err);

    world.proxy.inject("logs:GetQueryResults", [AwsFault::Answer(r#"{"status":"Failed"}"#)]);
    let done = world.trace_without_token(&[&event]).await;
    assert!(done.out.contains("the query has the status \"Failed\""), "{}{}", done.out, done.err);
}

/// To receive from the event queue counts as an attempt of a consumer, and holds up the event's group.
#[tokio::test]
async fn the_event_queue_is_not_received_from() {
    let world = World::new().await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.log().await;
    for _ in 0..2 {
        assert_eq!(world.trace(&[&event]).await.code, 0);
    }
    let url = world.stack.output(Output::QueueUrl);
    let request = world.stack.sqs.receive_message().queue_url(url);
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    let received = request.message_system_attribute_names(count.clone()).send().await.unwrap();
    assert_eq!(received.messages()[0].attributes().unwrap()[&count], "1");
    let targets = world.proxy.targets();
    assert!(!targets.contains(&("sqs:ReceiveMessage".to_owned(), url.to_owned())), "{targets:?}");
}

#[tokio::test]
async fn an_expired_log_leaves_what_the_ledger_has() {
    let world = World::new().await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.gateway.end().await;
    world.stack.consume().await;
    let table = world.stack.output(Output::LedgerTableName);
    let mut record = world.records().await.remove(0);
    let ago = unix_seconds(SystemTime::now()) - 3_600;
    record.insert("recorded_at".to_owned(), AttributeValue::N(ago.to_string()));
    let dynamodb = aws_sdk_dynamodb::Client::new(&sdk_config().await);
    dynamodb.put_item().table_name(table).set_item(Some(record)).send().await.unwrap();
    let done = world.trace(&[&event]).await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(done.out.contains("ledger        recorded, message "), "{}", done.out);
    assert!(last_paragraph(&done).starts_with("A consumer has taken it"), "{}", done.out);
}

#[tokio::test]
async fn an_unknown_event_is_reported_with_what_to_check() {
    let world = World::new().await;
    world.log().await;
    for name in ["wev_0000A3tQSmKyqOrcySrGbo", "ord_none", "34c2e63a-36db-4b4f-8277-d499eef19c93"] {
        let done = world.trace(&[name]).await;
        assert_eq!(done.code, 1, "{}", done.out);
        let last = last_paragraph(&done);
        assert!(last.starts_with("Nothing is known of it"), "{}", done.out);
        assert!(
            last.contains("check the name, the mode of the access token, the stack, and --since"),
            "{last}"
        );
    }
}

#[tokio::test]
async fn the_json_has_the_timeline_the_reasons_and_the_conclusion() {
    let world = World::new().await;
    let event = world.occur("order.created", json!({ "id": "ord_1" })).await;
    world.log().await;
    let traced = json_of(&world.trace(&[&event, "--json"]).await);
    assert_eq!(traced["event"]["id"], event);
    assert_eq!(traced["event"]["type"], "order.created");
    assert_eq!(traced["event"]["idempotency_key"], "ord_1");
    let parts: Vec<_> =
        traced["timeline"].as_array().unwrap().iter().map(|entry| entry["part"].clone()).collect();
    let sorted = ["Duffel", "Duffel", "receiver", "ledger", "queue", "dead letters"];
    let (mut one, mut other) =
        (parts.iter().map(|it| it.as_str().unwrap()).collect::<Vec<_>>(), sorted.to_vec());
    one.sort_unstable();
    other.sort_unstable();
    assert_eq!(one, other);
    assert_eq!(
        traced["timeline"].as_array().unwrap().iter().find(|it| it["part"] == "receiver").unwrap()["detail"]
            ["status"],
        202
    );
    assert_eq!(traced["not_asked"], json!([]));
    let conclusion = &traced["conclusion"];
    assert_eq!(conclusion["place"], "queue");
    assert_eq!(
        conclusion["commands"],
        json!([format!("duffel-hooks queue show --stack {}", world.stack.name)])
    );
    assert!(ministack::endpoint().starts_with("http://127.0.0.1:"));
}
