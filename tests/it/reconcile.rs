//! The `reconciler` process as Lambda runs it, against a stand-in of Duffel that delivers to a real receiver.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::duffel::{AccessToken, Change, Client};
use serde_json::{Value, json};
use tokio::{task::spawn_blocking, time::sleep};

use crate::{
    cli::Serve,
    support::{
        duffel::{Duffel, Fault, LIVE_TOKEN, TOKEN},
        helpers::DAY,
        ministack::Backend,
        proxy::{self, Proxy},
        runtime_api::{End, Function},
    },
};

/// Nobody listens there.
const DOWN: &str = "http://127.0.0.1:9/webhooks/duffel";

/// The function's, in `template.yaml`; the reconciler leaves the last five seconds of it alone.
pub const TIMEOUT: Duration = Duration::from_secs(300);

const REDELIVERIES: &str = "POST /air/webhooks/events/";
const EVENTS: &str = "GET /air/webhooks/events";
/// The first request of a run begins so, as do the others that list something.
const WEBHOOKS: &str = "GET /air/webhooks";
const DELIVERIES: &str = "GET /air/webhooks/deliveries";

/// Duffel with a webhook of the test mode, its receiver if it is up, and the reconciler.
struct Stage {
    backend: Backend,
    proxy: Proxy,
    duffel: Arc<Duffel>,
    webhook: String,
    secret: String,
    /// With its address.
    serve: Option<(Serve, String)>,
    reconciler: Function,
}

impl Stage {
    async fn new(variables: &[(&str, &str)]) -> Self {
        Self::of(TOKEN, TIMEOUT, variables).await
    }

    /// With another access token, or a list of them, and another time-out.
    async fn of(tokens: &str, timeout: Duration, variables: &[(&str, &str)]) -> Self {
        let (backend, proxy, duffel) = (Backend::new().await, Proxy::new().await, Duffel::start());
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

    /// Lets so many things have happened a while ago, and Duffel try to deliver them; the events' ids.
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

    /// Makes deliveries end at a door that is closed.
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

    /// One run: whether it succeeded, and what it tells.
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

    /// Runs as the schedule does, until there is nothing to do; how many runs failed on the way.
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
        panic!("there is always something to do; {failed} runs failed");
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
        assert!(queued == once, "{missing} of {} are missing, {twice} are there twice", once.len());
    }

    /// Ends the reconciler; its line of each run, and its other lines.
    fn log(&mut self) -> (Vec<Value>, Vec<Value>) {
        let lines = self.reconciler.lines();
        for token in ["duffel_test_", "duffel_live_"] {
            assert!(!lines.iter().any(|line| line.contains(token)), "a token is told: {lines:#?}");
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
    /// Null if it failed.
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
    let mut stage = Stage::new(&[("MAX_REDELIVERIES", "600")]).await;
    // The harder reading: what failed once is listed for ever.
    stage.duffel.set(|settings| settings.first_attempt_counts = true);
    stage.up();
    let mut events = stage.occur(30);
    // Duffel does not hear the answer, and takes for lost what may have arrived.
    stage.duffel.set(|settings| settings.patience = Duration::from_millis(3));
    events.extend(stage.occur(30));
    stage.down();
    stage.duffel.set(|settings| settings.patience = Duration::from_secs(10));
    events.extend(stage.occur(1_000));
    assert!(stage.duffel.undelivered().len() >= 1_000);
    stage.up();

    // Duffel's own retries come in between.
    let duffel = Arc::clone(&stage.duffel);
    let retries = spawn_blocking(move || duffel.retry_failed());
    let first = stage.run().await;
    assert!(first.error().ends_with("a run may request 600 redeliveries"), "{}", first.error());
    assert_eq!(first.redeliveries, 600);
    retries.await.unwrap();
    stage.settle().await;
    assert_eq!(stage.duffel.undelivered(), [""; 0]);
    stage.has_once(&events).await;
}

/// `cargo lambda watch` gives every invocation a deadline ten minutes into 1970.
#[tokio::test]
async fn a_deadline_that_has_passed_counts_as_none() {
    let mut stage = Stage::new(&[]).await;
    let events = stage.occur(3);
    stage.up();
    let deadline = SystemTime::UNIX_EPOCH + Duration::from_secs(600);
    let (end, took) = stage.reconciler.invoke_until(deadline, "{}", None).await;
    let End::Answered(report) = end else { panic!("{end:?} after {took:?}") };
    assert_eq!(report, counts(3, 3, 0, 0));
    stage.has_once(&events).await;
}

#[tokio::test]
async fn each_event_arrives_once_whatever_duffel_means_by_success_and_redelivery() {
    for first_attempt_counts in [false, true] {
        for redelivers_after in [None, Some(Duration::from_millis(300))] {
            let mut stage = Stage::new(&[]).await;
            stage.duffel.set(|settings| {
                settings.first_attempt_counts = first_attempt_counts;
                settings.redelivers_after = redelivers_after;
            });
            let events = stage.occur(30);
            stage.up();
            let run = stage.run().await;
            assert_eq!(run.report, counts(30, 30, 0, 0));
            assert_eq!(run.redeliveries, 30);
            assert_eq!(stage.settle().await, 0);
            stage.has_once(&events).await;
            // Once they have arrived they are left in peace.
            assert_eq!(stage.run().await.redeliveries, 0);
        }
    }
}

#[tokio::test]
async fn what_arrived_before_others_were_lost_is_left_in_peace_too() {
    let mut stage = Stage::new(&[]).await;
    stage.duffel.set(|settings| settings.first_attempt_counts = true);
    let mut events = stage.occur(3);
    stage.up();
    assert_eq!(stage.run().await.report, counts(3, 3, 0, 0));
    stage.down();
    events.extend(stage.occur(2));
    stage.up();
    assert_eq!(stage.run().await.report, counts(2, 2, 0, 0));
    stage.has_once(&events).await;
}

#[tokio::test]
async fn filters_that_duffel_ignores_and_times_that_it_does_not_tell_lose_nothing() {
    for hides_times in [false, true] {
        let mut stage = Stage::new(&[]).await;
        stage.duffel.set(|settings| {
            settings.ignores_filters = true;
            settings.hides_times = hides_times;
        });
        stage.up();
        let mut events = stage.occur(10);
        stage.down();
        // Of these the deliveries have no status: nobody answered.
        events.extend(stage.occur(20));
        stage.up();
        assert_eq!(stage.run().await.report, counts(20, 20, 0, 0));
        assert_eq!(stage.run().await.report, counts(0, 0, 0, 0));
        stage.has_once(&events).await;
    }
}

#[tokio::test]
async fn what_the_ledger_may_have_forgotten_is_not_asked_for() {
    for ignores_filters in [false, true] {
        let mut stage = Stage::new(&[("DEDUP_WINDOW", "1d")]).await;
        stage.duffel.set(|settings| settings.ignores_filters = ignores_filters);
        let ids = [22 * 60, 23 * 60 + 30, 48 * 60].map(|age| {
            let at = SystemTime::now() - Duration::from_mins(age);
            stage.duffel.occur_at(at, "order.created", &json!({ "id": format!("ord_{age}") }))
        });
        stage.up();
        assert_eq!(stage.run().await.report, counts(1, 1, 0, 0));
        stage.has_once(&ids[..1]).await;
    }
}

#[tokio::test]
async fn seven_days_is_as_far_as_it_looks_back() {
    let mut stage = Stage::new(&[("DEDUP_WINDOW", "30d")]).await;
    let ids = [6, 8].map(|days| {
        let at = SystemTime::now() - days * DAY;
        stage.duffel.occur_at(at, "order.created", &json!({ "id": format!("ord_{days}") }))
    });
    stage.up();
    assert_eq!(stage.run().await.report, counts(1, 1, 0, 0));
    stage.has_once(&ids[..1]).await;
}

#[tokio::test]
async fn the_list_is_read_to_its_end() {
    let mut stage = Stage::new(&[]).await;
    let events = stage.occur(450);
    stage.up();
    assert_eq!(stage.run().await.report, counts(450, 450, 0, 0));
    stage.has_once(&events).await;
}

#[tokio::test]
async fn what_befalls_its_requests_it_outlasts_or_tells() {
    let mut stage = Stage::new(&[]).await;
    // What the client asks again for by itself.
    for fault in [
        Fault::RateLimited(1),
        Fault::RetryAfter(429, 1),
        Fault::RetryAfter(503, 0),
        Fault::Html(503),
        Fault::Html(504),
        Fault::Slow(Duration::from_millis(500)),
        Fault::Cut,
        Fault::CutAfter,
    ] {
        stage.down();
        let events = stage.occur(3);
        stage.up();
        for what in [EVENTS, DELIVERIES, REDELIVERIES] {
            stage.duffel.inject(what, &fault, 1);
        }
        assert_eq!(stage.run().await.report, counts(3, 3, 0, 0));
        stage.has_once(&events).await;
    }
    // What it must not ask again for; the rest is done, and the next run makes up for it.
    for fault in [Fault::Status(500), Fault::Html(502), Fault::Status(400), Fault::Answer(200, "no")] {
        for (what, failed, asked) in
            [(WEBHOOKS, 0, 0), (EVENTS, 0, 3), (DELIVERIES, 0, 3), (REDELIVERIES, 1, 2)]
        {
            if what == REDELIVERIES && matches!(fault, Fault::Answer(200, _)) {
                continue;
            }
            stage.down();
            let events = stage.occur(3);
            stage.up();
            stage.duffel.inject(what, &fault, 1);
            let run = stage.run().await;
            let told = format!("{asked} asked for, {failed} failed, 0 left");
            assert!(run.error().contains(&told), "{what}: {}", run.error());
            let expected =
                if what == REDELIVERIES { "Duffel answered" } else { "broke off: Duffel answered" };
            assert!(run.error().contains(expected), "{what}: {}", run.error());
            assert_eq!(stage.run().await.report, counts(3 - asked, 3 - asked, 0, 0));
            stage.has_once(&events).await;
        }
    }
    let (runs, others) = stage.log();
    assert!(runs.iter().filter(|run| run["outcome"] == "failed").count() == 15);
    assert!(others.iter().any(|line| line["message"].as_str().unwrap().starts_with("retrying in ")));
}

#[tokio::test]
async fn a_list_that_breaks_off_hides_nothing_of_what_was_read() {
    let mut stage = Stage::new(&[]).await;
    let events = stage.occur(250);
    stage.up();
    // The newest 200 are on the first page, of the failed ones and then of all.
    for _ in 0..2 {
        stage.duffel.inject(EVENTS, &Fault::Slow(Duration::ZERO), 1);
        stage.duffel.inject(EVENTS, &Fault::Status(500), 1);
    }
    let run = stage.run().await;
    assert!(run.error().contains("200 asked for, 0 failed, 0 left"), "{}", run.error());
    assert!(run.error().contains("the list of events broke off: Duffel answered 500"), "{}", run.error());
    assert_eq!(stage.run().await.report, counts(50, 50, 0, 0));
    stage.has_once(&events).await;
}

#[tokio::test]
async fn an_event_that_is_refused_for_ever_starves_no_other() {
    let mut stage = Stage::new(&[("MAX_REDELIVERIES", "2")]).await;
    stage.duffel.set(|settings| settings.redelivery_tells = true);
    // Too large for the queue: the oldest and the newest of all.
    let huge = || {
        stage.duffel.occur_at(
            a_while_ago(),
            "order.created",
            &json!({ "id": "ord_huge", "text": "x".repeat(2 << 20) }),
        )
    };
    let mut poison = vec![huge(), huge(), huge()];
    let events = stage.occur(6);
    poison.extend([huge(), huge(), huge()]);
    stage.up();
    for _ in 0..100 {
        let run = stage.run().await;
        assert_eq!(run.redeliveries, 2);
        assert!(run.error().contains("undelivered events found"), "{}", run.error());
        if stage.duffel.undelivered().len() == poison.len() {
            break;
        }
    }
    assert_eq!(stage.duffel.undelivered(), poison);
    stage.has_once(&events).await;
    let run = stage.run().await;
    assert!(run.error().contains("6 undelivered events found: 0 asked for, 2 failed, 4 left"));
    assert!(run.error().contains("webhook_client_error"), "{}", run.error());
    // Two of six by chance, so often that chance leaves none out: once in a million.
    for _ in 0..40 {
        stage.run().await;
    }
    let (_, others) = stage.log();
    let named = |id: &String| others.iter().any(|line| line["event.id"] == **id && line["level"] == "WARN");
    assert!(poison.iter().all(named), "who looks at the log should learn which events these are");
}

#[tokio::test]
async fn a_receiver_that_is_still_down_is_asked_for_once_a_run() {
    for redelivery_tells in [true, false] {
        let mut stage = Stage::new(&[]).await;
        stage.duffel.set(|settings| settings.redelivery_tells = redelivery_tells);
        let events = stage.occur(10);
        let run = stage.run().await;
        // Each has its turn, since it may be that event's own failure.
        assert_eq!(run.redeliveries, 10);
        if redelivery_tells {
            assert!(run.error().contains("10 undelivered events found: 0 asked for, 10 failed, 0 left"));
        } else {
            // Nobody can tell yet that it was in vain, but the next run finds them again.
            assert_eq!(run.report, counts(10, 10, 0, 0));
        }
        stage.up();
        assert_eq!(stage.run().await.report, counts(10, 10, 0, 0));
        stage.has_once(&events).await;
    }
}

#[tokio::test]
async fn a_run_is_over_in_time_and_tells_what_is_left() {
    let timeout = Duration::from_secs(8);
    let mut stage = Stage::of(TOKEN, timeout, &[]).await;
    let events = stage.occur(30);
    stage.up();
    stage.duffel.inject(REDELIVERIES, &Fault::Slow(Duration::from_millis(300)), 25);
    let run = stage.run().await;
    assert!(run.error().contains("the time for it is up"), "{}", run.error());
    assert!(run.redeliveries < 20, "{}", run.redeliveries);
    stage.settle().await;
    stage.has_once(&events).await;
    let (runs, _) = stage.log();
    let cut = &runs[0];
    assert_eq!(cut["outcome"], "failed");
    assert!(cut["left"].as_u64().unwrap() > 10, "{cut}");
    assert!(cut["duration_ms"].as_u64().unwrap() < 3_500, "{cut}");
    let sum = ["asked", "failed", "left"].map(|name| cut[name].as_u64().unwrap()).iter().sum::<u64>();
    assert_eq!(sum, 30, "{cut}");
}

#[tokio::test]
async fn deliveries_that_take_too_long_to_read_leave_time_for_redeliveries_and_fail_no_run() {
    let mut stage = Stage::of(TOKEN, Duration::from_secs(8), &[]).await;
    stage.up();
    stage.occur(600);
    stage.backend.messages().await;
    stage.down();
    let at = SystemTime::now() - DAY;
    let event = stage.duffel.occur_at(at, "order.created", &json!({ "id": "ord_old" }));
    stage.up();
    stage.duffel.inject(DELIVERIES, &Fault::Slow(Duration::from_secs(1)), 3);
    assert_eq!(stage.run().await.report, counts(1, 1, 0, 0));
    stage.has_once(&[event]).await;
    let (runs, _) = stage.log();
    let said = runs[0]["message"].as_str().unwrap();
    assert!(said.contains("1 of them may have arrived already"), "{said}");
}

#[tokio::test]
async fn events_without_an_attempt_are_found_whatever_duffel_counts_as_failed() {
    for unattempted_is_nothing in [false, true] {
        for first_attempt_counts in [false, true] {
            let mut stage = Stage::new(&[]).await;
            stage.duffel.set(|settings| {
                settings.unattempted_is_nothing = unattempted_is_nothing;
                settings.first_attempt_counts = first_attempt_counts;
            });
            stage.change(&Change { active: Some(false), ..Change::default() });
            let mut events = stage.occur(3);
            stage.change(&Change { active: Some(true), ..Change::default() });
            events.extend(stage.occur(2));
            stage.up();
            events.extend(stage.occur(2));
            assert_eq!(stage.run().await.report, counts(5, 5, 0, 0));
            assert_eq!(stage.run().await.report, counts(0, 0, 0, 0));
            stage.has_once(&events).await;
        }
    }
}

#[tokio::test]
async fn only_what_an_active_webhook_wants_is_asked_for() {
    let mut stage = Stage::new(&[]).await;
    let events = stage.occur(2);
    stage.duffel.occur_at(a_while_ago(), "air.order.changed", &json!({ "id": "ord_1" }));
    stage.up();
    let types = vec!["order.created".to_owned()];
    stage.change(&Change { active: Some(false), events: Some(types), ..Change::default() });
    let run = stage.run().await;
    assert_eq!((run.report, run.requests), (counts(0, 0, 0, 0), 1));
    stage.change(&Change { active: Some(true), ..Change::default() });
    assert_eq!(stage.run().await.report, counts(2, 2, 0, 0));
    stage.has_once(&events).await;
    let (runs, _) = stage.log();
    let said = runs[0]["message"].as_str().unwrap();
    assert!(said.ends_with("; nothing was looked for, since there is no active webhook"), "{said}");
    assert_eq!(runs[0]["outcome"], "succeeded");
}

#[tokio::test]
async fn what_duffel_still_retries_by_itself_is_not_asked_for() {
    let mut stage = Stage::new(&[]).await;
    let ids = [0, 29, 31].map(|age| {
        let at = SystemTime::now() - Duration::from_mins(age);
        stage.duffel.occur_at(at, "order.created", &json!({ "id": format!("ord_{age}") }))
    });
    stage.up();
    assert_eq!(stage.run().await.report, counts(1, 1, 0, 0));
    stage.has_once(&ids[2..]).await;
}

#[tokio::test]
async fn the_requests_of_a_run_are_bounded_however_many_deliveries_there_are() {
    let mut stage = Stage::new(&[]).await;
    stage.up();
    assert_eq!(stage.run().await.requests, 3);
    let now = SystemTime::now();
    stage.duffel.set(|settings| settings.first_attempt_counts = true);
    stage.down();
    let [late, lost] = ["ord_late", "ord_lost"]
        .map(|id| stage.duffel.occur_at(now - 6 * DAY, "order.created", &json!({ "id": id })));
    // Ten thousand on the days since.
    for hours in (1..=140).rev() {
        stage.duffel.occur_delivered(now - Duration::from_hours(hours), 70);
    }
    stage.duffel.delivered_at(&late, now - 6 * DAY + Duration::from_hours(3));
    stage.up();
    let run = stage.run().await;
    assert_eq!(run.report, counts(1, 1, 0, 0));
    assert!((40..110).contains(&run.requests), "{}", run.requests);
    stage.has_once(&[lost]).await;
    let (runs, _) = stage.log();
    let said = runs[1]["message"].as_str().unwrap();
    assert!(said.contains("only those were found that Duffel lists as failed"), "{said}");
}

#[tokio::test]
async fn a_token_that_duffel_does_not_know_fails_the_run_and_no_other_token() {
    let tokens = json!(["duffel_test_revoked", LIVE_TOKEN, TOKEN]).to_string();
    let mut stage = Stage::of(&tokens, TIMEOUT, &[]).await;
    let events = stage.occur(3);
    stage.up();
    let run = stage.run().await;
    assert!(run.error().contains("3 undelivered events found: 3 asked for, 0 failed, 0 left"));
    assert!(run.error().contains("the list of webhooks broke off: Duffel answered 401"), "{}", run.error());
    assert!(run.error().contains("token 2 of 3: nothing was looked for"), "{}", run.error());
    assert_eq!(run.requests, 1 + 1 + 4 + 3);
    stage.has_once(&events).await;
    stage.log();
}

#[tokio::test]
async fn a_ping_that_failed_is_not_sent_to_consumers_after_all() {
    let mut stage = Stage::new(&[]).await;
    stage.duffel.occur_at(a_while_ago(), "ping.triggered", &json!({}));
    let events = stage.occur(1);
    stage.up();
    assert_eq!(stage.run().await.report, counts(1, 1, 0, 0));
    stage.has_once(&events).await;
}

#[tokio::test]
async fn a_list_without_end_leaves_time_for_the_other_token() {
    let tokens = json!([TOKEN, LIVE_TOKEN]).to_string();
    let stage = Stage::of(&tokens, Duration::from_secs(9), &[]).await;
    let live = Client::new(&stage.duffel.url(), AccessToken::new(LIVE_TOKEN).unwrap()).unwrap();
    let (_, secret) = live.create_webhook(DOWN, &["order.created".to_owned()]).unwrap();
    let events: Vec<_> = (0..3)
        .map(|id| {
            stage.duffel.occur_live_at(a_while_ago(), "order.created", &json!({ "id": format!("ord_{id}") }))
        })
        .collect();
    let (_serve, url) = serve(&stage.backend, secret.expose());
    let webhook = live.webhooks().next().unwrap().unwrap();
    live.update_webhook(&webhook.id, &Change { url: Some(url), ..Change::default() }).unwrap();
    stage.duffel.inject(EVENTS, &Fault::Slow(Duration::from_millis(2_500)), 1);
    let run = stage.run().await;
    assert!(
        run.error().contains(": token 1 of 2: the list of events is too long for the time there is"),
        "{}",
        run.error()
    );
    stage.has_once(&events).await;
}

#[tokio::test]
async fn live_and_test_mode_have_each_their_token() {
    let tokens = json!([TOKEN, LIVE_TOKEN]).to_string();
    let stage = Stage::of(&tokens, TIMEOUT, &[]).await;
    let live = Client::new(&stage.duffel.url(), AccessToken::new(LIVE_TOKEN).unwrap()).unwrap();
    let (webhook, secret) = live.create_webhook(DOWN, &["order.created".to_owned()]).unwrap();
    let mut events = stage.occur(2);
    events.push(stage.duffel.occur_live_at(a_while_ago(), "order.created", &json!({ "id": "ord_1" })));
    let secrets = format!("{},{}", stage.secret, secret.expose());
    let (_serve, url) = serve(&stage.backend, &secrets);
    stage.register(&url);
    live.update_webhook(&webhook.id, &Change { url: Some(url), ..Change::default() }).unwrap();
    assert_eq!(stage.run().await.report, counts(3, 3, 0, 0));
    stage.has_once(&events).await;
}

#[tokio::test]
async fn it_stops_asking_where_duffel_says_stop() {
    for (fault, most) in [
        (Fault::RateLimited(3_600), 1),
        (Fault::Answer(403, r#"{"errors":[]}"#), 1),
        (Fault::Status(401), 1),
        // Not Duffel's words, but there is no sense in hundreds of these.
        (Fault::Status(500), 5),
    ] {
        let mut stage = Stage::new(&[]).await;
        let events = stage.occur(20);
        stage.up();
        stage.duffel.inject(REDELIVERIES, &fault, most);
        let run = stage.run().await;
        assert_eq!(run.redeliveries, most);
        let told = format!("0 asked for, {most} failed, {} left", 20 - most);
        assert!(run.error().contains(&told), "{}", run.error());
        assert!(run.error().ends_with("so no more were requested"), "{}", run.error());
        assert_eq!(stage.settle().await, 0);
        stage.has_once(&events).await;
    }
}

#[tokio::test]
async fn without_a_token_the_run_fails_and_the_next_one_asks_again() {
    let mut stage = Stage::of("  ", TIMEOUT, &[]).await;
    let run = stage.run().await;
    assert_eq!(run.requests, 0);
    let told = "DUFFEL_ACCESS_TOKEN_ARN holds no valid secret: a secret is blank";
    assert!(run.error().ends_with(told), "{}", run.error());
    stage.proxy.inject("secretsmanager:GetSecretValue", [proxy::Fault::Refuse(500, "InternalServiceError")]);
    let run = stage.run().await;
    assert!(run.error().contains("Secrets Manager did not give DUFFEL_ACCESS_TOKEN_ARN"), "{}", run.error());
    stage.proxy.heal();
    let arn = stage.backend.create_secret(Some(TOKEN)).await;
    let url = stage.duffel.url();
    let variables = [
        ("AWS_ENDPOINT_URL", stage.proxy.endpoint.as_str()),
        ("DUFFEL_ACCESS_TOKEN_ARN", arn.as_str()),
        ("DUFFEL_API_URL", url.as_str()),
    ];
    let mut broken = stage.reconciler;
    broken.lines();
    stage.reconciler =
        Function::start_binary(Path::new(env!("CARGO_BIN_EXE_reconciler")), TIMEOUT, variables).await;
    stage.backend.put_secret(&arn, "duffel_test_revoked").await;
    assert!(stage.run().await.error().contains("401"));
    stage.backend.put_secret(&arn, &format!("{TOKEN}\n")).await;
    assert_eq!(stage.run().await.report, counts(0, 0, 0, 0));
}

#[tokio::test]
async fn a_run_makes_one_call_to_aws_and_says_one_line() {
    let mut stage = Stage::new(&[]).await;
    stage.occur(2);
    stage.up();
    let started = Instant::now();
    assert_eq!(stage.run().await.report, counts(2, 2, 0, 0));
    let took = started.elapsed();
    assert_eq!(stage.proxy.calls().into_keys().collect::<Vec<_>>(), ["secretsmanager:GetSecretValue"]);
    assert_eq!(stage.proxy.calls().into_values().collect::<Vec<_>>(), [1]);
    let (runs, others) = stage.log();
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
async fn every_mistake_of_its_environment_is_told_at_once() {
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
