//! `rotate`: the real tool and a real receiver between AWS's and Duffel's stand-ins, through interruptions.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::{
    deployment::stored_secret::KEPT,
    duffel::{AccessToken, Change, Client},
    time::unix_seconds,
};
use serde_json::{Value, json};
use tokio::task::{JoinSet, spawn_blocking};

use crate::support::{
    duffel::{ApiFault, DuffelStandIn, TOKEN},
    ministack::{ACCESS_KEY, Backend, REGION, SECRET_KEY, endpoint, sdk_config},
    proxy::{AwsFault, Moment, Proxy},
    serve::Serve,
    snapshot, terminal,
    test_receiver::{duffel_header, event},
    tool::{self, assert_success, run_unread, text, until},
};

const PUT: &str = "secretsmanager:PutSecretValue";

/// A registered receiver, and the tool that rotates its secret.
struct Rotation {
    backend: Backend,
    proxy: Proxy,
    duffel: Arc<DuffelStandIn>,
    _receiver: Mutex<Serve>,
    url: String,
    /// The ARN of the secret.
    arn: String,
    /// The id and secret of the webhook at the beginning.
    old: (String, String),
    state: tempfile::TempDir,
    objects: AtomicUsize,
}

impl Rotation {
    async fn new() -> Self {
        let backend = Backend::new().await;
        let proxy = Proxy::new().await;
        let duffel = Arc::new(DuffelStandIn::start());
        let arn = backend.create_secret(Some("to be replaced")).await;
        let (receiver, url) = receiver(&backend, &arn);
        let client = client(&duffel.url());
        let types = ["order.created".to_owned(), "air.order.changed".to_owned()];
        let (webhook, secret) = client.create_webhook(&url, &types).unwrap();
        backend.put_secret(&arn, secret.expose()).await;
        let env = Self {
            backend,
            proxy,
            duffel,
            _receiver: Mutex::new(receiver),
            url,
            arn,
            old: (webhook.id, secret.expose().to_owned()),
            state: tempfile::tempdir().unwrap(),
            objects: AtomicUsize::new(0),
        };
        env.duffel.asked();
        env
    }

    fn tool(&self, arguments: &[&str]) -> Command {
        let mut command = tool::command(["rotate", "--yes", "--secret", &self.arn]);
        command.args(arguments).envs([
            ("DUFFEL_API_URL", self.duffel.url().as_str()),
            ("DUFFEL_ACCESS_TOKEN", TOKEN),
            ("AWS_ENDPOINT_URL", self.proxy.endpoint.as_str()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("XDG_STATE_HOME", self.state.path().to_str().unwrap()),
        ]);
        command
    }

    async fn rotate(&self, arguments: &[&str]) -> Output {
        tool::run(self.tool(arguments)).await
    }

    /// Lets an order be created, and returns the event's id.
    async fn order(&self) -> String {
        let number = self.objects.fetch_add(1, Ordering::Relaxed);
        let duffel = Arc::clone(&self.duffel);
        spawn_blocking(move || duffel.occur("order.created", &json!({ "id": format!("ord_{number}") })))
            .await
            .unwrap()
    }

    /// The same, where Duffel does not reach the receiver.
    async fn undelivered_order(&self) -> String {
        let url = |url: &str| Change { url: Some(url.to_owned()), ..Change::default() };
        self.change(url("http://127.0.0.1:1/webhooks/duffel")).await;
        let event = self.order().await;
        self.change(url(&self.url)).await;
        event
    }

    async fn change(&self, change: Change) {
        let (url, webhook) = (self.duffel.url(), self.old.0.clone());
        let change = move || client(&url).update_webhook(&webhook, &change).unwrap();
        spawn_blocking(change).await.unwrap();
    }

    /// The only webhook, with its secret.
    fn webhook(&self) -> Value {
        let [webhook] = self.duffel.webhooks().try_into().unwrap();
        webhook
    }

    fn new_secret(&self) -> String {
        self.webhook()["secret"].as_str().unwrap().to_owned()
    }

    /// The stored secrets of a version: those of test mode, of live mode, and of unknown mode.
    async fn stored(&self, version: &str) -> Vec<String> {
        let text = self.backend.version(&self.arn, version).await.unwrap();
        let strings = |list: &Value| serde_json::from_value(list.clone()).unwrap_or_else(|_| vec![]);
        match serde_json::from_str(&text) {
            Ok(Value::Object(modes)) => {
                ["test", "live", "any"].iter().filter_map(|mode| modes.get(*mode)).flat_map(strings).collect()
            }
            Ok(list) => strings(&list),
            Err(_) => vec![text],
        }
    }

    async fn rotate_stack(&self, stack: &str, arguments: &[&str]) -> Output {
        let mut command = tool::command(["rotate", "--yes", "--stack", stack]);
        let usual = self.tool(&[]);
        command.args(arguments).envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("AWS_ENDPOINT_URL", endpoint());
        tool::run(command).await
    }

    fn journal(&self) -> PathBuf {
        fs::read_dir(self.state.path().join("duffel-hooks")).unwrap().next().unwrap().unwrap().path()
    }

    fn journals(&self) -> usize {
        fs::read_dir(self.state.path().join("duffel-hooks")).map_or(0, Iterator::count)
    }

    /// The status of the receiver's answer to an event of test mode that a secret signed.
    async fn delivered_with(&self, secret: &str) -> u16 {
        let number = self.objects.fetch_add(1, Ordering::Relaxed);
        let body = event("order.created", &format!("wev_own{number}"), &format!("ord_own{number}"))
            .replace(r#""live_mode":true"#, r#""live_mode":false"#);
        let header = duffel_header(secret, "v2", unix_seconds(SystemTime::now()), body.as_bytes());
        let url = self.url.clone();
        let send = move || {
            let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
            agent.post(&url).header("X-Duffel-Signature", header).send(&body).unwrap().status().as_u16()
        };
        spawn_blocking(send).await.unwrap()
    }

    /// The number of messages of each event in the queue, without pings and deliveries of the test itself.
    async fn queued(&self) -> BTreeMap<String, usize> {
        let mut queued = BTreeMap::new();
        for message in self.backend.messages().await {
            let attributes = message.message_attributes().unwrap();
            let text = |name: &str| attributes[name].string_value().unwrap().to_owned();
            if text("event_type") != "ping.triggered" && !text("event_id").starts_with("wev_own") {
                *queued.entry(text("event_id")).or_default() += 1;
            }
        }
        queued
    }

    /// Asserts the state after a rotation: one webhook as before, its secret stored, and no journal.
    async fn assert_rotated(&self) {
        let webhook = self.webhook();
        assert_ne!(webhook["id"], self.old.0);
        assert_eq!(webhook["url"], self.url);
        assert_eq!(webhook["events"], json!(["order.created", "air.order.changed"]));
        assert_eq!(self.stored("AWSCURRENT").await[0], self.new_secret());
        assert_eq!(self.journals(), 0);
        assert_eq!(self.delivered_with(&self.new_secret()).await, 202);
    }

    async fn assert_each_once(&self, events: impl IntoIterator<Item = String>) {
        let expected: BTreeMap<_, _> = events.into_iter().map(|id| (id, 1)).collect();
        assert_eq!(self.queued().await, expected);
    }
}

fn receiver(backend: &Backend, arn: &str) -> (Serve, String) {
    let mut variables = backend.variables().to_vec();
    variables.push(("WEBHOOK_SECRET_ARN", arn));
    let receiver = Serve::forward_with(&variables);
    let url = receiver.line("Receiving on ");
    (receiver, url)
}

fn client(url: &str) -> Client {
    Client::new(url, AccessToken::new(TOKEN).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_while_the_secret_is_rotated() {
    let env = Rotation::new().await;
    // The worse case: events in the gap are not listed as failed, and an event that failed once always is.
    env.duffel.set(|settings| {
        settings.unattempted_is_nothing = true;
        settings.first_attempt_counts = true;
    });
    let stop = Arc::new(AtomicBool::new(false));
    let (duffel, stopped) = (Arc::clone(&env.duffel), Arc::clone(&stop));
    let traffic = spawn_blocking(move || {
        let mut events = Vec::new();
        while !stopped.load(Ordering::Relaxed) {
            let object = json!({ "id": format!("ord_busy{}", events.len()) });
            events.push(duffel.occur("order.created", &object));
            thread::sleep(Duration::from_millis(100));
        }
        events
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Long enough for deliveries to fall into the gap, and between creation and storing.
    env.duffel.inject("DELETE", &ApiFault::Slow(Duration::from_millis(1500)), 1);
    env.proxy.inject(PUT, [AwsFault::Fine, AwsFault::Delay(Duration::from_millis(1500)), AwsFault::Fine]);
    let output = env.rotate(&["--json"]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    let events = traffic.await.unwrap();
    assert_success(&output);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["missing"], json!([]));
    let caught_up = report["caught_up"].as_array().unwrap().len();
    assert!(caught_up >= 10, "the gap was not hit: {report}");
    assert!(report["gap_ms"].as_f64().unwrap() >= 1500.0);
    assert!(text(&output.stderr).contains("Looking for events of the last 72 h that "), "{output:?}");

    // Nothing is left for Duffel to retry but pings.
    let undelivered = env.duffel.undelivered();
    assert!(!events.iter().any(|id| undelivered.contains(id)), "{undelivered:?}");
    assert!(events.len() > caught_up);
    env.assert_rotated().await;
    assert_eq!(env.stored("AWSCURRENT").await[..2], [env.new_secret(), env.old.1.clone()]);
    assert_eq!(env.delivered_with(&env.old.1).await, 202);
    env.assert_each_once(events).await;
}

/// The step at which the tool is killed.
#[derive(Clone, Copy, Debug)]
enum Step {
    BeforeDeletion,
    AfterDeletion,
    AfterCreation,
    BeforeStoring,
    AfterStoring,
    AtThePing,
    AtTheCatchUp,
}

const STEPS: [Step; 7] = [
    Step::BeforeDeletion,
    Step::AfterDeletion,
    Step::AfterCreation,
    Step::BeforeStoring,
    Step::AfterStoring,
    Step::AtThePing,
    Step::AtTheCatchUp,
];

const LONG: Duration = Duration::from_secs(60);

/// Starts the tool and kills it at a step.
async fn kill_at(env: &Rotation, step: Step) {
    let slow = |what: &str| env.duffel.inject(what, &ApiFault::Slow(LONG), 1);
    let put = match step {
        Step::BeforeStoring => Some(Moment::Before),
        Step::AfterStoring => Some(Moment::After),
        _ => None,
    };
    // The first call is the check before the deletion.
    let check = put.map(|moment| env.proxy.hold(PUT, moment));
    match step {
        Step::BeforeDeletion => env.duffel.inject("DELETE", &ApiFault::RetryAfter(503, 60), 1),
        Step::AfterDeletion => slow("DELETE"),
        Step::AfterCreation => slow("POST /air/webhooks"),
        Step::AtThePing => slow("POST /air/webhooks/end_"),
        Step::AtTheCatchUp => slow("POST /air/webhooks/events/"),
        Step::BeforeStoring | Step::AfterStoring => {}
    }
    let mut command = env.tool(&[]);
    let mut tool = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    if let (Some(mut check), Some(moment)) = (check, put) {
        check.reached().await;
        let mut held = env.proxy.hold(PUT, moment);
        check.release();
        held.reached().await;
        tool.kill().unwrap();
        drop(held);
    } else {
        let awaited = match step {
            Step::BeforeDeletion | Step::AfterDeletion => "DELETE /air/webhooks/",
            Step::AfterCreation => "POST /air/webhooks",
            Step::AtThePing => "/actions/ping",
            _ => "/actions/redeliver",
        };
        until(awaited, || env.duffel.asked().iter().any(|asked| asked.what.contains(awaited))).await;
        // The request is carried out at once, and answered late.
        match step {
            Step::AfterDeletion => until("deletion", || env.duffel.webhooks().is_empty()).await,
            Step::AfterCreation => until("creation", || !env.duffel.webhooks().is_empty()).await,
            _ => {}
        }
        tool.kill().unwrap();
    }
    tool.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_killed_at_any_step_is_finished_by_a_second_run() {
    let mut steps = JoinSet::new();
    for step in STEPS {
        steps.spawn(async move {
            let env = Rotation::new().await;
            let mut events = vec![env.order().await];
            if matches!(step, Step::AtTheCatchUp) {
                // An event to catch up.
                events.push(env.undelivered_order().await);
            }
            kill_at(&env, step).await;
            assert_eq!(env.journals(), 1, "{step:?}");
            let journal = fs::read_to_string(env.journal()).unwrap();
            assert!(!journal.contains(&env.old.1), "{step:?}: the journal has a secret");
            let webhooks = env.duffel.webhooks();
            assert!(webhooks.iter().all(|it| !journal.contains(it["secret"].as_str().unwrap())));
            assert_eq!(webhooks.is_empty(), matches!(step, Step::AfterDeletion), "{step:?}");
            events.push(env.order().await);

            assert_success(&env.rotate(&[]).await);
            events.push(env.order().await);
            env.assert_rotated().await;
            assert_eq!(env.delivered_with(&env.old.1).await, 202, "{step:?}");
            let stored = matches!(step, Step::AfterStoring | Step::AtThePing | Step::AtTheCatchUp);
            let made_again = webhooks.first().is_some_and(|it| it["id"] != env.webhook()["id"]);
            assert_eq!(made_again, !stored && !webhooks.is_empty(), "{step:?}");
            env.assert_each_once(events).await;
        });
    }
    while let Some(done) = steps.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forget_old_refuses_the_leaked_secret_from_then_on() {
    let env = Rotation::new().await;
    assert_eq!(env.delivered_with(&env.old.1).await, 202);
    let output = env.rotate(&["--forget-old", "--forget-other-mode"]).await;
    assert_success(&output);
    assert!(text(&output.stdout).contains("no old one is active"), "{}", text(&output.stdout));
    assert_eq!(env.stored("AWSCURRENT").await, [env.new_secret()]);
    assert_eq!(env.stored("AWSPREVIOUS").await, [env.new_secret()]);
    env.assert_rotated().await;
    assert_eq!(env.delivered_with(&env.old.1).await, 401);
}

/// For the case that Duffel redelivers to the endpoint of the first attempt, with its secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_signed_with_a_forgotten_secret_are_reported_missing() {
    for forget in [false, true] {
        let env = Rotation::new().await;
        env.duffel.set(|settings| settings.remembers_endpoint = true);
        let event = env.undelivered_order().await;
        let arguments: &[&str] = if forget { &["--forget-old", "--forget-other-mode"] } else { &[] };
        let output = env.rotate(&[arguments, &["--wait", "3s"]].concat()).await;
        if forget {
            assert_eq!(output.status.code(), Some(1));
            let reported = format!("missing    {event}: the receiver responded 401");
            assert!(text(&output.stdout).contains(&reported), "{}", text(&output.stdout));
            assert_eq!(env.journals(), 1);
        } else {
            assert_success(&output);
            env.assert_each_once([event]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finished_rotation_is_not_taken_for_another() {
    let env = Rotation::new().await;
    env.duffel.set(|settings| settings.remembers_endpoint = true);
    env.undelivered_order().await;
    let forget = ["--forget-old", "--forget-other-mode", "--wait", "300ms"];
    let first = env.rotate(&forget).await;
    assert_eq!((first.status.code(), env.journals()), (Some(1), 1));
    assert!(text(&first.stderr).contains("run the command again without --forget-old"), "{first:?}");
    let done = env.webhook();

    let dry = env.rotate(&["--dry-run"]).await;
    assert!(text(&dry.stdout).contains("Would only catch up"), "{}", text(&dry.stdout));
    let only_catches_up = env.rotate(&["--wait", "300ms"]).await;
    let out = text(&only_catches_up.stdout);
    assert!(out.starts_with("Only caught up: an earlier run, of 20") && !out.contains("Rotated"), "{out}");
    assert_eq!((only_catches_up.status.code(), env.journals()), (Some(1), 1));
    assert_eq!(env.webhook(), done);

    let dry = env.rotate(&["--forget-old", "--forget-other-mode", "--dry-run"]).await;
    assert!(text(&dry.stdout).starts_with("Would rotate"), "{}", text(&dry.stdout));
    // A new receiver, which need not wait before it reads its secrets again.
    let (_receiver, url) = receiver(&env.backend, &env.arn);
    let leaked_again = env.rotate(&[&forget[..], &["--url", &url]].concat()).await;
    assert!(text(&leaked_again.stderr).contains("beginning a new one"), "{leaked_again:?}");
    assert!(text(&leaked_again.stdout).starts_with("Rotated"), "{}", text(&leaked_again.stdout));
    assert_ne!(env.webhook()["id"], done["id"]);
    for version in ["AWSCURRENT", "AWSPREVIOUS"] {
        assert_eq!(env.stored(version).await, [env.new_secret()]);
    }

    let path = env.journal();
    let mut journal: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    journal["done"]["at"] = "2020-01-01T00:00:00Z".into();
    fs::write(&path, journal.to_string()).unwrap();
    let dry = env.rotate(&["--dry-run"]).await;
    assert!(text(&dry.stdout).starts_with("Would rotate"), "an old journal prevents a new rotation: {dry:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forget_old_rotates_again_after_an_interrupted_rotation() {
    let env = Rotation::new().await;
    kill_at(&env, Step::AfterStoring).await;
    let before = env.webhook();
    assert_success(&env.rotate(&["--forget-old", "--only"]).await);
    assert_ne!(env.webhook()["id"], before["id"]);
    for version in ["AWSCURRENT", "AWSPREVIOUS"] {
        assert_eq!(env.stored(version).await, [env.new_secret()]);
    }
    env.assert_rotated().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forget_old_refuses_to_drop_secrets_of_unknown_mode() {
    let env = Rotation::new().await;
    let both = json!([env.old.1, "the live webhook's"]).to_string();
    for _ in 0..2 {
        env.backend.put_secret(&env.arn, &both).await;
    }
    let refused = |output: &Output, why: &str| {
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(
            err.contains("nothing was changed") && err.contains(why) && err.contains("--forget-other-mode"),
            "{err}"
        );
        assert_eq!((env.webhook()["id"].as_str(), env.journals()), (Some(&*env.old.0), 0));
    };
    refused(&env.rotate(&["--forget-old"]).await, "2 secrets of unknown mode are active");
    let outputs = [("SecretArn", &*env.arn), ("WebhookUrl", &env.url)];
    let of_mode = async |mode: &str, arguments: &[&str]| {
        let stack = stack(&outputs, &[("LiveMode", mode)]).await;
        (env.rotate_stack(&stack, &[&["--forget-old"], arguments].concat()).await, stack)
    };
    refused(&of_mode("live", &[]).await.0, "2 secrets of unknown mode are active");
    let (output, stack) = of_mode("any", &[]).await;
    refused(&output, "2 secrets of unknown mode are active");
    let command = format!("duffel-hooks rotate --stack {stack}");
    let message = format!(
        "duffel-hooks: nothing was changed: 2 secrets of unknown mode are active, and this stack accepts test and live \
         deliveries (LiveMode=any): --forget-old drops them, so deliveries of your live webhook would be refused \
         (401) until you rotate that one too.
  No live webhook delivers here:  {command} --forget-old --forget-other-mode
  One does:                       the same, and right after it
                                  DUFFEL_ACCESS_TOKEN=duffel_live_… {command}
"
    );
    assert_eq!(text(&output.stderr), message);
    // A dry run is not refused.
    let (plan, _) = of_mode("any", &["--dry-run"]).await;
    assert_success(&plan);
    let plan = text(&plan.stdout);
    assert!(plan.contains("forget     of the active secrets: 2 of unknown mode"), "{plan}");
    assert!(
        plan.contains("Without --forget-other-mode this would be refused: 2 secrets of unknown mode"),
        "{plan}"
    );
    for (mode, arguments) in [("test", &["--dry-run"][..]), ("any", &["--dry-run", "--forget-other-mode"])] {
        let (plan, _) = of_mode(mode, arguments).await;
        assert_success(&plan);
        assert!(!text(&plan.stdout).contains("refused"), "{plan:?}");
    }

    // As after an older version's rotation of the live webhook.
    for version in ["a", "b"] {
        env.backend.put_secret_as(&env.arn, &version.repeat(64), "the live webhook's").await;
    }
    refused(&env.rotate(&["--forget-old"]).await, "1 secret of unknown mode is active");
    // This stack has no other webhook.
    assert_success(&of_mode("test", &[]).await.0);
    assert_eq!(env.stored("AWSCURRENT").await, [env.new_secret()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forget_old_keeps_the_secret_of_the_other_mode() {
    let env = Rotation::new().await;
    // As `webhooks create --store` and earlier rotations leave it.
    let both = json!({ "live": ["the live webhook's"], "test": [env.old.1, "older"] }).to_string();
    for _ in 0..2 {
        env.backend.put_secret(&env.arn, &both).await;
    }
    let outputs = [("SecretArn", &*env.arn), ("WebhookUrl", &env.url)];
    let stack = stack(&outputs, &[("LiveMode", "any")]).await;
    let output = env.rotate_stack(&stack, &["--forget-old"]).await;
    assert_success(&output);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(err.contains("other active secrets: 1 live\nForgotten: 2 test\n"), "{err}");
    assert!(out.contains("no old one of test mode is active; active in all: 1 live and 1 test"), "{out}");
    let stored = json!({ "live": ["the live webhook's"], "test": [env.new_secret()] });
    for version in ["AWSCURRENT", "AWSPREVIOUS"] {
        let text = env.backend.version(&env.arn, version).await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), stored, "{version}");
    }
    env.assert_rotated().await;
    assert_eq!(env.delivered_with(&env.old.1).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_does_not_touch_a_webhook_of_somebody_else() {
    let env = Rotation::new().await;
    env.duffel.inject("DELETE", &ApiFault::Slow(Duration::from_secs(1)), 1);
    let (url, duffel) = (env.duffel.url(), Arc::clone(&env.duffel));
    let somebody = spawn_blocking(move || {
        let began = Instant::now();
        while !duffel.webhooks().is_empty() {
            assert!(began.elapsed() < Duration::from_secs(30), "waited in vain for the deletion");
            thread::sleep(Duration::from_millis(20));
        }
        let types = ["order.created".to_owned()];
        client(&url).create_webhook("https://example.com/theirs", &types).unwrap().0.id
    });
    let output = env.rotate(&[]).await;
    let theirs = somebody.await.unwrap();
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains(&format!("somebody else has created webhook {theirs}")), "{err}");
    assert_eq!((env.webhook()["id"].as_str(), env.journals()), (Some(&*theirs), 1));

    let again = env.rotate(&[]).await;
    let err = text(&again.stderr);
    assert_eq!(again.status.code(), Some(1), "{err}");
    assert!(err.contains("delivers to https://example.com/theirs, and the rotation"), "{err}");
    assert_eq!(env.webhook()["id"].as_str(), Some(&*theirs));
    client(&env.duffel.url()).delete_webhook(&theirs).unwrap();
    assert_success(&env.rotate(&[]).await);
    env.assert_rotated().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_url_and_types_are_checked_before_the_deletion() {
    let env = Rotation::new().await;
    let refusal = ApiFault::Answer(422, r#"{"errors":[{"title":"Invalid","message":"no such event"}]}"#);
    env.duffel.inject("PATCH", &refusal, 1);
    let url = "https://example.com/elsewhere";
    let output = env.rotate(&["--url", url, "--event", "no.such"]).await;
    let err = text(&output.stderr);
    assert!(err.contains("nothing was changed") && err.contains("no such event"), "{err}");
    let asked = env.duffel.asked();
    let tried = asked.iter().find(|asked| asked.what.starts_with("PATCH")).unwrap();
    assert_eq!(tried.body["data"], json!({ "active": true, "url": url, "events": ["no.such"] }));
    assert_eq!((env.webhook()["id"].as_str(), env.journals()), (Some(&*env.old.0), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn very_long_durations_are_accepted() {
    let env = Rotation::new().await;
    let event = env.undelivered_order().await;
    assert_success(&env.rotate(&["--catch-up", "60y", "--wait", "500000000000y"]).await);
    env.assert_rotated().await;
    env.assert_each_once([event]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_secrets_stay_active_as_well() {
    let env = Rotation::new().await;
    // As earlier rotations left them.
    let mut before = vec![env.old.1.clone()];
    before.extend((1..KEPT).map(|age| format!("old {age}")));
    env.backend.put_secret(&env.arn, &json!(before).to_string()).await;
    let output = env.rotate(&[]).await;
    assert_success(&output);
    assert!(
        text(&output.stderr)
            .contains("Left out, and active until the next change at most: 1 of unknown mode"),
        "{output:?}"
    );
    let kept = [&[env.new_secret()], &before[..KEPT - 1]].concat();
    assert_eq!(env.stored("AWSCURRENT").await, kept);
    assert_eq!(env.stored("AWSPREVIOUS").await, before);
    env.assert_rotated().await;
    for secret in before {
        assert_eq!(env.delivered_with(&secret).await, 202);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_creation_is_retried() {
    for fault in [ApiFault::Status(500), ApiFault::Html(502), ApiFault::AnswerLost, ApiFault::Down] {
        let env = Rotation::new().await;
        // The only POST to exactly this path comes first.
        env.duffel.inject("POST /air/webhooks", &fault, 1);
        assert_success(&env.rotate(&[]).await);
        env.assert_rotated().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_creation_says_how_to_continue() {
    let env = Rotation::new().await;
    let refusal = ApiFault::Answer(422, r#"{"errors":[{"title":"Invalid","message":"no such event"}]}"#);
    env.duffel.inject("POST /air/webhooks", &refusal, 1);
    let output = env.rotate(&[]).await;
    assert_eq!(output.status.code(), Some(1));
    let last = text(&output.stderr).lines().last().unwrap().to_owned();
    assert!(last.contains("there is NO WEBHOOK now") && last.contains("no such event"), "{last}");
    assert!(last.contains("run the same command again"), "{last}");
    assert_eq!((env.duffel.webhooks().len(), env.journals()), (0, 1));
    let event = env.order().await;
    let dry = env.rotate(&["--dry-run"]).await;
    assert!(text(&dry.stdout).contains("there is no webhook"), "{}", text(&dry.stdout));
    assert_success(&env.rotate(&[]).await);
    env.assert_rotated().await;
    env.assert_each_once([event]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_can_be_finished_without_the_journal() {
    let env = Rotation::new().await;
    kill_at(&env, Step::AfterDeletion).await;
    fs::remove_dir_all(env.state.path().join("duffel-hooks")).unwrap();
    let output = env.rotate(&["--url", &env.url]).await;
    assert!(text(&output.stderr).contains("Duffel has no webhook: give --event"), "{output:?}");
    let types = ["--event", "order.created", "--event", "air.order.changed"];
    assert_success(&env.rotate(&[&["--url", &env.url][..], &types].concat()).await);
    env.assert_rotated().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secret_that_cannot_be_stored_is_printed() {
    let env = Rotation::new().await;
    let denied = AwsFault::Refuse(400, "AccessDeniedException");
    env.proxy.inject(PUT, [AwsFault::Fine, denied]);
    let output = env.rotate(&[]).await;
    assert_eq!(output.status.code(), Some(1));
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let new = env.new_secret();
    assert!(out.contains(&format!("\n  {new}\n")), "{out}");
    assert!(out.contains("read -rs SECRET && aws secretsmanager"), "{out}");
    assert!(out.contains("--secret-string \"$SECRET\""), "{out}");
    assert_eq!(
        out.matches(&new).count(),
        1,
        "the secret is in the command, and so in the history of the shell: {out}"
    );
    assert!(!err.contains(&new), "the secret is on stderr");
    assert!(err.contains("the permission secretsmanager:PutSecretValue is missing"), "{err}");

    // As the output recommends.
    let version = out.split("--client-request-token ").nth(1).unwrap().split_whitespace().next().unwrap();
    env.backend.put_secret_as(&env.arn, version, &new).await;
    let webhook = env.webhook();
    env.proxy.heal();
    assert_success(&env.rotate(&[]).await);
    assert_eq!(env.webhook(), webhook, "a stored secret is not created again");
    env.assert_rotated().await;
    assert_eq!(env.delivered_with(&env.old.1).await, 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_stops_before_deletion_if_a_later_step_would_fail() {
    let env = Rotation::new().await;
    env.proxy.inject(PUT, [AwsFault::Refuse(400, "AccessDeniedException")]);
    let denied = env.rotate(&[]).await;
    assert!(text(&denied.stderr).contains("nothing was changed"), "{}", text(&denied.stderr));
    env.proxy.heal();
    env.duffel.inject("PATCH", &ApiFault::Answer(403, "{}"), 1);
    let read_only = env.rotate(&[]).await;
    assert!(text(&read_only.stderr).contains("nothing was changed"), "{}", text(&read_only.stderr));
    let nowhere = env.tool(&[]).env("XDG_STATE_HOME", "/dev/null").output().unwrap();
    assert!(text(&nowhere.stderr).contains("cannot"), "{}", text(&nowhere.stderr));
    for output in [denied, read_only, nowhere] {
        assert!(!output.status.success());
    }
    assert_eq!(env.webhook()["id"], env.old.0);
    assert_eq!(env.stored("AWSCURRENT").await, std::slice::from_ref(&env.old.1));
    assert_eq!(env.journals(), 0);
    assert_eq!(env.delivered_with(&env.old.1).await, 202);
}

#[tokio::test]
async fn rotation_asks_before_the_deletion_and_refuses_without_a_terminal() {
    let env = Rotation::new().await;
    let before = env.webhook();
    let usual = env.tool(&[]);
    let command = || {
        let mut command = tool::command(["rotate", "--secret", &env.arn]);
        command.envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    };
    let on_terminal = command();
    let asked = spawn_blocking(move || terminal::run(&on_terminal, "n")).await.unwrap();
    let shown = text(&asked.stdout);
    let question = format!("Really delete webhook {} and create it", before["id"].as_str().unwrap());
    assert!(shown.contains(&question) && shown.contains("nothing was changed"), "{shown}");
    assert_eq!(asked.status.code(), Some(1));
    let refused = tool::run(command()).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("add --yes"), "{}", text(&refused.stderr));
    assert_eq!(env.webhook(), before);
    assert!(!env.duffel.asked().iter().any(|asked| asked.what.starts_with("DELETE")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dry_run_of_a_rotation_changes_nothing() {
    let env = Rotation::new().await;
    let output = env.rotate(&["--dry-run"]).await;
    assert_success(&output);
    let out = text(&output.stdout);
    assert!(out.contains(&format!("delete     webhook {}", env.old.0)), "{out}");
    assert!(out.contains("Nothing was changed"), "{out}");
    snapshot::assert("rotate-dry-run", &(out + &text(&output.stderr)));
    assert!(env.duffel.asked().iter().all(|asked| asked.what.starts_with("GET ")));
    assert!(!env.proxy.calls().contains_key(PUT));
    assert_eq!(env.journals(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn journal_of_another_mode_is_refused() {
    let env = Rotation::new().await;
    kill_at(&env, Step::AfterDeletion).await;
    let journal = env.journal();
    let mut command = env.tool(&["--journal", journal.to_str().unwrap()]);
    let output = command.env("DUFFEL_ACCESS_TOKEN", crate::support::duffel::LIVE_TOKEN).output().unwrap();
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("in test mode: see DUFFEL_ACCESS_TOKEN"), "{output:?}");
    assert_eq!(env.duffel.webhooks().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inactive_webhook_stays_inactive() {
    let env = Rotation::new().await;
    env.change(Change { active: Some(false), ..Change::default() }).await;
    let output = env.rotate(&[]).await;
    assert_success(&output);
    assert_eq!(env.webhook()["active"], false);
    assert!(text(&output.stdout).contains("the webhook is inactive"), "{}", text(&output.stdout));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stack_outputs_give_secret_and_url_and_another_url_must_be_confirmed() {
    let env = Rotation::new().await;
    let rotate = async |url: &str, arguments: &[&str]| {
        let outputs = [("SecretArn", &*env.arn), ("WebhookUrl", url)];
        env.rotate_stack(&stack(&outputs, &[("DedupWindow", "1d 12h")]).await, arguments).await
    };
    let elsewhere = rotate("https://example.com/webhooks/duffel", &[]).await;
    assert_eq!(elsewhere.status.code(), Some(1));
    assert!(text(&elsewhere.stderr).contains("If it is right, give --url"), "{elsewhere:?}");
    assert_eq!(env.webhook()["id"], env.old.0);
    assert_success(&rotate("https://example.com/webhooks/duffel", &["--url", &env.url]).await);
    env.assert_rotated().await;
    let dry = rotate(&env.url, &["--dry-run"]).await;
    assert_success(&dry);

    // Events beyond the deduplication window would be forwarded again.
    assert!(text(&dry.stdout).contains("in the last 35 h"), "{}", text(&dry.stdout));
    let asked = env.duffel.asked();
    let listed = asked.iter().find(|asked| asked.what == "GET /air/webhooks/events").unwrap();
    let after = humantime::parse_rfc3339(listed.parameter("created_at[after]").unwrap()).unwrap();
    assert!(after.elapsed().unwrap() < Duration::from_hours(35) + LONG, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_rotation_reports_its_state() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        for (fault, awaited, says) in [
            (("DELETE", ApiFault::Slow(LONG)), "DELETE", "is deleted is not known"),
            (("POST /air/webhooks", ApiFault::Status(500)), "POST /air/webhooks", "there is no webhook now"),
            (
                ("POST /air/webhooks/events", ApiFault::Slow(LONG)),
                "POST /air/webhooks/events",
                "not all is caught up",
            ),
        ] {
            let env = Rotation::new().await;
            let event = env.undelivered_order().await;
            env.duffel.asked();
            env.duffel.inject(fault.0, &fault.1, 1);
            let tool = tool::start(&mut env.tool(&[]));
            until(awaited, || env.duffel.asked().iter().any(|asked| asked.what.starts_with(awaited))).await;
            // The tool needs some time to read the answer.
            tokio::time::sleep(Duration::from_millis(200)).await;
            tool::signal(signal, &tool);
            let output = tool::finish(tool).await;
            let err = text(&output.stderr);
            let last = err.lines().last().unwrap();
            assert_eq!(output.status.code(), Some(code), "{err}");
            assert!(last.starts_with("duffel-hooks: interrupted: ") && last.contains(says), "{err}");
            assert!(last.contains("run the same command again (the journal is "), "{err}");
            assert_success(&env.rotate(&[]).await);
            env.assert_rotated().await;
            env.assert_each_once([event]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_rotation_catches_up_for_one_interrupted_long_ago() {
    for (hours, is_looked_for) in [(90, true), (200, false)] {
        let env = Rotation::new().await;
        kill_at(&env, Step::AfterStoring).await;
        let path = env.journal();
        let ago = |hours| SystemTime::now() - Duration::from_hours(hours);
        let mut journal: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        journal["began_at"] = humantime::format_rfc3339_millis(ago(hours)).to_string().into();
        fs::write(&path, journal.to_string()).unwrap();
        let lost = {
            // In the gap of the first rotation.
            let (duffel, live) = (Arc::clone(&env.duffel), env.webhook()["id"].as_str().unwrap().to_owned());
            let at = ago(hours) + Duration::from_secs(60);
            let lose = move || {
                let active = |active| Change { active: Some(active), ..Change::default() };
                client(&duffel.url()).update_webhook(&live, &active(false)).unwrap();
                let event = duffel.occur_at(at, "order.created", &json!({ "id": "ord_gap" }));
                client(&duffel.url()).update_webhook(&live, &active(true)).unwrap();
                event
            };
            spawn_blocking(lose).await.unwrap()
        };
        // A second interruption does not lose it.
        kill_at(&env, Step::AfterStoring).await;
        let output = env.rotate(&[]).await;
        assert_success(&output);
        let err = text(&output.stderr);
        assert_eq!(!err.contains("Not searched: events from 20"), is_looked_for, "{err}");
        env.assert_rotated().await;
        env.assert_each_once(is_looked_for.then_some(lost)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_before_the_creation_of_the_ledger_are_not_caught_up() {
    let env = Rotation::new().await;
    let event = env.undelivered_order().await;
    let at = SystemTime::now() - Duration::from_hours(2);
    let url = |url: &str| Change { url: Some(url.to_owned()), ..Change::default() };
    env.change(url("http://127.0.0.1:1/webhooks/duffel")).await;
    let duffel = Arc::clone(&env.duffel);
    let old = move || duffel.occur_at(at, "order.created", &json!({ "id": "ord_before" }));
    spawn_blocking(old).await.unwrap();
    env.change(url(&env.url)).await;
    let outputs =
        [("SecretArn", &*env.arn), ("WebhookUrl", &*env.url), ("LedgerTableName", &*env.backend.table)];
    let of_table = stack(&outputs, &[("DedupWindow", "7d")]).await;
    assert_success(&env.rotate_stack(&of_table, &[]).await);
    env.assert_rotated().await;
    env.assert_each_once([event]).await;

    // The rotation of a leaked secret must not wait for a permission.
    let outputs = [outputs[0], outputs[1], ("LedgerTableName", "no-such-table")];
    let of_unknown = stack(&outputs, &[("DedupWindow", "7d")]).await;
    let dry = env.rotate_stack(&of_unknown, &["--dry-run"]).await;
    assert_success(&dry);
    let err = text(&dry.stderr);
    assert!(err.contains("The age of the ledger no-such-table is not known, so events"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_option_accepts_a_list() {
    let env = Rotation::new().await;
    let output = env.rotate(&["--dry-run", "--event", "order.created, air.order.changed"]).await;
    assert!(text(&output.stdout).contains("for 2 event types"), "{}", text(&output.stdout));
    for wrong in ["", "order.created,,air.order.changed", "order.created,"] {
        let output = env.rotate(&["--dry-run", "--event", wrong]).await;
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(text(&output.stderr).contains("an entry is empty"), "{}", text(&output.stderr));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_is_done_and_fails_if_its_report_cannot_be_printed() {
    let env = Rotation::new().await;
    let mut command = env.tool(&[]);
    let output = spawn_blocking(move || run_unread(&mut command)).await.unwrap();
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("Rotated the secret of") && err.contains("not all of it could be printed"), "{err}");
    env.assert_rotated().await;
}

/// A stack with outputs and parameters only.
async fn stack(outputs: &[(&str, &str)], parameters: &[(&str, &str)]) -> String {
    let map = |pairs: &[(&str, &str)], of: fn(&str) -> Value| -> serde_json::Map<_, _> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), of(value))).collect()
    };
    let template = json!({
        "Parameters": map(parameters, |value| json!({ "Type": "String", "Default": value })),
        "Resources": { "Any": { "Type": "AWS::SQS::Queue" } },
        "Outputs": map(outputs, |value| json!({ "Value": value })),
    });
    let client = aws_sdk_cloudformation::Client::new(&sdk_config().await);
    let name = format!("stack-{}", uuid::Uuid::new_v4());
    client.create_stack().stack_name(&name).template_body(template.to_string()).send().await.unwrap();
    for _ in 0..100 {
        let answer = client.describe_stacks().stack_name(&name).send().await.unwrap();
        let status = answer.stacks()[0].stack_status().unwrap().as_str().to_owned();
        if status == "CREATE_COMPLETE" {
            return name;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no stack");
}
