//! Which lines each metric filter of the stack counts, and which it does not.

use std::collections::{BTreeMap, BTreeSet};

use duffel_webhook_receiver::http::Cause;
use serde_json::{Value, json};

use super::{Delivery, Env, causes::lines_of_every_cause, function};
use crate::support::{
    cloudformation::Template,
    metrics::{Counted, counted},
    ministack::Backend,
    proxy::{AwsFault, Proxy},
    runtime_api::Function,
    test_receiver::{ORDER_CREATED, SECRET},
};

/// The metric that counts each cause, beside those of every delivery.
const OF_CAUSES: [(&str, Option<&str>); 25] = [
    ("missing", None),
    ("malformed", Some("UnauthorizedDeliveries")),
    ("mismatch", Some("UnauthorizedDeliveries")),
    ("stale", Some("UnauthorizedDeliveries")),
    ("future", Some("UnauthorizedDeliveries")),
    ("mode", Some("UnauthorizedDeliveries")),
    ("body", Some("UnauthorizedDeliveries")),
    ("network", Some("UnauthorizedDeliveries")),
    ("unknown_address", Some("UnauthorizedDeliveries")),
    ("event", Some("SignedRefusals")),
    // Refused before the signature: anybody can send one.
    ("too_large_body", None),
    ("too_large_message", Some("SignedRefusals")),
    ("secret", None),
    ("ledger", None),
    ("queue", None),
    ("unknown_source", None),
    ("unknown_base_path", None),
    ("unknown_path", None),
    ("unreadable_event", None),
    ("other_event_id", Some("DifferingDuplicates")),
    ("other_event_type", Some("DifferingDuplicates")),
    ("other_body", Some("DifferingDuplicates")),
    ("not_extended", Some("Unrecorded")),
    ("unrecorded", Some("Unrecorded")),
    ("undecided", None),
];

fn of_receiver(line: &str) -> BTreeMap<String, Counted> {
    counted(&Template::read(), "ReceiverLogGroup", line)
}

fn names(counted: &BTreeMap<String, Counted>) -> BTreeSet<&str> {
    counted.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn each_delivery_is_counted_by_its_cause_and_by_nothing_else() {
    assert!(OF_CAUSES.iter().map(|(cause, _)| *cause).eq(Cause::ALL.iter().map(|cause| cause.word())));
    let (mut seen, mut cold) = (BTreeSet::new(), 0);
    for text in lines_of_every_cause().await {
        let line: Value = serde_json::from_str(&text).unwrap();
        let Some(outcome) = line["outcome"].as_str() else {
            // The start warns of a weak scheme, which is no failure.
            let expected = if line["level"] == "WARN" { BTreeSet::new() } else { ["SecretFailures"].into() };
            assert_eq!(names(&of_receiver(&text)), expected, "{text}");
            continue;
        };
        let mut expected: BTreeSet<_> = [
            ("LedgerMs", line.get("ledger_ms").is_some()),
            ("QueueMs", line.get("queue_ms").is_some()),
            ("ColdStarts", line["cold"] == true),
            ("Deliveries", line.get("source").is_some()),
            ("Accepted", outcome == "accepted"),
        ]
        .into_iter()
        .filter_map(|(metric, counts)| counts.then_some(metric))
        .collect();
        if let Some(cause) = line["cause"].as_str() {
            let (_, metric) = OF_CAUSES.iter().find(|(known, _)| *known == cause).unwrap();
            expected.extend(metric);
        }
        let counted = of_receiver(&text);
        assert_eq!(names(&counted), expected, "{text}");
        for (metric, field) in [("LedgerMs", "ledger_ms"), ("QueueMs", "queue_ms")] {
            let value = counted.get(metric).map(|counted| counted.value);
            assert_eq!(value, line[field].as_f64(), "{text}");
        }
        if let Some(deliveries) = counted.get("Deliveries") {
            assert!(["duffel", "code"].contains(&line["source"].as_str().unwrap()), "{text}");
            let dimensions = json!({ "source": line["source"], "outcome": outcome });
            assert_eq!(json!(deliveries.dimensions), dimensions, "{text}");
        }
        cold += usize::from(counted.contains_key("ColdStarts"));
        seen.extend(expected);
    }
    let all = [
        "Accepted",
        "ColdStarts",
        "Deliveries",
        "DifferingDuplicates",
        "LedgerMs",
        "QueueMs",
        "SignedRefusals",
        "UnauthorizedDeliveries",
        "Unrecorded",
    ];
    assert_eq!(seen, all.into());
    assert_eq!(cold, 5, "one for each process");
}

/// Whoever does not know the secret is counted where an alarm has a threshold, and nowhere else.
#[tokio::test]
async fn a_stranger_counts_in_no_metric_of_an_alarm_without_a_threshold() {
    let mut env = Env::new().await;
    let order = Delivery::new(ORDER_CREATED);
    let old = order.sign("forged", "v2", 9 * 24 * 60 * 60);
    for delivery in [
        order.clone().unsigned(),
        order.clone().signature("x"),
        order.clone().signed_with("forged"),
        order.clone().signature(&old),
        Delivery::new("{").signed_with("forged"),
        Delivery::new("x".repeat(1_048_577)).signed_with("forged"),
        Delivery::new("x".repeat(1_048_576)).signed_with("forged"),
        order.clone().to("POST", "/webhooks/nobody"),
        order.clone().to("POST", "/wp-login.php"),
        order.clone().to("GET", "/webhooks/duffel"),
    ] {
        assert!((400..500).contains(&env.deliver(&delivery).await.0));
    }
    let lines = env.function.lines();
    assert_eq!(lines.len(), 10, "{lines:#?}");
    let counted: Vec<_> = lines.iter().map(|line| of_receiver(line)).collect();
    let metrics: BTreeSet<_> = counted.iter().flat_map(names).collect();
    assert_eq!(metrics, ["ColdStarts", "Deliveries", "UnauthorizedDeliveries"].into());
}

/// What is not a delivery, and what answers before there is one.
#[tokio::test]
async fn other_requests_are_counted_as_cold_starts_only() {
    let mut env = Env::with(&[("AWS_LAMBDA_LOG_LEVEL", "DEBUG")]).await;
    let mut not_base64: Value =
        serde_json::from_str(&Delivery::new("~").to("GET", "/webhooks/duffel").event()).unwrap();
    not_base64["isBase64Encoded"] = true.into();
    let health = Delivery::new("").to("GET", "/health").event();
    for event in [health.clone(), health, not_base64.to_string()] {
        env.function.invoke(event).await;
    }
    let lines = env.function.lines();
    let counted: Vec<_> = lines.iter().map(|line| of_receiver(line)).collect();
    let names: Vec<_> = counted.iter().map(names).collect();
    assert_eq!(names, [["ColdStarts"].into(), [].into(), [].into()], "{lines:#?}");
}

/// The lines of a process that does not start.
async fn of_start(variables: &[(&str, &str)]) -> Vec<String> {
    Function::start(variables.iter().copied()).await.exit().await.1
}

#[tokio::test]
async fn secrets_that_cannot_be_read_and_starts_that_fail_are_counted_as_such() {
    let queue = ("QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/events.fifo");
    let [line] = of_start(&[queue]).await.try_into().unwrap();
    assert_eq!(names(&of_receiver(&line)), ["SecretFailures"].into(), "{line}");

    // A secret that cannot be refreshed, after one that could be read.
    let (backend, proxy) = (Backend::new().await, Proxy::new().await);
    let arn = backend.create_secret(Some(SECRET)).await;
    let function = function(&backend, &proxy, &[("WEBHOOK_SECRET_ARN", &arn)]).await;
    let mut env = Env { backend, proxy, function };
    assert_eq!(env.deliver(&Delivery::new(ORDER_CREATED)).await.0, 202);
    env.proxy.inject("secretsmanager:GetSecretValue", [AwsFault::Refuse(400, "AccessDeniedException")]);
    assert_eq!(env.deliver(&Delivery::new(ORDER_CREATED).signed_with("forged")).await.0 / 100, 4);
    let lines = env.function.lines();
    let failures: Vec<_> =
        lines.iter().filter(|line| of_receiver(line).contains_key("SecretFailures")).collect();
    let [failure] = failures[..] else { panic!("{lines:#?}") };
    assert!(failure.contains("the secrets were not refreshed"), "{failure}");

    // Two stored secrets that are the same.
    let backend = Backend::new().await;
    let arns = [backend.create_secret(Some("hush")).await, backend.create_secret(Some("hush")).await];
    let source = |arn: &String| json!({ "scheme": "hmac-sha256", "secret_arn": arn });
    let sources = json!({ "one": source(&arns[0]), "two": source(&arns[1]) }).to_string();
    let mut env = Env::of(backend, &[("SOURCES", &sources)]).await;
    env.deliver(&Delivery::new("x").unsigned().to("POST", "/webhooks/one")).await;
    let lines = env.function.lines();
    let failures: Vec<_> =
        lines.iter().filter(|line| of_receiver(line).contains_key("SecretFailures")).collect();
    let [failure] = failures[..] else { panic!("{lines:#?}") };
    assert!(failure.contains("is also one of source"), "{failure}");
}

/// Warnings at the start, and what Lambda itself writes into the same group:
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>.
#[tokio::test]
async fn warnings_and_the_platforms_lines_are_not_counted() {
    let mut env = Env::with(&[("LEDGER_TABLE", ""), ("WEBHOOK_SECRET", "two words")]).await;
    env.deliver(&Delivery::new(ORDER_CREATED).unsigned()).await;
    let lines = env.function.lines();
    assert!(lines.len() > 2, "{lines:#?}");
    for line in &lines[..lines.len() - 1] {
        assert_eq!(names(&of_receiver(line)), [].into(), "{line}");
    }
    for line in [
        r#"{"time":"2026-11-21T12:00:00.000Z","type":"platform.report","record":{"requestId":"8476a536","status":"timeout","metrics":{"durationMs":10000.0,"billedDurationMs":10000,"memorySizeMB":256,"maxMemoryUsedMB":40}}}"#,
        r#"{"time":"2026-11-21T12:00:00.000Z","type":"platform.initReport","record":{"initializationType":"on-demand","phase":"init","status":"error","errorType":"Runtime.ExitError","metrics":{"durationMs":125.3}}}"#,
        r#"{"timestamp":"2026-11-21T12:00:00.000Z","log":"thread 'main' panicked","requestId":"8476a536"}"#,
        "2026-11-21T12:00:00.000Z 8476a536 Task timed out after 10.01 seconds",
        "",
    ] {
        assert_eq!(names(&of_receiver(line)), [].into(), "{line}");
    }
}

/// A line of the access log, as API Gateway makes it of the template's format.
fn access(values: &[(&str, &str)]) -> String {
    let template = Template::read();
    let format = template.property("HttpApi", "AccessLogSettings")["Format"].as_str().unwrap();
    let line = values.iter().fold(format.to_owned(), |line, (name, value)| {
        let variable = format!("\"$context.{name}\"");
        assert!(line.contains(&variable), "{name} is not in the access log");
        line.replace(&variable, &json!(value).to_string())
    });
    let mut parts = line.split("\"$context.");
    let first = parts.next().unwrap().to_owned();
    // What has no value is a hyphen.
    let line = parts.fold(first, |line, part| format!("{line}\"-\"{}", part.split_once('"').unwrap().1));
    serde_json::from_str::<Value>(&line).unwrap();
    line
}

#[test]
fn only_deliveries_that_the_gateway_throttles_are_counted_in_its_log() {
    let delivery = "POST /webhooks/{source}";
    for (status, route, is_counted) in [
        ("429", delivery, true),
        // Should it log a throttled request without its route.
        ("429", "-", true),
        // Other requests, which have a limit of their own.
        ("429", "$default", false),
        ("202", delivery, false),
        ("401", delivery, false),
        ("503", delivery, false),
        ("404", "$default", false),
    ] {
        let line = access(&[("status", status), ("routeKey", route), ("identity.sourceIp", "429.429.0.1")]);
        let counted = counted(&Template::read(), "ApiLogGroup", &line);
        let expected: BTreeSet<_> = is_counted.then_some("Throttled").into_iter().collect();
        assert_eq!(names(&counted), expected, "{line}");
    }
    // The log of the receiver has numbers, and the access log texts.
    let both = counted(&Template::read(), "ApiLogGroup", &access(&[("status", "202")]));
    assert_eq!(names(&both), [].into());
}
