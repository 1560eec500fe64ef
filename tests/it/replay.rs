//! `replay`: the real tool and a real receiver, with `MiniStack` and the Duffel stand-in.

mod interruptions;

use std::{
    collections::{BTreeMap, HashMap},
    process::{Command, Output},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use aws_sdk_dynamodb::types::AttributeValue;
use duffel_webhook_receiver::{
    duffel::{AccessToken, Change, Client, EventFilter},
    time::unix_seconds,
};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::support::{
    duffel::{ApiFault, DuffelStandIn, TOKEN},
    ministack::{ACCESS_KEY, Backend, REGION, SECRET_KEY, endpoint},
    proxy::{AwsFault, Moment, Proxy},
    serve::Serve,
    snapshot,
    tool::{self, assert_success, run_unread, signal, text},
};

/// A receiver whose consumer took all events ten simulated minutes ago.
///
/// The emulated queue has real time only, and drops duplicates for 5 minutes. So the records of the ledger are dated
/// back, and the receiver continues with a second, empty queue, which behaves as the first one would after that time.
/// The ledger stays the same.
struct Replay {
    /// Has the queue for the replayed events; its table is not used.
    backend: Backend,
    /// Has the table that is the ledger.
    first: Backend,
    duffel: Arc<DuffelStandIn>,
    receiver: Mutex<Option<Serve>>,
    webhook: String,
    secret: String,
}

impl Replay {
    async fn new() -> Self {
        let (first, backend) = (Backend::new().await, Backend::new().await);
        let duffel = Arc::new(DuffelStandIn::start());
        let (webhook, secret) = duffel.register("http://127.0.0.1:1/webhooks/duffel");
        let env = Self { backend, first, duffel, receiver: Mutex::default(), webhook, secret };
        env.receive(&env.first.queue_url).await;
        env
    }

    /// Replaces the receiver by one that forwards to another queue.
    async fn receive(&self, queue_url: &str) {
        self.receive_by(queue_url, endpoint()).await;
    }

    /// The same, with another address of AWS.
    async fn receive_by(&self, queue_url: &str, aws: &str) {
        let mut variables = self.first.variables().to_vec();
        variables.retain(|(name, _)| !["QUEUE_URL", "AWS_ENDPOINT_URL"].contains(name));
        let own = [("QUEUE_URL", queue_url), ("AWS_ENDPOINT_URL", aws), ("WEBHOOK_SECRET", &self.secret)];
        variables.extend(own);
        let receiver = Serve::forward_with(&variables);
        let url = receiver.line("Receiving on ");
        *self.receiver.lock().unwrap() = Some(receiver);
        self.change(Change { url: Some(url), ..Change::default() }).await;
    }

    async fn change(&self, change: Change) {
        let (client, webhook) = (client(&self.duffel), self.webhook.clone());
        spawn_blocking(move || client.update_webhook(&webhook, &change).unwrap()).await.unwrap();
    }

    async fn occur(&self, kind: &str, object: Value) -> String {
        let (duffel, kind) = (Arc::clone(&self.duffel), kind.to_owned());
        spawn_blocking(move || duffel.occur(&kind, &object)).await.unwrap()
    }

    /// Creates orders, all of which the consumer has taken.
    async fn consumed(&self, number: usize) -> Vec<String> {
        let mut events = Vec::new();
        for number in 0..number {
            events.push(self.occur("order.created", json!({ "id": format!("ord_{number}") })).await);
        }
        assert_eq!(self.first.messages().await.len(), number);
        self.pass_time().await;
        events
    }

    /// Simulates ten minutes.
    async fn pass_time(&self) {
        let at = AttributeValue::N((unix_seconds(SystemTime::now()) - 600).to_string());
        for mut item in self.first.items().await {
            item.insert("recorded_at".to_owned(), at.clone());
            self.first.put_item(item).await;
        }
        self.receive(&self.backend.queue_url).await;
    }

    fn tool(&self, arguments: &[&str]) -> Command {
        let mut command = tool::command(["replay", "--table", &self.first.table]);
        command.args(arguments).envs([
            ("DUFFEL_API_URL", self.duffel.url().as_str()),
            ("DUFFEL_ACCESS_TOKEN", TOKEN),
            ("AWS_ENDPOINT_URL", endpoint()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ]);
        command
    }

    async fn replay(&self, arguments: &[&str]) -> Output {
        tool::run(self.tool(arguments)).await
    }

    /// The same, with AWS behind a proxy.
    async fn replay_through(&self, proxy: &Proxy, arguments: &[&str]) -> Output {
        let mut command = self.tool(arguments);
        command.env("AWS_ENDPOINT_URL", &proxy.endpoint);
        tool::run(command).await
    }

    /// The ids of the events in the queue, and how often each is there.
    async fn queued(&self) -> BTreeMap<String, usize> {
        let mut queued = BTreeMap::new();
        for message in self.backend.messages().await {
            let id = &message.message_attributes().unwrap()["event_id"];
            *queued.entry(id.string_value().unwrap().to_owned()).or_default() += 1;
        }
        queued
    }

    /// The ledger, by identity.
    async fn ledger(&self) -> BTreeMap<String, HashMap<String, AttributeValue>> {
        let items = self.first.items().await.into_iter();
        items.map(|item| (item["pk"].as_s().unwrap().clone(), item)).collect()
    }
}

fn client(duffel: &DuffelStandIn) -> Client {
    Client::new(&duffel.url(), AccessToken::new(TOKEN).unwrap()).unwrap()
}

fn once(events: &[String]) -> BTreeMap<String, usize> {
    events.iter().map(|id| (id.clone(), 1)).collect()
}

fn outcomes(output: &Output) -> Vec<(String, String)> {
    let lines = text(&output.stdout);
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines.map(|line| (text(&line["event"]), text(&line["outcome"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replayed_events_arrive_once() {
    for later in [None, Some(Duration::from_secs(2))] {
        let env = Replay::new().await;
        env.duffel.set(|settings| settings.redelivers_after = later);
        let events = env.consumed(20).await;
        let output = env.replay(&["--since", "1h", "--json"]).await;
        assert_success(&output);
        let all =
            |outcome: &str| events.iter().map(|id| (id.clone(), outcome.to_owned())).collect::<Vec<_>>();
        assert_eq!(outcomes(&output), all("arrived"));
        assert!(text(&output.stderr).ends_with("\n20 events: 20 arrived\n"), "{}", text(&output.stderr));
        assert_eq!(env.queued().await, once(&events));
        assert_eq!(env.ledger().await.len(), 20);
        // Now they are too recent, and the same command does nothing.
        let again = env.replay(&["--since", "1h", "--json"]).await;
        assert_success(&again);
        assert_eq!(outcomes(&again), all("too_young"));
        assert!(text(&again.stderr).ends_with("\n20 events: 20 too young\n"), "{}", text(&again.stderr));
        assert_eq!(env.queued().await, BTreeMap::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepted_event_without_a_record_counts_as_arrived() {
    let env = Replay::new().await;
    let events = env.consumed(1).await;
    let proxy = Proxy::new().await;
    proxy.inject("dynamodb:PutItem", [AwsFault::Refuse(400, "AccessDeniedException")]);
    env.receive_by(&env.backend.queue_url, &proxy.endpoint).await;
    let output = env.replay(&[&events[0]]).await;
    assert_success(&output);
    assert!(text(&output.stdout).contains("accepted, and not in the ledger"), "{}", text(&output.stdout));
    assert_eq!(env.queued().await, once(&events));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dry_run_of_a_replay_changes_nothing() {
    let env = Replay::new().await;
    let events = env.consumed(3).await;
    let (ledger, _) = (env.ledger().await, env.duffel.asked());
    let output = env.replay(&["--dry-run", &events[0], &events[2]]).await;
    assert_success(&output);
    let out = text(&output.stdout);
    assert_eq!(out.matches("would replay").count(), 2, "{out}");
    assert!(out.ends_with("Nothing was changed.\n"), "{out}");
    assert_eq!(text(&output.stderr), "2 events: 2 would replay\n");
    snapshot::assert("replay-dry-run", &(out + &text(&output.stderr)));
    assert_eq!(env.ledger().await, ledger);
    assert!(env.duffel.asked().iter().all(|asked| asked.what.starts_with("GET ")));
    assert_eq!(env.queued().await, BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identity_from_the_api_equals_that_of_the_delivery() {
    let env = Replay::new().await;
    for (kind, object) in [
        ("order.created", json!({ "id": "ord_1" })),
        ("stays.booking.cancelled", json!({ "id": "bok_1" })),
        ("air.order.changed", json!({ "id": "ord_1" })),
        ("air.order.changed", json!({ "id": "ord_1" })),
        ("order.updated", json!({})),
        ("assistant.conversation.updated", json!({ "id": "con_1" })),
        ("ping.triggered", json!({})),
        ("order.created", json!({})),
        ("something.new", json!({ "id": "new_1" })),
    ] {
        env.occur(kind, object).await;
    }
    let client = client(&env.duffel);
    let list = move || client.events(&EventFilter::default()).collect::<Result<Vec<_>, _>>().unwrap();
    let events = spawn_blocking(list).await.unwrap();
    let ledger = env.ledger().await;
    assert_eq!((events.len(), ledger.len()), (9, 9));
    for event in events {
        let identity = event.identity("duffel").unwrap();
        let item = ledger.get(identity.as_str()).unwrap_or_else(|| panic!("{:?} {event:?}", event.kind));
        assert_eq!(item["event_id"].as_s().unwrap(), &event.id);
        assert!(!ledger.contains_key(event.identity("other").unwrap().as_str()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_selected_by_time_type_and_failure() {
    let env = Replay::new().await;
    let old = {
        let (duffel, at) = (Arc::clone(&env.duffel), SystemTime::now() - Duration::from_hours(5));
        spawn_blocking(move || duffel.occur_at(at, "order.created", &json!({ "id": "ord_1" }))).await.unwrap()
    };
    let changed = env.occur("air.order.changed", json!({ "id": "ord_1" })).await;
    let booked = env.occur("stays.booking.created", json!({ "id": "bok_1" })).await;
    env.occur("ping.triggered", json!({})).await;
    env.change(Change { active: Some(false), ..Change::default() }).await;
    let failed = env.occur("stays.booking.cancelled", json!({ "id": "bok_1" })).await;
    env.change(Change { active: Some(true), ..Change::default() }).await;
    for (arguments, expected) in [
        (vec!["--since", "1h"], vec![&changed, &booked, &failed]),
        (vec!["--since", "6h", "--until", "1h"], vec![&old]),
        (vec!["--since", "6h", "--type", "stays.*"], vec![&booked, &failed]),
        (vec!["--since", "6h", "--type", "order.created", "--type", "air.*"], vec![&old, &changed]),
        (vec!["--since", "6h", "--failed"], vec![&failed]),
        (vec!["--since", "6h", "--failed", "--type", "order.*"], vec![]),
    ] {
        for unclear in [false, true] {
            env.duffel.set(|settings| settings.unattempted_is_nothing = unclear);
            let output = env.replay(&[&arguments[..], &["--dry-run", "--json"]].concat()).await;
            assert_success(&output);
            let chosen: Vec<_> = outcomes(&output).into_iter().map(|(id, _)| id).collect();
            assert_eq!(chosen.iter().collect::<Vec<_>>(), expected, "{arguments:?}");
        }
    }
    env.change(Change { events: Some(vec!["order.created".to_owned()]), ..Change::default() }).await;
    let unwanted = env.replay(&["--since", "6h", "--failed", "--json"]).await;
    assert_success(&unwanted);
    assert_eq!(outcomes(&unwanted), []);
    env.change(Change { events: Some(Vec::new()), active: Some(false), ..Change::default() }).await;
    let inactive = env.replay(&["--since", "6h", "--failed"]).await;
    assert_eq!(inactive.status.code(), Some(1));
    assert!(text(&inactive.stderr).contains("Duffel has no active webhook"), "{}", text(&inactive.stderr));
    env.change(Change { active: Some(true), ..Change::default() }).await;
    let output = env.replay(&["--since", "6h", "--failed", "--json"]).await;
    assert_success(&output);
    assert_eq!(outcomes(&output), [(failed.clone(), "arrived".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_recent_and_refused_events_are_reported_and_unchanged() {
    let env = Replay::new().await;
    let events = env.consumed(2).await;
    let young = env.occur("order.created", json!({ "id": "ord_young" })).await;
    assert_eq!(env.queued().await, once(std::slice::from_ref(&young)));
    let ledger = env.ledger().await;
    let refusal = ApiFault::Answer(422, r#"{"errors":[{"title":"Too old","message":"gone"}]}"#);
    env.duffel.inject(&format!("POST /air/webhooks/events/{}", events[0]), &refusal, 1);
    let output = env.replay(&[&events[0], "wev_nobody", &young, &events[1]]).await;
    assert_eq!(output.status.code(), Some(1));
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let line = |id: &str| out.lines().find(|line| line.starts_with(id)).unwrap_or_else(|| panic!("{out}"));
    assert!(line(&events[0]).contains("refused") && line(&events[0]).contains("Too old"), "{out}");
    assert!(line("wev_nobody").contains("refused") && line("wev_nobody").contains("404"), "{out}");
    assert!(line(&young).contains("too young") && line(&young).contains("--wait"), "{out}");
    assert!(line(&events[1]).contains("arrived"), "{out}");
    assert!(err.contains("4 events: 2 refused, 1 too young, 1 arrived\n"), "{err}");
    assert!(err.ends_with("2 of 4 events did not arrive\n"), "{err}");
    assert_eq!(env.queued().await, once(&events[1..]));
    let mut left = env.ledger().await;
    let identity = |id: &str| {
        let is_its = |item: &HashMap<_, AttributeValue>| item["event_id"].as_s().unwrap() == id;
        ledger.iter().find(|(_, item)| is_its(item)).unwrap().0.clone()
    };
    let replayed = identity(&events[1]);
    assert_ne!(left.remove(&replayed), ledger.get(&replayed).cloned());
    let mut before = ledger.clone();
    before.remove(&replayed);
    assert_eq!(left, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_that_does_not_arrive_may_be_delivered_later() {
    let env = Replay::new().await;
    let events = env.consumed(2).await;
    *env.receiver.lock().unwrap() = None;
    for later in [None, Some(Duration::from_secs(1))] {
        env.duffel.set(|settings| settings.redelivers_after = later);
        let output = env.replay(&[&events[0], "--wait", "10s"]).await;
        assert_eq!(output.status.code(), Some(1));
        let out = text(&output.stdout);
        assert!(out.contains("the receiver did not respond; Duffel may still deliver it"), "{out}");
    }
    // As Duffel does when it retries.
    env.receive(&env.backend.queue_url).await;
    let duffel = Arc::clone(&env.duffel);
    let id = events[0].clone();
    let client = client(&duffel);
    spawn_blocking(move || client.redeliver(&id).unwrap()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(env.queued().await, once(&events[..1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wait_covers_the_deduplication_interval_of_the_queue() {
    let env = Replay::new().await;
    let events = env.consumed(1).await;
    // 10 seconds before the deduplication interval ends.
    let at = AttributeValue::N((unix_seconds(SystemTime::now()) - 305).to_string());
    for mut item in env.first.items().await {
        item.insert("recorded_at".to_owned(), at.clone());
        env.first.put_item(item).await;
    }
    let would = env.replay(&[&events[0], "--wait", "30s", "--dry-run"]).await;
    assert!(text(&would.stdout).contains("would replay"), "{}", text(&would.stdout));
    let too_young = env.replay(&[&events[0], "--wait", "0s", "--dry-run"]).await;
    assert!(text(&too_young.stdout).contains("use --wait 1m"), "{}", text(&too_young.stdout));
    let output = env.replay(&[&events[0], "--wait", "30s"]).await;
    assert_success(&output);
    assert!(text(&output.stderr).contains("until SQS accepts it again"), "{}", text(&output.stderr));
    assert_eq!(env.queued().await, once(&events));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_source_and_missing_permission_are_reported() {
    let env = Replay::new().await;
    let events = env.consumed(2).await;
    let output = env.replay(&[&events[0], "--source", "other"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("is --source its name for Duffel"), "{}", text(&output.stdout));
    let ledger = env.ledger().await;
    let proxy = Proxy::new().await;
    proxy.inject("dynamodb:DeleteItem", [AwsFault::Refuse(400, "AccessDeniedException")]);
    let output = env.replay_through(&proxy, &[&events[0], &events[1]]).await;
    let err = text(&output.stderr);
    assert_eq!(err, "2 events: 2 not asked\nduffel-hooks: the permission dynamodb:DeleteItem is missing\n");
    assert_eq!(env.ledger().await, ledger);
    assert_eq!(env.queued().await, BTreeMap::new());
}

const REFUSAL: ApiFault = ApiFault::Answer(422, r#"{"errors":[{"title":"Too old","message":"gone"}]}"#);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_look_up_loses_neither_report_nor_record() {
    let env = Replay::new().await;
    let events = env.consumed(2).await;
    let ledger = env.ledger().await;
    *env.receiver.lock().unwrap() = None;
    env.duffel.inject(&format!("POST /air/webhooks/events/{}", events[0]), &ApiFault::Status(500), 1);
    let proxy = Proxy::new().await;
    let refused = AwsFault::Refuse(400, "AccessDeniedException");
    proxy.inject("dynamodb:GetItem", [AwsFault::Fine, AwsFault::Fine, refused]);
    let output = env.replay_through(&proxy, &["--json", &events[0], &events[1]]).await;
    assert_eq!(output.status.code(), Some(1));
    let outcome = |id: &str, outcome: &str| (id.to_owned(), outcome.to_owned());
    assert_eq!(outcomes(&output), [outcome(&events[0], "unclear"), outcome(&events[1], "missing")]);
    assert!(text(&output.stdout).contains("the wait was interrupted"), "{}", text(&output.stdout));
    let err = text(&output.stderr);
    assert!(err.ends_with("\nduffel-hooks: the permission dynamodb:GetItem is missing\n"), "{err}");
    assert!(err.contains("Requested 1 of 2 events from Duffel\n"), "{err}");
    let left = env.ledger().await;
    assert_eq!(left.len(), 1, "Duffel may still deliver the other");
    assert!(
        left.iter()
            .all(|(identity, item)| ledger[identity] == *item
                && item["event_id"].as_s().unwrap() == &events[0])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn record_is_restored_if_its_deletion_was_not_answered() {
    for unanswered in [vec![AwsFault::AnswerLost, AwsFault::Fine], vec![AwsFault::AnswerLost]] {
        let env = Replay::new().await;
        let events = env.consumed(1).await;
        let ledger = env.ledger().await;
        env.duffel.inject("POST", &REFUSAL, 1);
        let proxy = Proxy::new().await;
        proxy.inject("dynamodb:DeleteItem", unanswered.iter().copied());
        let output = env.replay_through(&proxy, &["--json", &events[0]]).await;
        assert_eq!(output.status.code(), Some(1));
        let outcome = if unanswered.len() > 1 { "refused" } else { "not_asked" };
        assert_eq!(outcomes(&output), [(events[0].clone(), outcome.to_owned())]);
        let reported = if unanswered.len() > 1 { "Too old" } else { "dynamodb:DeleteItem was not answered" };
        let both = text(&output.stdout) + &text(&output.stderr);
        assert!(both.contains(reported), "{both}");
        assert!(proxy.calls()["dynamodb:DeleteItem"] > 1);
        assert_eq!(env.ledger().await, ledger);
        assert_eq!(env.queued().await, BTreeMap::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_replay_restores_records_of_events_not_requested() {
    for name in ["INT", "TERM", "HUP"] {
        let env = Replay::new().await;
        env.duffel.set(|settings| settings.redelivers_after = Some(Duration::from_hours(1)));
        let events = env.consumed(3).await;
        let ledger = env.ledger().await;
        env.duffel.asked();
        let proxy = Proxy::new().await;
        let mut first = proxy.hold("dynamodb:DeleteItem", Moment::Before);
        let mut command = env.tool(&["--json", &events[0], &events[1], &events[2]]);
        let tool = tool::start(command.env("AWS_ENDPOINT_URL", &proxy.endpoint));
        first.reached().await;
        let mut second = proxy.hold("dynamodb:DeleteItem", Moment::Before);
        first.release();
        second.reached().await;
        signal(name, &tool);
        tokio::time::sleep(Duration::from_millis(200)).await;
        second.release();
        let output = tool::finish(tool).await;
        assert_eq!(output.status.code(), Some(1), "{name}");
        let err = text(&output.stderr);
        assert!(err.ends_with("3 events: 1 missing, 2 not asked\nduffel-hooks: interrupted\n"), "{err}");
        let reported: Vec<_> = outcomes(&output).into_iter().map(|(_, outcome)| outcome).collect();
        assert_eq!(reported, ["missing", "not_asked", "not_asked"]);
        assert_eq!(text(&output.stdout).matches("it was not requested").count(), 2);
        let asked = env.duffel.asked();
        let asked: Vec<_> = asked.iter().filter(|asked| asked.what.starts_with("POST ")).collect();
        assert_eq!(asked.len(), 1);
        assert!(asked[0].what.contains(&events[0]));
        let mut before = ledger.clone();
        before.retain(|_, item| item["event_id"].as_s().unwrap() != &events[0]);
        assert_eq!(env.ledger().await, before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_restored_if_the_terminal_closes() {
    let env = Replay::new().await;
    env.duffel.set(|settings| settings.redelivers_after = Some(Duration::from_hours(1)));
    let events = env.consumed(2).await;
    let ledger = env.ledger().await;
    let proxy = Proxy::new().await;
    let mut held = proxy.hold("dynamodb:DeleteItem", Moment::After);
    let mut command = env.tool(&[&events[0], &events[1]]);
    let mut tool = tool::start(command.env("AWS_ENDPOINT_URL", &proxy.endpoint));
    held.reached().await;
    drop((tool.stdout.take(), tool.stderr.take()));
    // As when a terminal closes: one signal from the kernel, one from the shell.
    for _ in 0..2 {
        signal("HUP", &tool);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    held.release();
    let status = spawn_blocking(move || tool.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(1));
    assert_eq!(env.ledger().await, ledger);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_arrived_before_an_interruption_are_reported_as_arrived() {
    let env = Replay::new().await;
    env.duffel.set(|settings| settings.redelivers_after = Some(Duration::from_millis(300)));
    let events = env.consumed(2).await;
    let old = env.ledger().await;
    let tool = tool::start(&mut env.tool(&["--json", &events[0], &events[1]]));
    loop {
        let ledger = env.ledger().await;
        if ledger.len() == 2 && ledger.iter().all(|(identity, item)| old[identity] != *item) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    signal("INT", &tool);
    let output = tool::finish(tool).await;
    let arrived = |id: &String| (id.clone(), "arrived".to_owned());
    assert_eq!(outcomes(&output), events.iter().map(arrived).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_event_is_waited_for_once() {
    let env = Replay::new().await;
    env.duffel.set(|settings| settings.redelivers_after = Some(Duration::from_hours(1)));
    let events = env.consumed(1).await;
    let began = Instant::now();
    let output = env.replay(&[&events[0], "--wait", "10s"]).await;
    let took = began.elapsed();
    assert_eq!(output.status.code(), Some(1));
    assert!((Duration::from_secs(10)..Duration::from_secs(18)).contains(&took), "{took:?}");
    let err = text(&output.stderr);
    assert_eq!(err.matches("Waiting for 1 event to arrive").count(), 1, "{err}");
    assert!(err.ends_with("1 event: 1 missing\nduffel-hooks: 1 of 1 event did not arrive\n"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_confirmed_requests_count() {
    let env = Replay::new().await;
    let events = env.consumed(2).await;
    let ledger = env.ledger().await;
    env.duffel.inject("POST", &ApiFault::Status(500), 2);
    let output = env.replay(&[&events[0], &events[1], "--wait", "1s"]).await;
    let err = text(&output.stderr);
    assert!(err.contains("Requested 0 of 2 events from Duffel\n"), "{err}");
    assert!(err.contains("2 events: 2 unclear\n"), "{err}");
    assert_eq!(env.ledger().await, ledger);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replay_is_done_and_fails_if_its_report_cannot_be_printed() {
    let env = Replay::new().await;
    let events = env.consumed(2).await;
    let mut command = env.tool(&[&events[0], &events[1]]);
    let output = spawn_blocking(move || run_unread(&mut command)).await.unwrap();
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(events.iter().all(|id| err.contains(&format!("\n{id}  order.created"))), "{err}");
    assert!(err.contains("2 events: 2 arrived\n"), "{err}");
    assert!(err.contains("not all of it could be printed"), "{err}");
    assert_eq!(env.queued().await, once(&events));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replay_interrupted_twice_reports_its_state() {
    let env = Replay::new().await;
    let events = env.consumed(1).await;
    let proxy = Proxy::new().await;
    proxy.inject("dynamodb:DeleteItem", [AwsFault::Hang]);
    let mut command = env.tool(&[&events[0]]);
    let tool = tool::start(command.env("AWS_ENDPOINT_URL", &proxy.endpoint));
    while !proxy.calls().contains_key("dynamodb:DeleteItem") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    signal("INT", &tool);
    tokio::time::sleep(Duration::from_millis(200)).await;
    signal("INT", &tool);
    let output = tool::finish(tool).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("duffel-hooks: interrupted again"), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    assert!(out.contains(&events[0]) && out.contains("its record may be missing from the ledger"), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_that_arrives_during_an_interrupted_request_is_reported_as_arrived() {
    let env = Replay::new().await;
    let events = env.consumed(1).await;
    let before = env.ledger().await;
    env.duffel.inject("POST", &ApiFault::Slow(Duration::from_mins(1)), 1);
    let tool = tool::start(&mut env.tool(&["--json", &events[0]]));
    while env.backend.queued().await == 0 || env.ledger().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    signal("INT", &tool);
    let output = tool::finish(tool).await;
    assert_eq!(text(&output.stderr).lines().last(), Some("duffel-hooks: interrupted"));
    assert_eq!(outcomes(&output), [(events[0].clone(), "arrived".to_owned())]);
    assert_ne!(env.ledger().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn very_large_numbers_are_handled() {
    let env = Replay::new().await;
    let events = env.consumed(1).await;
    let kept = env.first.items().await.remove(0);
    for absurd in ["18446744073709551615", "1000000000000"] {
        let mut item = kept.clone();
        item.insert("recorded_at".to_owned(), AttributeValue::N(absurd.to_owned()));
        env.first.put_item(item.clone()).await;
        for dry_run in [&["--dry-run"][..], &[]] {
            let output = env.replay(&[dry_run, &[&events[0]]].concat()).await;
            let out = text(&output.stdout);
            assert!(out.contains("not asked") && out.contains(absurd), "{out}{}", text(&output.stderr));
        }
        assert_eq!(env.first.items().await, [item]);
    }
    env.first.put_item(kept).await;
    let output = env.replay(&[&events[0], "--wait", "500000000000y"]).await;
    assert_success(&output);
    assert_eq!(env.queued().await, once(&events));
    let output = env.replay(&["--since", "60y"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("1970"), "{}", text(&output.stderr));
}
