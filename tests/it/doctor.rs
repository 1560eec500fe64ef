//! `duffel-hooks doctor` on a healthy deployment, and on deployments with one fault.

mod monitoring;
mod topic;
mod watch;

use std::{
    collections::BTreeMap,
    process::Command,
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use aws_sdk_sqs::types::QueueAttributeName;
use duffel_webhook_receiver::{
    deployment::Output,
    duffel::{AccessToken, Change, Client},
    time::unix_seconds,
};
use http::Response;
use serde_json::{Value, json};

use crate::support::{
    duffel::{ApiFault, DuffelStandIn, LIVE_TOKEN, TOKEN},
    ministack::{self, sdk_config},
    proxy::{AwsFault, Proxy},
    runtime_api::listen,
    serve::Serve,
    snapshot,
    stack::{self, Deployed},
    tool::{self, run_unread, text},
};

const CHECKS: [&str; 15] = [
    "stack",
    "secret",
    "queue",
    "consumer",
    "oldest event",
    "dead letters",
    "ledger",
    "ledger expiry",
    "function",
    "concurrency",
    "duplicates",
    "notification",
    "receiver",
    "clock",
    "webhook",
];

/// A stack, a receiver at its URL, and a webhook of Duffel that points to it.
struct Deployment {
    stack: Deployed,
    duffel: DuffelStandIn,
    webhook: String,
    secret: String,
    _serve: Serve,
}

impl Deployment {
    /// A healthy deployment that has accepted a delivery.
    async fn healthy() -> Self {
        let deployment = Self::new().await;
        deployment.duffel.occur("order.created", &json!({ "id": "ord_1" }));
        deployment
    }

    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same, with parameters of the stack.
    async fn with(parameters: &[(&str, &str)]) -> Self {
        let deployment = Self::stored(parameters).await;
        deployment.put_secret(&deployment.secret).await;
        deployment
    }

    /// The same, and nothing is put into the secret of the stack.
    async fn stored(parameters: &[(&str, &str)]) -> Self {
        let duffel = DuffelStandIn::start();
        let (webhook, secret) = duffel.register("http://127.0.0.1:1/webhooks/duffel");
        let serve = Serve::start(&[("WEBHOOK_SECRET", &secret)]);
        let url = serve.line("Receiving on ");
        let stack = monitored(&url, parameters).await;
        let deployment = Self { stack, duffel, webhook, secret, _serve: serve };
        deployment.update(&Change { url: Some(url), ..Change::default() });
        deployment
    }

    fn client(&self) -> Client {
        Client::new(&self.duffel.url(), AccessToken::new(TOKEN).unwrap()).unwrap()
    }

    fn update(&self, change: &Change) {
        self.client().update_webhook(&self.webhook, change).unwrap();
    }

    /// Creates an event that is so old that it should have been delivered.
    fn an_hour_ago(&self, kind: &str) -> String {
        let at = SystemTime::now() - Duration::from_mins(60);
        self.duffel.occur_at(at, kind, &json!({ "id": format!("ord_{kind}") }))
    }

    async fn put_secret(&self, text: &str) {
        let client = aws_sdk_secretsmanager::Client::new(&sdk_config().await);
        let arn = self.stack.output(Output::SecretArn);
        client.put_secret_value().secret_id(arn).secret_string(text).send().await.unwrap();
    }

    fn doctor(&self) -> Command {
        self.doctor_of(&self.stack.name)
    }

    fn doctor_of(&self, stack: &str) -> Command {
        let mut command = tool::command(["doctor", "--stack", stack]);
        command.envs(stack::variables());
        command.env("DUFFEL_API_URL", self.duffel.url()).env("DUFFEL_ACCESS_TOKEN", TOKEN);
        command
    }

    /// The findings that are not OK, and the exit code.
    async fn found(&self) -> (Vec<String>, i32) {
        found(self.doctor()).await
    }
}

/// Check, state, observation and fix of each finding that is not OK. Asserts that all checks were made.
async fn found(mut doctor: Command) -> (Vec<String>, i32) {
    doctor.arg("--json");
    let done = tool::run(doctor).await;
    let lines = text(&done.stdout);
    let mut findings: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = findings.pop().unwrap()["summary"].take();
    let numbers = ["passed", "warned", "failed", "not_made"].map(|name| summary[name].as_u64().unwrap());
    assert_eq!(numbers.iter().sum::<u64>(), findings.len() as u64, "{lines}");
    let made: BTreeMap<_, _> =
        findings.iter().map(|finding| (finding["check"].as_str().unwrap(), finding)).collect();
    for check in CHECKS {
        assert!(made.contains_key(check), "{check} was not made: {lines}{:?}", done.stderr);
    }
    let not_ok = findings.iter().filter(|finding| finding["state"] != "OK");
    let not_ok = not_ok.map(|finding| {
        let [check, state, seen] = ["check", "state", "seen"].map(|name| finding[name].as_str().unwrap());
        let command = finding["command"].as_str().map(|command| format!(": {command}")).unwrap_or_default();
        format!("{check} {state} {seen} -> {}{command}", finding["fix"].as_str().unwrap_or("-"))
    });
    (not_ok.collect(), done.status.code().unwrap())
}

/// Asserts that exactly one check fails, and that its finding has these texts.
fn assert_only(found: &(Vec<String>, i32), check: &str, says: &[&str]) {
    let (not_ok, code) = found;
    assert_eq!(not_ok.len(), 1, "{not_ok:#?}");
    assert!(not_ok[0].starts_with(&format!("{check} FAIL ")), "{not_ok:#?}");
    for part in says {
        assert!(not_ok[0].contains(part), "{not_ok:#?} does not say {part}");
    }
    assert_eq!(*code, 1);
}

#[tokio::test]
async fn healthy_deployment_passes_every_check() {
    let deployment = Deployment::healthy().await;
    assert_eq!(deployment.found().await, (vec![], 0));
    let done = deployment.doctor().output().unwrap();
    let lines = text(&done.stdout);
    // With alarms and deliveries, and the closing line.
    assert_eq!(lines.lines().count(), CHECKS.len() + 3, "{lines}");
    let findings = lines.strip_suffix("All 17 checks passed.\n").unwrap_or_else(|| panic!("{lines}"));
    assert!(findings.lines().all(|line| line.starts_with("OK    ")), "{lines}");
    assert!(lines.contains("the last 24 hours: 1 × 202; the last accepted 2"), "{lines}");
    assert!(!lines.contains(&deployment.secret) && !lines.contains(TOKEN));
    assert!(done.stderr.is_empty());
    snapshot::assert("doctor-healthy", &lines);
}

#[tokio::test]
async fn secret_without_a_value_is_found() {
    let deployment = Deployment::healthy().await;
    // As AWS answers; MiniStack gives an empty value.
    let proxy = Proxy::new().await;
    proxy.inject("secretsmanager:GetSecretValue", [AwsFault::Refuse(400, "ResourceNotFoundException")]);
    let mut doctor = deployment.doctor();
    doctor.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    assert_only(&found(doctor).await, "secret", &["it has no value yet", "put-secret-value --secret-id"]);
}

#[tokio::test]
async fn invalid_secret_is_found_and_not_shown() {
    let deployment = Deployment::healthy().await;
    deployment.put_secret(r#"{"secret":"54vFWvaSbbzYpxXPeB4YEw=="}"#).await;
    let found = deployment.found().await;
    assert_only(&found, "secret", &["must be a plain string, a JSON list"]);
    assert!(!found.0[0].contains("54vF"));
    deployment.put_secret("54vFWvaSbb zYpxXPeB4YEw==").await;
    let found = deployment.found().await;
    assert_only(&found, "secret", &["white space"]);
    assert!(!found.0[0].contains("54vF"));
}

#[tokio::test]
async fn sources_in_stored_secrets_are_read_as_the_receiver_reads_them() {
    let client = aws_sdk_secretsmanager::Client::new(&sdk_config().await);
    let mut arns = Vec::new();
    for name in ["one", "other"] {
        let name = format!("{name}-{}", uuid::Uuid::new_v4());
        arns.push(client.create_secret().name(name).secret_string("{}").send().await.unwrap().arn.unwrap());
    }
    let put = async |arn: &str, text: &str| {
        client.put_secret_value().secret_id(arn).secret_string(text).send().await.unwrap();
    };
    let deployment = Deployment::stored(&[("SourcesArn", &arns.join(","))]).await;
    deployment.duffel.occur("order.created", &json!({ "id": "ord_1" }));
    put(&arns[0], r#"{"duffel":{"scheme":"duffel","secret":"planted"}}"#).await;
    put(&arns[1], r#"{"crm":{"scheme":"github","secret":"planted 2"}}"#).await;
    assert_eq!(deployment.found().await, (vec![], 0));
    let lines = text(&deployment.doctor().output().unwrap().stdout);
    assert!(lines.contains("2 sources in 2 secrets, the largest with 49 of 65536 bytes"), "{lines}");
    put(&arns[1], r#"{"crm":{"scheme":"github","secret":"planted"},"duffel":{"scheme":"nope"}}"#).await;
    let found = deployment.found().await;
    let says = [
        "crm: secret is that of duffel too",
        "duffel appears twice",
        r#"duffel: scheme "nope" is not known"#,
    ];
    assert_only(&found, "secret", &says);
    assert!(!found.0[0].contains("planted"), "{found:?}");
    let large = format!(r#"{{"crm":{{"scheme":"github","secret":"{}"}}}}"#, "x".repeat(60_000));
    put(&arns[1], &large).await;
    let (found, code) = deployment.found().await;
    assert!(found[0].starts_with("secret WARN ") && found[0].contains("secret 2 of SourcesArn"), "{found:?}");
    assert_eq!((found.len(), code), (1, 0));
}

#[tokio::test]
async fn secrets_of_both_versions_are_counted() {
    let deployment = Deployment::healthy().await;
    deployment.put_secret(r#"["one", "two"]"#).await;
    let lines = text(&deployment.doctor().output().unwrap().stdout);
    assert!(lines.contains("3 active secrets, 1 of the previous version"), "{lines}");
}

#[tokio::test]
async fn inactive_webhook_is_found() {
    let deployment = Deployment::healthy().await;
    deployment.update(&Change { active: Some(false), ..Change::default() });
    let fix = format!("webhooks update {} --active true", deployment.webhook);
    assert_only(&deployment.found().await, "webhook", &["is not active", &fix]);
}

#[tokio::test]
async fn a_webhook_that_points_elsewhere_is_found() {
    let deployment = Deployment::healthy().await;
    let elsewhere = "https://elsewhere.example/webhooks/duffel";
    deployment.update(&Change { url: Some(elsewhere.to_owned()), ..Change::default() });
    let fix = format!("--url {}", deployment.stack.output(Output::WebhookUrl));
    assert_only(
        &deployment.found().await,
        "webhook",
        &[&format!("points to {elsewhere}, not to http://"), &fix],
    );
}

#[tokio::test]
async fn doctor_fails_even_if_nobody_reads_its_output() {
    let deployment = Deployment::healthy().await;
    deployment.update(&Change { active: Some(false), ..Change::default() });
    let done = run_unread(&mut deployment.doctor());
    assert_eq!((done.status.code(), &*text(&done.stderr)), (Some(1), "duffel-hooks: 1 check failed\n"));
}

#[tokio::test]
async fn missing_webhook_is_found() {
    let mut deployment = Deployment::healthy().await;
    deployment.duffel = DuffelStandIn::start();
    let stack = &deployment.stack;
    let (url, secret) = (stack.output(Output::WebhookUrl), stack.output(Output::SecretArn));
    let command = format!("webhooks create {url} --store {secret} --event ");
    assert_only(&deployment.found().await, "webhook", &["none is registered", &command]);
}

#[tokio::test]
async fn token_of_the_other_mode_is_suggested_as_the_cause() {
    let deployment = Deployment::healthy().await;
    let mut doctor = deployment.doctor();
    doctor.env("DUFFEL_ACCESS_TOKEN", LIVE_TOKEN);
    let says = [
        "live (the token's) mode",
        "LiveMode=any",
        "check that the token is of the right organisation and mode",
    ];
    assert_only(&found(doctor).await, "webhook", &says);
}

#[tokio::test]
async fn doctor_prints_each_failure_with_its_fix() {
    let deployment = Deployment::healthy().await;
    deployment.put_secret("54vFWvaSbb zYpxXPeB4YEw==").await;
    deployment.stack.put(Output::DeadLetterQueueUrl, "ord_1", 1).await;
    deployment.update(&Change { active: Some(false), ..Change::default() });
    let done = deployment.doctor().output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    snapshot::assert("doctor-broken", &(text(&done.stdout) + &text(&done.stderr)));
}

#[tokio::test]
async fn interrupted_rotation_is_reported_with_its_command() {
    let deployment = Deployment::healthy().await;
    let state = tempfile::tempdir().unwrap();
    let run = async |command: &str, arguments: &[&str]| {
        let mut command = tool::command([command, "--stack", &deployment.stack.name]);
        command.args(arguments).envs(stack::variables()).env("DUFFEL_API_URL", deployment.duffel.url());
        command.env("DUFFEL_ACCESS_TOKEN", TOKEN).env("XDG_STATE_HOME", state.path());
        tool::run(command).await
    };
    deployment.duffel.inject("POST /air/webhooks", &ApiFault::Answer(422, r#"{"errors":[]}"#), 9);
    let rotated = run("rotate", &["--yes", "--event", "order.created"]).await;
    assert!(!rotated.status.success());
    assert!(deployment.duffel.webhooks().is_empty(), "{}", text(&rotated.stderr));
    let done = run("doctor", &[]).await;
    let lines = text(&done.stdout);
    assert!(lines.contains("FAIL  webhook         a rotation begun 2"), "{lines}");
    let command = format!("        duffel-hooks rotate --stack {}\n", deployment.stack.name);
    assert!(lines.contains(&command) && !lines.contains("webhooks create"), "{lines}");
    assert_eq!(done.status.code(), Some(1));
    // Also without an access token, and with one of the other mode.
    let without = |mut doctor: Command| {
        doctor.env_remove("DUFFEL_ACCESS_TOKEN");
        doctor
    };
    let of_other_mode = |mut doctor: Command| {
        doctor.env("DUFFEL_ACCESS_TOKEN", LIVE_TOKEN);
        doctor
    };
    for doctor in [without(deployment.doctor()), of_other_mode(deployment.doctor())] {
        let mut doctor = doctor;
        doctor.env("XDG_STATE_HOME", state.path());
        let lines = text(&tool::run(doctor).await.stdout);
        assert!(lines.contains("FAIL  rotation        one of test mode begun 2"), "{lines}");
        assert!(lines.contains("finish it with an access token of test mode"), "{lines}");
        assert!(lines.contains(&command), "{lines}");
    }
}

#[tokio::test]
async fn deliveries_that_fail_are_found_with_their_codes() {
    let mut deployment = Deployment::healthy().await;
    // Not the secret of the webhook.
    let serve = Serve::start(&[("WEBHOOK_SECRET", "QKfUULLQh+8SegYmIsF6kA==")]);
    let url = serve.line("Receiving on ");
    deployment.stack = monitored(&url, &[]).await;
    deployment.put_secret("QKfUULLQh+8SegYmIsF6kA==").await;
    deployment.update(&Change { url: Some(url), ..Change::default() });
    for kind in ["order.created", "air.order.changed"] {
        deployment.an_hour_ago(kind);
    }
    let replay = format!("duffel-hooks replay --stack {} --since 1d --failed", deployment.stack.name);
    let says = [
        "1 × 202, 2 × 401",
        "the last accepted 2",
        "2 events still undelivered",
        "store this webhook's secret in the stack's",
        &replay,
    ];
    assert_only(&deployment.found().await, "deliveries", &says);
}

#[tokio::test]
async fn failed_deliveries_before_an_accepted_one_are_a_warning() {
    let deployment = Deployment::new().await;
    let url = deployment.stack.output(Output::WebhookUrl).to_owned();
    deployment.update(&Change { url: Some("http://127.0.0.1:1/".to_owned()), ..Change::default() });
    deployment.an_hour_ago("order.created");
    deployment.update(&Change { url: Some(url), ..Change::default() });
    deployment.duffel.occur("order.created", &json!({ "id": "ord_2" }));
    let (not_ok, code) = deployment.found().await;
    assert!(not_ok.len() == 1 && not_ok[0].starts_with("deliveries WARN "), "{not_ok:#?}");
    let says = "1 × 202, 1 × no response";
    assert!(not_ok[0].contains(says) && not_ok[0].contains("1 event still undelivered"), "{not_ok:#?}");
    let command = format!("duffel-hooks replay --stack {} --since 1d --failed", deployment.stack.name);
    assert!(not_ok[0].ends_with(&command), "{not_ok:#?}");
    assert_eq!(code, 0);
}

#[tokio::test]
async fn failed_deliveries_of_events_that_arrived_later_are_ignored() {
    let deployment = Deployment::new().await;
    let url = deployment.stack.output(Output::WebhookUrl).to_owned();
    deployment.update(&Change { url: Some("http://127.0.0.1:1/".to_owned()), ..Change::default() });
    let event = deployment.an_hour_ago("order.created");
    deployment.update(&Change { url: Some(url), ..Change::default() });
    assert_eq!(deployment.duffel.retry_failed(), 1);
    assert_eq!(deployment.duffel.attempts(&event), [None, Some(202)]);
    assert_eq!(deployment.found().await, (vec![], 0));
}

#[tokio::test]
async fn failed_ping_does_not_suggest_a_replay() {
    let deployment = Deployment::healthy().await;
    let url = deployment.stack.output(Output::WebhookUrl).to_owned();
    deployment.update(&Change { url: Some("http://127.0.0.1:1/".to_owned()), ..Change::default() });
    assert!(deployment.client().ping_webhook(&deployment.webhook).is_err());
    deployment.update(&Change { url: Some(url), ..Change::default() });
    let found = deployment.found().await;
    assert_only(&found, "deliveries", &["1 × 202, 1 × no response", "check that the URL can be reached"]);
    assert!(!found.0[0].contains("replay"), "{found:#?}");
}

#[tokio::test]
async fn dead_letters_are_found() {
    let deployment = Deployment::healthy().await;
    deployment.stack.put(Output::DeadLetterQueueUrl, "ord_1", 1).await;
    let fix = format!("dlq show --stack {}", deployment.stack.name);
    assert_only(&deployment.found().await, "dead letters", &["1 that the consumer failed to process", &fix]);
}

#[tokio::test]
async fn ledger_without_ttl_is_found() {
    let deployment = Deployment::healthy().await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&sdk_config().await);
    let table = deployment.stack.output(Output::LedgerTableName);
    let off = TimeToLiveSpecification::builder().attribute_name("expires_at").enabled(false).build().unwrap();
    let request = dynamodb.update_time_to_live().table_name(table).time_to_live_specification(off);
    request.send().await.unwrap();
    assert_only(
        &deployment.found().await,
        "ledger expiry",
        &["it is off", "aws dynamodb update-time-to-live"],
    );
}

#[tokio::test]
async fn missing_ledger_table_is_found() {
    let deployment = Deployment::healthy().await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&sdk_config().await);
    let table = deployment.stack.output(Output::LedgerTableName);
    dynamodb.delete_table().table_name(table).send().await.unwrap();
    let (not_ok, code) = deployment.found().await;
    assert_eq!(not_ok.len(), 2, "{not_ok:#?}");
    assert!(not_ok[0].starts_with("ledger FAIL ") && not_ok[0].contains("is not there"), "{not_ok:#?}");
    assert!(not_ok[1].starts_with("ledger expiry ERROR "), "{not_ok:#?}");
    assert_eq!(code, 1);
}

#[tokio::test]
async fn a_queue_without_its_dead_letter_queue_is_found() {
    let deployment = Deployment::healthy().await;
    let stack = &deployment.stack;
    let other = json!({ "deadLetterTargetArn": stack.output(Output::QueueArn), "maxReceiveCount": 5 });
    let request = stack.sqs.set_queue_attributes().queue_url(stack.output(Output::QueueUrl));
    request.attributes(QueueAttributeName::RedrivePolicy, other.to_string()).send().await.unwrap();
    assert_only(&deployment.found().await, "queue", &["not the stack's"]);
}

/// Replaces the stack by one that uses the queue or the table of the old one.
async fn adopt(deployment: &mut Deployment, parameters: &[(&str, Output)]) {
    let url = deployment.stack.output(Output::WebhookUrl).to_owned();
    let old = std::mem::replace(&mut deployment.stack, Deployed::new(&url).await);
    let parameters: Vec<_> = parameters.iter().map(|(name, output)| (*name, old.output(*output))).collect();
    deployment.stack = monitored(&url, &parameters).await;
    deployment.put_secret(&deployment.secret).await;
}

#[tokio::test]
async fn stack_with_existing_queues_and_table_is_healthy() {
    let mut deployment = Deployment::healthy().await;
    let parameters = [
        ("LedgerTableName", Output::LedgerTableName),
        ("EventQueueUrl", Output::QueueUrl),
        ("EventQueueArn", Output::QueueArn),
        ("DeadLetterQueueArn", Output::DeadLetterQueueArn),
    ];
    adopt(&mut deployment, &parameters).await;
    assert_eq!(deployment.found().await, (vec![], 0));
}

#[tokio::test]
async fn unknown_dead_letter_queue_is_a_warning() {
    let mut deployment = Deployment::healthy().await;
    adopt(&mut deployment, &[("EventQueueUrl", Output::QueueUrl), ("EventQueueArn", Output::QueueArn)]).await;
    let (not_ok, code) = deployment.found().await;
    assert_eq!(not_ok.len(), 1, "{not_ok:#?}");
    assert!(not_ok[0].starts_with("dead letters WARN not checked: "), "{not_ok:#?}");
    assert!(not_ok[0].contains("DeadLetterQueueArn"), "{not_ok:#?}");
    assert_eq!(code, 0);

    // The queue itself is still checked.
    let stack = &deployment.stack;
    let request = stack.sqs.set_queue_attributes().queue_url(stack.output(Output::QueueUrl));
    request.attributes(QueueAttributeName::RedrivePolicy, "").send().await.unwrap();
    let (not_ok, code) = deployment.found().await;
    assert!(not_ok[0].starts_with("queue FAIL it has no redrive policy"), "{not_ok:#?}");
    assert!(not_ok[0].contains("its owner must change it"), "{not_ok:#?}");
    assert_eq!(code, 1);
}

#[tokio::test]
async fn slow_consumer_is_found() {
    let deployment = Deployment::healthy().await;
    put_age(&deployment.stack, 5, 901).await;
    put_age(&deployment.stack, 2, 60).await;
    assert_eq!(deployment.found().await, (vec![], 0), "the newest figure counts");
    put_age(&deployment.stack, 0, 901).await;
    assert_only(&deployment.found().await, "oldest event", &["waited 15m 1s"]);
}

/// Puts the metric of SQS for the age of the oldest message, as of some minutes ago.
async fn put_age(stack: &Deployed, minutes_ago: u64, seconds: u64) {
    let queue = stack.output(Output::QueueUrl).rsplit('/').next().unwrap();
    let dimension = Some(("QueueName", queue));
    put_metric("AWS/SQS", "ApproximateAgeOfOldestMessage", dimension, minutes_ago, seconds).await;
}

/// Puts a value of a metric, as of some minutes ago.
async fn put_metric(
    namespace: &str,
    name: &str,
    dimension: Option<(&str, &str)>,
    minutes_ago: u64,
    value: u64,
) {
    let at = unix_seconds(SystemTime::now() - Duration::from_mins(minutes_ago));
    let dimensions: Vec<_> =
        dimension.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let metric = json!([{ "MetricName": name, "Dimensions": dimensions, "Value": value, "Timestamp": at }]);
    cloudwatch("PutMetricData", &json!({ "Namespace": namespace, "MetricData": metric })).await;
}

/// Calls `CloudWatch`.
async fn cloudwatch(operation: &str, body: &Value) {
    let scope = format!("{}/20261121/{}/monitoring/aws4_request", ministack::ACCESS_KEY, ministack::REGION);
    let (target, body) = (format!("GraniteServiceVersion20100801.{operation}"), body.to_string());
    let sent = tokio::task::spawn_blocking(move || {
        ureq::post(ministack::endpoint())
            .header(
                "Authorization",
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
            )
            .header("Content-Type", "application/x-amz-json-1.0")
            .header("X-Amz-Target", target)
            .send(body)
            .unwrap()
            .status()
    });
    assert_eq!(sent.await.unwrap(), 200);
}

/// A stack with the alarms that its template has, which notify a topic that has a recipient.
async fn monitored(url: &str, parameters: &[(&str, &str)]) -> Deployed {
    let stack = Deployed::with(url, parameters).await;
    let sns = aws_sdk_sns::Client::new(&sdk_config().await);
    let topic = sns.create_topic().name(format!("{}-alarms", stack.name)).send().await.unwrap();
    let topic = topic.topic_arn().unwrap();
    let request = sns.subscribe().topic_arn(topic).protocol("sqs");
    request.endpoint("arn:aws:sqs:eu-west-1:000000000000:pager").send().await.unwrap();
    for alarm in ["DeadLetterAlarm", "SlowAlarm", "UnauthorizedAlarm"] {
        monitoring::put_alarm(&stack.name, alarm, &[topic]).await;
    }
    stack
}

#[tokio::test]
async fn wrong_clock_is_found() {
    let mut deployment = Deployment::healthy().await;
    let address = listen(|_| async {
        let date = httpdate::fmt_http_date(SystemTime::now() - Duration::from_mins(10));
        let answer = Response::builder().status(401).header("Date", date);
        Ok::<_, std::io::Error>(answer.body(r#"{"status":"unauthorized"}"#.to_owned()).unwrap())
    });
    let url = format!("http://{}/webhooks/duffel", address.await);
    deployment.stack = monitored(&url, &[]).await;
    deployment.put_secret(&deployment.secret).await;
    deployment.update(&Change { url: Some(url), ..Change::default() });
    assert_only(&deployment.found().await, "clock", &["this machine's clock is", "ahead of the receiver's"]);
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_found() {
    let mut deployment = Deployment::healthy().await;
    deployment.stack = monitored("http://127.0.0.1:1/webhooks/duffel", &[]).await;
    deployment.put_secret(&deployment.secret).await;
    let url = Some("http://127.0.0.1:1/webhooks/duffel".to_owned());
    deployment.update(&Change { url, ..Change::default() });
    assert_only(&deployment.found().await, "receiver", &["no response from http://127.0.0.1:1/"]);
}

#[tokio::test]
async fn missing_permission_is_named_and_the_other_checks_run() {
    let deployment = Deployment::healthy().await;
    for (call, check) in [
        ("secretsmanager:GetSecretValue", "secret"),
        ("sqs:GetQueueAttributes", "queue"),
        ("cloudwatch:DescribeAlarms", "alarms"),
        ("cloudwatch:GetMetricStatistics", "oldest event"),
        ("dynamodb:DescribeTable", "ledger"),
        ("dynamodb:DescribeTimeToLive", "ledger expiry"),
        ("lambda:GetAccountSettings", "concurrency"),
        ("sns:ListSubscriptionsByTopic", "notification"),
    ] {
        let proxy = Proxy::new().await;
        proxy.inject(call, [AwsFault::Refuse(400, "AccessDeniedException")]);
        let mut doctor = deployment.doctor();
        doctor.env("AWS_ENDPOINT_URL", &proxy.endpoint);
        let (not_ok, code) = found(doctor).await;
        let says = format!("{check} ERROR could not be checked: the permission {call} is missing -> -");
        assert!(not_ok.contains(&says), "{not_ok:#?} does not say {says}");
        let number = match check {
            // With consumer and dead letters; with consumer, function and duplicates.
            "queue" => 3,
            "oldest event" => 4,
            "alarms" => 2,
            _ => 1,
        };
        assert_eq!(not_ok.len(), number, "{not_ok:#?}");
        assert_eq!(code, 1);
    }
}

#[tokio::test]
async fn an_access_token_that_duffel_refuses_is_found() {
    let deployment = Deployment::healthy().await;
    let mut doctor = deployment.doctor();
    doctor.env("DUFFEL_ACCESS_TOKEN", "duffel_test_other");
    let done = doctor.output().unwrap();
    let lines = text(&done.stdout);
    let not_ok: Vec<_> = lines.lines().filter(|line| !line.starts_with("OK    ")).collect();
    assert_eq!(not_ok[1..], ["15 passed, 0 warnings, 1 failed."], "{lines}");
    assert!(not_ok[0].starts_with("FAIL  webhook, deliveries  Duffel answered 401"), "{lines}");
    assert_eq!(done.status.code(), Some(1));
}

#[tokio::test]
async fn without_the_stack_the_webhook_is_not_checked() {
    let deployment = Deployment::healthy().await;
    let proxy = Proxy::new().await;
    proxy.inject("cloudformation:DescribeStacks", [AwsFault::Refuse(403, "AccessDenied")]);
    let mut denied = deployment.doctor();
    denied.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    let mistyped = deployment.doctor_of("hoks");
    let mut out_of_reach = deployment.doctor();
    out_of_reach.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let mut without_credentials = deployment.doctor();
    without_credentials.env_remove("AWS_ACCESS_KEY_ID").env("AWS_EC2_METADATA_DISABLED", "true");
    for (doctor, state, says) in [
        (denied, "ERROR", "the permission cloudformation:DescribeStacks is missing"),
        (mistyped, "FAIL ", "there is no stack hoks in "),
        (out_of_reach, "ERROR", "cloudformation:DescribeStacks was not answered"),
        (without_credentials, "ERROR", "no AWS credentials were found"),
    ] {
        let done = tool::run(doctor).await;
        assert_eq!(done.status.code(), Some(1));
        let lines = text(&done.stdout);
        let not_ok: Vec<_> = lines.lines().filter(|line| !line.starts_with("OK    ")).collect();
        assert!(not_ok[0].starts_with(&format!("{state} stack ")) && not_ok[0].contains(says), "{lines}");
        let (closing, not_ok) = not_ok.split_last().unwrap();
        assert!(
            closing.ends_with("passed, 3 warnings, 1 failed.")
                || closing.ends_with(" 0 failed, 1 could not be made."),
            "{lines}"
        );
        assert!(not_ok[1..].iter().all(|line| line.starts_with("WARN  ") && line.contains("not checked")));
        assert!(lines.contains("WARN  webhook, deliveries  not checked: without the stack"), "{lines}");
        assert!(!lines.contains("duffel-hooks webhooks"), "{lines}");
    }
}

#[tokio::test]
async fn without_an_access_token_duffel_is_left_out_with_a_warning() {
    let deployment = Deployment::healthy().await;
    let mut doctor = deployment.doctor();
    let done = doctor.env_remove("DUFFEL_ACCESS_TOKEN").output().unwrap();
    let lines = text(&done.stdout);
    let not_ok: Vec<_> = lines.lines().filter(|line| !line.starts_with("OK    ")).collect();
    let reason = "DUFFEL_ACCESS_TOKEN is not set, so Duffel was not queried";
    let closing = "15 passed, 1 warning, 0 failed.";
    assert_eq!(not_ok, [format!("WARN  webhook, deliveries  not checked: {reason}"), closing.to_owned()]);
    assert_eq!(done.status.code(), Some(0));
}
