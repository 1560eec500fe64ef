//! The `reconciler` process as Lambda runs it, with the Duffel stand-in, which delivers to a real receiver.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::duffel::{AccessToken, Change, Client};
use serde_json::{Value, json};
use tokio::{task::spawn_blocking, time::sleep};

use crate::support::{
    cloudformation::Template,
    duffel::{ApiFault, DuffelStandIn, LIVE_TOKEN, TOKEN},
    metrics::counted,
    ministack::Backend,
    proxy::{AwsFault, Proxy},
    runtime_api::{End, Function},
    serve::Serve,
    test_receiver::DAY,
};

/// Nobody listens there.
const DOWN: &str = "http://127.0.0.1:9/webhooks/duffel";

/// The time limit in `template.yaml`; the reconciler does not use its last five seconds.
pub const TIMEOUT: Duration = Duration::from_secs(300);

const REDELIVERIES: &str = "POST /air/webhooks/events/";
const EVENTS: &str = "GET /air/webhooks/events";
/// The prefix of the first request of a run, and of all other lists.
const WEBHOOKS: &str = "GET /air/webhooks";
const DELIVERIES: &str = "GET /air/webhooks/deliveries";

/// Duffel with a webhook of test mode, the receiver if it is up, and the reconciler.
struct Reconciliation {
    backend: Backend,
    proxy: Proxy,
    duffel: Arc<DuffelStandIn>,
    webhook: String,
    secret: String,
    /// The receiver and its URL, if it was started.
    serve: Option<(Serve, String)>,
    reconciler: Function,
}

impl Reconciliation {
    async fn new(variables: &[(&str, &str)]) -> Self {
        Self::of(TOKEN, TIMEOUT, variables).await
    }

    /// With another access token, or a list of them, and another time-out.
    async fn of(tokens: &str, timeout: Duration, variables: &[(&str, &str)]) -> Self {
        let (backend, proxy, duffel) = (Backend::new().await, Proxy::new().await, DuffelStandIn::start());
        let (webhook, secret) = duffel.register(DOWN);
        let (arn, url) = (backend.create_secret(Some(tokens)).await, duffel.url());
        let needed = [
            ("AWS_ENDPOINT_URL", proxy.endpoint.as_str()),
            ("DUFFEL_ACCESS_TOKEN_ARN", arn.as_str()),
            ("DUFFEL_API_URL", url.as_str()),
        ];
        let binary = env!("CARGO_BIN_EXE_reconciler");
        let variables = needed.into_iter().chain(variables.iter().copied());
        let reconciler = Function::start_binary(Path::new(binary), timeout, variables).await;
        Self { backend, proxy, duffel: Arc::new(duffel), webhook, secret, serve: None, reconciler }
    }

    /// Creates events a while ago, which Duffel tries to deliver, and returns their ids.
    fn occur(&self, times: usize) -> Vec<String> {
        let order = |number| json!({ "id": format!("ord_{number}_{}", uuid::Uuid::new_v4().simple()) });
        (0..times)
            .map(|number| self.duffel.occur_at(a_while_ago(), "order.created", &order(number)))
            .collect()
    }

    /// Starts the receiver and registers it.
    fn up(&mut self) {
        let (_, url) = self.serve.get_or_insert_with(|| serve(&self.backend, &self.secret));
        let url = url.clone();
        self.register(&url);
    }

    /// Registers an address where nobody listens.
    fn down(&self) {
        self.register(DOWN);
    }

    fn register(&self, url: &str) {
        self.change(&Change { url: Some(url.to_owned()), ..Change::default() });
    }

    fn change(&self, change: &Change) {
        let client = Client::new(&self.duffel.url(), AccessToken::new(TOKEN).unwrap()).unwrap();
        client.update_webhook(&self.webhook, change).unwrap();
        self.duffel.asked();
    }

    /// Invokes the reconciler once.
    async fn run(&self) -> Run {
        let before = self.reconciler.errors().len();
        let (end, took) = self.reconciler.invoke("{}").await;
        let asked = self.duffel.asked();
        let count = |what: &str| asked.iter().filter(|asked| asked.what.starts_with(what)).count();
        let (redeliveries, requests) = (count(REDELIVERIES), asked.len());
        let (report, error) = match end {
            End::Answered(report) => (report, None),
            End::Failed => {
                let errors = self.reconciler.errors();
                assert_eq!(errors.len(), before + 1);
                let error: Value = serde_json::from_str(&errors[before]).unwrap();
                (Value::Null, Some(error["errorMessage"].as_str().unwrap().to_owned()))
            }
            End::Died | End::TimedOut => panic!("{end:?} after {took:?}"),
        };
        Run { report, error, redeliveries, requests }
    }

    /// Invokes it until there is nothing to do, and returns how many runs failed.
    async fn settle(&self) -> usize {
        let mut failed = 0;
        for _ in 0..50 {
            let run = self.run().await;
            failed += usize::from(run.error.is_some());
            if run.report == counts(0, 0, 0, 0) {
                return failed;
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("there is still something to do; {failed} runs failed");
    }

    /// Asserts that the queue has each of these events once, and nothing else.
    async fn has_once(&self, events: &[String]) {
        let mut queued = BTreeMap::<String, usize>::new();
        for message in self.backend.messages().await {
            let id = message.message_attributes().unwrap()["event_id"].string_value().unwrap();
            *queued.entry(id.to_owned()).or_default() += 1;
        }
        let once: BTreeMap<_, _> = events.iter().map(|id| (id.clone(), 1)).collect();
        let missing = once.keys().filter(|id| !queued.contains_key(*id)).count();
        let twice = queued.values().filter(|times| **times > 1).count();
        assert!(queued == once, "{missing} of {} are missing, {twice} are in the queue twice", once.len());
    }

    /// Ends the reconciler, and returns its log: one line for each run, and the other lines.
    fn log(&mut self) -> (Vec<Value>, Vec<Value>) {
        let lines = self.reconciler.lines();
        for token in ["duffel_test_", "duffel_live_"] {
            assert!(!lines.iter().any(|line| line.contains(token)), "a token is in the log: {lines:#?}");
        }
        let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).expect(line));
        lines.partition(|line| line.get("outcome").is_some())
    }
}

/// Long enough ago for Duffel's first retries to be over.
fn a_while_ago() -> SystemTime {
    SystemTime::now() - Duration::from_hours(1)
}

/// A receiver on the real queue and table, and its address.
fn serve(backend: &Backend, secrets: &str) -> (Serve, String) {
    let serve = Serve::forward(backend, secrets);
    let url = serve.line("Receiving on ");
    (serve, url)
}

struct Run {
    /// Null if the run failed.
    report: Value,
    error: Option<String>,
    redeliveries: usize,
    requests: usize,
}

impl Run {
    fn error(&self) -> &str {
        self.error.as_deref().expect("it succeeded")
    }
}

fn counts(found: usize, asked: usize, failed: usize, left: usize) -> Value {
    json!({ "found": found, "asked": asked, "failed": failed, "left": left })
}

#[tokio::test]
async fn a_thousand_lost_events_are_in_the_queue_exactly_once() {
    let mut env = Reconciliation::new(&[("MAX_REDELIVERIES", "600")]).await;
    // The worse case: an event that failed once is always listed as failed.
    env.duffel.set(|settings| settings.first_attempt_counts = true);
    env.up();
    let mut events = env.occur(30);
    // Duffel does not wait for the answer, so an event may have arrived that Duffel lists as failed.
    env.duffel.set(|settings| settings.patience = Duration::from_millis(3));
    events.extend(env.occur(30));
    env.down();
    env.duffel.set(|settings| settings.patience = Duration::from_secs(10));
    events.extend(env.occur(1_000));
    assert!(env.duffel.undelivered().len() >= 1_000);
    env.up();

    // Meanwhile Duffel retries as well.
    let duffel = Arc::clone(&env.duffel);
    let retries = spawn_blocking(move || duffel.retry_failed());
    let first = env.run().await;
    assert!(first.error().ends_with("a run may request 600 redeliveries"), "{}", first.error());
    assert_eq!(first.redeliveries, 600);
    retries.await.unwrap();
    env.settle().await;
    assert_eq!(env.duffel.undelivered(), [""; 0]);
    env.has_once(&events).await;
}

/// `cargo lambda watch` gives every invocation a deadline ten minutes into 1970.
#[tokio::test]
async fn deadline_in_the_past_is_ignored() {
    let mut env = Reconciliation::new(&[]).await;
    let events = env.occur(3);
    env.up();
    let deadline = SystemTime::UNIX_EPOCH + Duration::from_secs(600);
    let (end, took) = env.reconciler.invoke_until(deadline, "{}", None).await;
    let End::Answered(report) = end else { panic!("{end:?} after {took:?}") };
    assert_eq!(report, counts(3, 3, 0, 0));
    env.has_once(&events).await;
}

#[tokio::test]
async fn each_event_arrives_once_for_every_meaning_of_success_and_redelivery() {
    for first_attempt_counts in [false, true] {
        for redelivers_after in [None, Some(Duration::from_millis(300))] {
            let mut env = Reconciliation::new(&[]).await;
            env.duffel.set(|settings| {
                settings.first_attempt_counts = first_attempt_counts;
                settings.redelivers_after = redelivers_after;
            });
            let events = env.occur(30);
            env.up();
            let run = env.run().await;
            assert_eq!(run.report, counts(30, 30, 0, 0));
            assert_eq!(run.redeliveries, 30);
            assert_eq!(env.settle().await, 0);
            env.has_once(&events).await;
            // Events that have arrived are not requested again.
            assert_eq!(env.run().await.redeliveries, 0);
        }
    }
}

#[tokio::test]
async fn arrived_events_are_not_requested_again() {
    let mut env = Reconciliation::new(&[]).await;
    env.duffel.set(|settings| settings.first_attempt_counts = true);
    let mut events = env.occur(3);
    env.up();
    assert_eq!(env.run().await.report, counts(3, 3, 0, 0));
    env.down();
    events.extend(env.occur(2));
    env.up();
    assert_eq!(env.run().await.report, counts(2, 2, 0, 0));
    env.has_once(&events).await;
}

#[tokio::test]
async fn ignored_filters_and_missing_times_lose_no_event() {
    for hides_times in [false, true] {
        let mut env = Reconciliation::new(&[]).await;
        env.duffel.set(|settings| {
            settings.ignores_filters = true;
            settings.hides_times = hides_times;
        });
        env.up();
        let mut events = env.occur(10);
        env.down();
        // Deliveries without a status, because nobody answered.
        events.extend(env.occur(20));
        env.up();
        assert_eq!(env.run().await.report, counts(20, 20, 0, 0));
        assert_eq!(env.run().await.report, counts(0, 0, 0, 0));
        env.has_once(&events).await;
    }
}

#[tokio::test]
async fn events_beyond_the_window_are_not_requested() {
    for ignores_filters in [false, true] {
        let mut env = Reconciliation::new(&[("DEDUP_WINDOW", "1d")]).await;
        env.duffel.set(|settings| settings.ignores_filters = ignores_filters);
        let ids = [22 * 60, 23 * 60 + 30, 48 * 60].map(|age| {
            let at = SystemTime::now() - Duration::from_mins(age);
            env.duffel.occur_at(at, "order.created", &json!({ "id": format!("ord_{age}") }))
        });
        env.up();
        assert_eq!(env.run().await.report, counts(1, 1, 0, 0));
        env.has_once(&ids[..1]).await;
    }
}

#[tokio::test]
async fn look_back_is_limited_to_seven_days() {
    let mut env = Reconciliation::new(&[("DEDUP_WINDOW", "30d")]).await;
    let ids = [6, 8].map(|days| {
        let at = SystemTime::now() - days * DAY;
        env.duffel.occur_at(at, "order.created", &json!({ "id": format!("ord_{days}") }))
    });
    env.up();
    assert_eq!(env.run().await.report, counts(1, 1, 0, 0));
    env.has_once(&ids[..1]).await;
}

#[tokio::test]
async fn the_list_is_read_to_its_end() {
    let mut env = Reconciliation::new(&[]).await;
    let events = env.occur(450);
    env.up();
    assert_eq!(env.run().await.report, counts(450, 450, 0, 0));
    env.has_once(&events).await;
}

#[tokio::test]
async fn api_errors_are_retried_or_reported() {
    let mut env = Reconciliation::new(&[]).await;
    // Faults after which the client retries.
    for fault in [
        ApiFault::RateLimited(1),
        ApiFault::RetryAfter(429, 1),
        ApiFault::RetryAfter(503, 0),
        ApiFault::Html(503),
        ApiFault::Html(504),
        ApiFault::Slow(Duration::from_millis(500)),
        ApiFault::Down,
        ApiFault::AnswerLost,
    ] {
        env.down();
        let events = env.occur(3);
        env.up();
        for what in [EVENTS, DELIVERIES, REDELIVERIES] {
            env.duffel.inject(what, &fault, 1);
        }
        assert_eq!(env.run().await.report, counts(3, 3, 0, 0));
        env.has_once(&events).await;
    }
    // Faults after which it must not retry. The run does the rest, and the next run completes it.
    for fault in
        [ApiFault::Status(500), ApiFault::Html(502), ApiFault::Status(400), ApiFault::Answer(200, "no")]
    {
        for (what, failed, asked) in
            [(WEBHOOKS, 0, 0), (EVENTS, 0, 3), (DELIVERIES, 0, 3), (REDELIVERIES, 1, 2)]
        {
            if what == REDELIVERIES && matches!(fault, ApiFault::Answer(200, _)) {
                continue;
            }
            env.down();
            let events = env.occur(3);
            env.up();
            env.duffel.inject(what, &fault, 1);
            let run = env.run().await;
            let expected = format!("{asked} asked for, {failed} failed, 0 left");
            assert!(run.error().contains(&expected), "{what}: {}", run.error());
            let expected =
                if what == REDELIVERIES { "Duffel answered" } else { "broke off: Duffel answered" };
            assert!(run.error().contains(expected), "{what}: {}", run.error());
            assert_eq!(env.run().await.report, counts(3 - asked, 3 - asked, 0, 0));
            env.has_once(&events).await;
        }
    }
    let (runs, others) = env.log();
    assert!(runs.iter().filter(|run| run["outcome"] == "failed").count() == 15);
    assert!(others.iter().any(|line| line["message"].as_str().unwrap().starts_with("retrying in ")));
}

#[tokio::test]
async fn events_read_before_a_list_breaks_off_are_requested() {
    let mut env = Reconciliation::new(&[]).await;
    let events = env.occur(250);
    env.up();
    // The newest 200 are on the first page, first of the failed events and then of all.
    for _ in 0..2 {
        env.duffel.inject(EVENTS, &ApiFault::Slow(Duration::ZERO), 1);
        env.duffel.inject(EVENTS, &ApiFault::Status(500), 1);
    }
    let run = env.run().await;
    assert!(run.error().contains("200 asked for, 0 failed, 0 left"), "{}", run.error());
    assert!(run.error().contains("the list of events broke off: Duffel answered 500"), "{}", run.error());
    assert_eq!(env.run().await.report, counts(50, 50, 0, 0));
    env.has_once(&events).await;
}

#[tokio::test]
async fn permanently_refused_events_starve_no_other() {
    let mut env = Reconciliation::new(&[("MAX_REDELIVERIES", "2")]).await;
    env.duffel.set(|settings| settings.redelivery_reports_failure = true);
    // Too large for the queue: the oldest and the newest of all.
    let huge = || {
        env.duffel.occur_at(
            a_while_ago(),
            "order.created",
            &json!({ "id": "ord_huge", "text": "x".repeat(2 << 20) }),
        )
    };
    let mut poison = vec![huge(), huge(), huge()];
    let events = env.occur(6);
    poison.extend([huge(), huge(), huge()]);
    env.up();
    for _ in 0..100 {
        let run = env.run().await;
        assert_eq!(run.redeliveries, 2);
        assert!(run.error().contains("undelivered events found"), "{}", run.error());
        if env.duffel.undelivered().len() == poison.len() {
            break;
        }
    }
    assert_eq!(env.duffel.undelivered(), poison);
    env.has_once(&events).await;
    let run = env.run().await;
    assert!(run.error().contains("6 undelivered events found: 0 asked for, 2 failed, 4 left"));
    assert!(run.error().contains("webhook_client_error"), "{}", run.error());
    // Two random ones of six in each run: the probability that one is never chosen is about one in a million.
    for _ in 0..40 {
        env.run().await;
    }
    let (_, others) = env.log();
    let named = |id: &String| others.iter().any(|line| line["event.id"] == **id && line["level"] == "WARN");
    assert!(poison.iter().all(named), "the log does not name the events");
}

#[tokio::test]
async fn while_the_receiver_is_down_each_event_is_requested_once_a_run() {
    for redelivery_reports_failure in [true, false] {
        let mut env = Reconciliation::new(&[]).await;
        env.duffel.set(|settings| settings.redelivery_reports_failure = redelivery_reports_failure);
        let events = env.occur(10);
        let run = env.run().await;
        // Each is requested, since the failure may be specific to one event.
        assert_eq!(run.redeliveries, 10);
        if redelivery_reports_failure {
            assert!(run.error().contains("10 undelivered events found: 0 asked for, 10 failed, 0 left"));
        } else {
            // The failure is not known yet, but the next run finds the events again.
            assert_eq!(run.report, counts(10, 10, 0, 0));
        }
        env.up();
        assert_eq!(env.run().await.report, counts(10, 10, 0, 0));
        env.has_once(&events).await;
    }
}

#[tokio::test]
async fn run_ends_in_time_and_reports_what_is_left() {
    let timeout = Duration::from_secs(8);
    let mut env = Reconciliation::of(TOKEN, timeout, &[]).await;
    let events = env.occur(30);
    env.up();
    env.duffel.inject(REDELIVERIES, &ApiFault::Slow(Duration::from_millis(300)), 25);
    let run = env.run().await;
    assert!(run.error().contains("the time for it is up"), "{}", run.error());
    assert!(run.redeliveries < 20, "{}", run.redeliveries);
    env.settle().await;
    env.has_once(&events).await;
    let (runs, _) = env.log();
    let cut = &runs[0];
    assert_eq!(cut["outcome"], "failed");
    assert!(cut["left"].as_u64().unwrap() > 10, "{cut}");
    assert!(cut["duration_ms"].as_u64().unwrap() < 3_500, "{cut}");
    let sum = ["asked", "failed", "left"].map(|name| cut[name].as_u64().unwrap()).iter().sum::<u64>();
    assert_eq!(sum, 30, "{cut}");
}

#[tokio::test]
async fn slow_list_of_deliveries_leaves_time_for_redeliveries_and_fails_no_run() {
    let mut env = Reconciliation::of(TOKEN, Duration::from_secs(8), &[]).await;
    env.up();
    env.occur(600);
    env.backend.messages().await;
    env.down();
    let at = SystemTime::now() - DAY;
    let event = env.duffel.occur_at(at, "order.created", &json!({ "id": "ord_old" }));
    env.up();
    env.duffel.inject(DELIVERIES, &ApiFault::Slow(Duration::from_secs(1)), 3);
    assert_eq!(env.run().await.report, counts(1, 1, 0, 0));
    env.has_once(&[event]).await;
    let (runs, _) = env.log();
    let said = runs[0]["message"].as_str().unwrap();
    assert!(said.contains("1 of them may have arrived already"), "{said}");
}

#[tokio::test]
async fn events_without_an_attempt_are_found_whatever_duffel_counts_as_failed() {
    for unattempted_is_nothing in [false, true] {
        for first_attempt_counts in [false, true] {
            let mut env = Reconciliation::new(&[]).await;
            env.duffel.set(|settings| {
                settings.unattempted_is_nothing = unattempted_is_nothing;
                settings.first_attempt_counts = first_attempt_counts;
            });
            env.change(&Change { active: Some(false), ..Change::default() });
            let mut events = env.occur(3);
            env.change(&Change { active: Some(true), ..Change::default() });
            events.extend(env.occur(2));
            env.up();
            events.extend(env.occur(2));
            assert_eq!(env.run().await.report, counts(5, 5, 0, 0));
            assert_eq!(env.run().await.report, counts(0, 0, 0, 0));
            env.has_once(&events).await;
        }
    }
}

#[tokio::test]
async fn only_events_that_an_active_webhook_wants_are_requested() {
    let mut env = Reconciliation::new(&[]).await;
    let events = env.occur(2);
    env.duffel.occur_at(a_while_ago(), "air.order.changed", &json!({ "id": "ord_1" }));
    env.up();
    let types = vec!["order.created".to_owned()];
    env.change(&Change { active: Some(false), events: Some(types), ..Change::default() });
    let run = env.run().await;
    assert_eq!((run.report, run.requests), (counts(0, 0, 0, 0), 1));
    env.change(&Change { active: Some(true), ..Change::default() });
    assert_eq!(env.run().await.report, counts(2, 2, 0, 0));
    env.has_once(&events).await;
    let (runs, _) = env.log();
    let said = runs[0]["message"].as_str().unwrap();
    assert!(said.ends_with("; nothing was looked for, since there is no active webhook"), "{said}");
    assert_eq!(runs[0]["outcome"], "succeeded");
}

#[tokio::test]
async fn events_that_duffel_still_retries_are_not_requested() {
    let mut env = Reconciliation::new(&[]).await;
    let ids = [0, 29, 31].map(|age| {
        let at = SystemTime::now() - Duration::from_mins(age);
        env.duffel.occur_at(at, "order.created", &json!({ "id": format!("ord_{age}") }))
    });
    env.up();
    assert_eq!(env.run().await.report, counts(1, 1, 0, 0));
    env.has_once(&ids[2..]).await;
}

#[tokio::test]
async fn the_requests_of_a_run_are_bounded_however_many_deliveries_there_are() {
    let mut env = Reconciliation::new(&[]).await;
    env.up();
    assert_eq!(env.run().await.requests, 3);
    let now = SystemTime::now();
    env.duffel.set(|settings| settings.first_attempt_counts = true);
    env.down();
    let [late, lost] = ["ord_late", "ord_lost"]
        .map(|id| env.duffel.occur_at(now - 6 * DAY, "order.created", &json!({ "id": id })));
    // Ten thousand deliveries since then.
    for hours in (1..=140).rev() {
        env.duffel.occur_delivered(now - Duration::from_hours(hours), 70);
    }
    env.duffel.delivered_at(&late, now - 6 * DAY + Duration::from_hours(3));
    env.up();
    let run = env.run().await;
    assert_eq!(run.report, counts(1, 1, 0, 0));
    assert!((40..110).contains(&run.requests), "{}", run.requests);
    env.has_once(&[lost]).await;
    let (runs, _) = env.log();
    let said = runs[1]["message"].as_str().unwrap();
    assert!(said.contains("only those were found that Duffel lists as failed"), "{said}");
}

#[tokio::test]
async fn a_token_that_duffel_does_not_know_fails_the_run_and_no_other_token() {
    let tokens = json!(["duffel_test_revoked", LIVE_TOKEN, TOKEN]).to_string();
    let mut env = Reconciliation::of(&tokens, TIMEOUT, &[]).await;
    let events = env.occur(3);
    env.up();
    let run = env.run().await;
    assert!(run.error().contains("3 undelivered events found: 3 asked for, 0 failed, 0 left"));
    assert!(run.error().contains("the list of webhooks broke off: Duffel answered 401"), "{}", run.error());
    assert!(run.error().contains("token 2 of 3: nothing was looked for"), "{}", run.error());
    assert_eq!(run.requests, 1 + 1 + 4 + 3);
    env.has_once(&events).await;
    env.log();
}

#[tokio::test]
async fn failed_pings_are_not_requested() {
    let mut env = Reconciliation::new(&[]).await;
    env.duffel.occur_at(a_while_ago(), "ping.triggered", &json!({}));
    let events = env.occur(1);
    env.up();
    assert_eq!(env.run().await.report, counts(1, 1, 0, 0));
    env.has_once(&events).await;
}

#[tokio::test]
async fn list_without_end_leaves_time_for_the_other_token() {
    let tokens = json!([TOKEN, LIVE_TOKEN]).to_string();
    let env = Reconciliation::of(&tokens, Duration::from_secs(9), &[]).await;
    let live = Client::new(&env.duffel.url(), AccessToken::new(LIVE_TOKEN).unwrap()).unwrap();
    let (_, secret) = live.create_webhook(DOWN, &["order.created".to_owned()]).unwrap();
    let events: Vec<_> = (0..3)
        .map(|id| {
            env.duffel.occur_live_at(a_while_ago(), "order.created", &json!({ "id": format!("ord_{id}") }))
        })
        .collect();
    let (_serve, url) = serve(&env.backend, secret.expose());
    let webhook = live.webhooks().next().unwrap().unwrap();
    live.update_webhook(&webhook.id, &Change { url: Some(url), ..Change::default() }).unwrap();
    env.duffel.inject(EVENTS, &ApiFault::Slow(Duration::from_millis(2_500)), 1);
    let run = env.run().await;
    assert!(
        run.error().contains(": token 1 of 2: the list of events is too long for the time there is"),
        "{}",
        run.error()
    );
    env.has_once(&events).await;
}

#[tokio::test]
async fn live_and_test_mode_have_each_their_token() {
    let tokens = json!([TOKEN, LIVE_TOKEN]).to_string();
    let env = Reconciliation::of(&tokens, TIMEOUT, &[]).await;
    let live = Client::new(&env.duffel.url(), AccessToken::new(LIVE_TOKEN).unwrap()).unwrap();
    let (webhook, secret) = live.create_webhook(DOWN, &["order.created".to_owned()]).unwrap();
    let mut events = env.occur(2);
    events.push(env.duffel.occur_live_at(a_while_ago(), "order.created", &json!({ "id": "ord_1" })));
    let secrets = format!("{},{}", env.secret, secret.expose());
    let (_serve, url) = serve(&env.backend, &secrets);
    env.register(&url);
    live.update_webhook(&webhook.id, &Change { url: Some(url), ..Change::default() }).unwrap();
    assert_eq!(env.run().await.report, counts(3, 3, 0, 0));
    env.has_once(&events).await;
}

#[tokio::test]
async fn run_stops_if_duffel_says_stop() {
    for (fault, most) in [
        (ApiFault::RateLimited(3_600), 1),
        (ApiFault::Answer(403, r#"{"errors":[]}"#), 1),
        (ApiFault::Status(401), 1),
        // Not a request to stop, but after several of these in a row the others would fail too.
        (ApiFault::Status(500), 5),
    ] {
        let mut env = Reconciliation::new(&[]).await;
        let events = env.occur(20);
        env.up();
        env.duffel.inject(REDELIVERIES, &fault, most);
        let run = env.run().await;
        assert_eq!(run.redeliveries, most);
        let expected = format!("0 asked for, {most} failed, {} left", 20 - most);
        assert!(run.error().contains(&expected), "{}", run.error());
        assert!(run.error().ends_with("so no more were requested"), "{}", run.error());
        assert_eq!(env.settle().await, 0);
        env.has_once(&events).await;
    }
}

#[tokio::test]
async fn without_a_token_the_run_fails_and_the_next_one_reads_it_again() {
    let mut env = Reconciliation::of("  ", TIMEOUT, &[]).await;
    let run = env.run().await;
    assert_eq!(run.requests, 0);
    let expected = "DUFFEL_ACCESS_TOKEN_ARN holds no valid secret: a secret is blank";
    assert!(run.error().ends_with(expected), "{}", run.error());
    env.proxy.inject("secretsmanager:GetSecretValue", [AwsFault::Refuse(500, "InternalServiceError")]);
    let run = env.run().await;
    assert!(run.error().contains("Secrets Manager did not give DUFFEL_ACCESS_TOKEN_ARN"), "{}", run.error());
    env.proxy.heal();
    let arn = env.backend.create_secret(Some(TOKEN)).await;
    let url = env.duffel.url();
    let variables = [
        ("AWS_ENDPOINT_URL", env.proxy.endpoint.as_str()),
        ("DUFFEL_ACCESS_TOKEN_ARN", arn.as_str()),
        ("DUFFEL_API_URL", url.as_str()),
    ];
    let mut broken = env.reconciler;
    broken.lines();
    env.reconciler =
        Function::start_binary(Path::new(env!("CARGO_BIN_EXE_reconciler")), TIMEOUT, variables).await;
    env.backend.put_secret(&arn, "duffel_test_revoked").await;
    assert!(env.run().await.error().contains("401"));
    env.backend.put_secret(&arn, &format!("{TOKEN}\n")).await;
    assert_eq!(env.run().await.report, counts(0, 0, 0, 0));
}

#[tokio::test]
async fn run_makes_one_call_to_aws_and_logs_one_line() {
    let mut env = Reconciliation::new(&[]).await;
    env.occur(2);
    env.up();
    let started = Instant::now();
    assert_eq!(env.run().await.report, counts(2, 2, 0, 0));
    let took = started.elapsed();
    assert_eq!(env.proxy.calls().into_keys().collect::<Vec<_>>(), ["secretsmanager:GetSecretValue"]);
    assert_eq!(env.proxy.calls().into_values().collect::<Vec<_>>(), [1]);
    let (runs, others) = env.log();
    assert!(others.is_empty(), "{others:?}");
    let [run] = runs.try_into().unwrap();
    for (name, value) in [("found", 2), ("asked", 2), ("failed", 0), ("left", 0)] {
        assert_eq!(run[name], value, "{run}");
    }
    assert_eq!((&run["outcome"], &run["level"]), (&json!("succeeded"), &json!("INFO")));
    assert!(run["duration_ms"].as_u64().unwrap() <= took.as_millis().try_into().unwrap(), "{run}");
    assert!(run["request.id"].is_string());
}

#[tokio::test]
async fn all_configuration_errors_are_reported_together() {
    let variables = [("DUFFEL_API_URL", "http://api.duffel.com"), ("MAX_REDELIVERIES", "0")];
    let mut function =
        Function::start_binary(Path::new(env!("CARGO_BIN_EXE_reconciler")), TIMEOUT, variables).await;
    let (status, lines) = function.exit().await;
    assert_eq!(status.code(), Some(1));
    let said = lines.join("\n");
    for mistake in [
        "DUFFEL_ACCESS_TOKEN_ARN is required",
        r#"DUFFEL_API_URL \"http://api.duffel.com\" is not valid"#,
        r#"MAX_REDELIVERIES \"0\" is not"#,
    ] {
        assert!(said.contains(mistake), "{said}");
    }
}

/// The metric filters of the stack count the line of each run, and nothing else that a run writes.
#[tokio::test]
async fn runs_are_counted_by_their_result() {
    let mut env = Reconciliation::new(&[]).await;
    env.proxy.inject("secretsmanager:GetSecretValue", [AwsFault::Refuse(500, "InternalServiceError")]);
    env.run().await.error();
    env.proxy.heal();
    env.occur(3);
    env.up();
    env.duffel.inject(REDELIVERIES, &ApiFault::Status(500), 1);
    env.run().await.error();
    assert_eq!(env.run().await.report, counts(1, 1, 0, 0));
    assert_eq!(env.run().await.report, counts(0, 0, 0, 0));
    let template = Template::read()
        .given("AccessTokenSecretArn", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-a1b2c3");
    let of = |line: &str| {
        let counted = counted(&template, "ReconcilerLogGroup", line).into_iter();
        counted.map(|(metric, counted)| (metric, counted.value.to_string())).collect::<Vec<_>>()
    };
    let lines = env.reconciler.lines();
    let (runs, others): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.contains(r#""outcome":"#));
    let expected = |requested: &str, successes: Option<&str>, undelivered: Option<&str>| {
        let metrics = [
            ("ReconcilerSuccesses", successes),
            ("RequestedRedeliveries", Some(requested)),
            ("UndeliveredEvents", undelivered),
        ];
        let metrics = metrics.into_iter().filter_map(|(metric, value)| Some((metric, value?)));
        metrics.map(|(metric, value)| (metric.to_owned(), value.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(
        runs.iter().map(|line| of(line)).collect::<Vec<_>>(),
        [
            // A run that could not read the lists found nothing, and does not count as if there were none.
            expected("0", None, None),
            expected("2", None, Some("3")),
            expected("1", Some("1"), Some("1")),
            expected("0", Some("1"), Some("0")),
        ],
        "{lines:#?}"
    );
    // A warning of the redelivery that was refused, and the runtime's own lines of the runs that failed.
    assert!(others.len() > 1, "{lines:#?}");
    for line in others {
        assert_eq!(of(line), [], "{line}");
    }
}
