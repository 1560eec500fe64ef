//! Sources in stored secrets (`SOURCES_ARN`): the start, the refresh, and documents with mistakes.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use duffel_webhook_receiver::{
    aws::{self, Destination, DynamoLedger},
    config::Config,
    http::{RequestContext, respond},
    receive::{
        Receiver,
        refresh::{MAX_AGE, MIN_INTERVAL},
    },
    time::unix_seconds,
};
use http::Request;
use serde_json::{Map, Value, json};

use super::{Delivery, Env, function};
use crate::support::{
    cloudformation::Template,
    metrics::counted,
    ministack::{Backend, sdk_config},
    proxy::{AwsFault, Moment, Proxy},
    test_receiver::{answer, duffel_header, event},
};

const GET_SECRET: &str = "secretsmanager:GetSecretValue";

/// A document of Duffel's sources, each with its secret.
fn document(sources: &[(&str, &str)]) -> String {
    let source =
        |(name, secret): &(&str, &str)| ((*name).to_owned(), json!({ "scheme": "duffel", "secret": secret }));
    Value::Object(sources.iter().map(source).collect::<Map<_, _>>()).to_string()
}

/// A delivery to a source, of an event of its own for each id.
fn delivery(source: &str, secret: &str, id: &str) -> Delivery {
    let body = event("order.created", "wev_1", &format!("ord_{id}"));
    Delivery::new(body).signed_with(secret).to("POST", &format!("/webhooks/{source}"))
}

/// The function with secrets that have these values.
async fn env(documents: &[Option<&str>]) -> (Env, Vec<String>) {
    let backend = Backend::new().await;
    let mut arns = Vec::new();
    for document in documents {
        arns.push(backend.create_secret(*document).await);
    }
    let env = Env::of(backend, &[("SOURCES_ARN", &arns.join(", "))]).await;
    (env, arns)
}

/// The messages of the lines of a level that are not about a delivery, each of which says nothing of a secret.
fn messages(env: &mut Env, level: &str) -> Vec<String> {
    let lines = env.function.lines();
    assert!(!lines.concat().contains("planted"), "{lines:?}");
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_level = lines.filter(|line| line["level"] == level && line.get("outcome").is_none());
    of_level.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_source_has_its_secret_in_any_of_the_stored_secrets() {
    let one = json!({
        "acme": { "scheme": "duffel", "secret": ["planted 1", "planted 2"] },
        "filtered": { "scheme": "duffel", "secret": "planted 3", "event_types": ["ping.*"] },
    });
    let (env, _) = env(&[Some(&one.to_string()), Some(&document(&[("globex", "planted 4")]))]).await;
    for (source, secret, expected) in [
        ("acme", "planted 1", answer(202, "accepted")),
        ("acme", "planted 2", answer(202, "accepted")),
        ("acme", "planted 4", answer(401, "unauthorized")),
        ("globex", "planted 4", answer(202, "accepted")),
        ("filtered", "planted 3", answer(200, "ignored")),
        ("initech", "planted 4", answer(404, "not_found")),
    ] {
        assert_eq!(env.deliver(&delivery(source, secret, secret)).await, expected, "{source} {secret}");
    }
    assert_eq!(env.backend.messages().await.len(), 3);
}

#[tokio::test]
async fn a_new_source_is_found_at_once_and_is_logged() {
    let (mut env, arns) = env(&[Some(&document(&[("acme", "planted")]))]).await;
    assert_eq!(env.deliver(&delivery("acme", "planted", "1")).await.0, 202);
    env.backend.put_secret(&arns[0], &document(&[("acme", "planted"), ("globex", "planted 2")])).await;
    assert_eq!(env.deliver(&delivery("globex", "planted 2", "1")).await.0, 202);
    assert_eq!(env.deliver(&delivery("acme", "planted", "2")).await.0, 202);
    let expected = "the sources were refreshed: 2 in all, 1 new, 0 changed, 0 removed";
    assert_eq!(messages(&mut env, "INFO"), [expected]);
}

#[tokio::test]
async fn a_changed_secret_works_at_once_and_the_one_before_no_more() {
    let (env, arns) = env(&[Some(&document(&[("acme", "planted")]))]).await;
    assert_eq!(env.deliver(&delivery("acme", "planted", "1")).await.0, 202);
    env.backend.put_secret(&arns[0], &document(&[("acme", "planted 2")])).await;
    assert_eq!(env.deliver(&delivery("acme", "planted 2", "2")).await.0, 202);
    // The version before is not read: what was removed must not stay active.
    assert_eq!(env.deliver(&delivery("acme", "planted", "3")).await.0, 401);
}

#[tokio::test]
async fn strangers_do_not_flood_secrets_manager() {
    let document = document(&[("acme", "planted")]);
    let (env, _) = env(&[Some(&document), Some("{}")]).await;
    assert_eq!(env.deliver(&delivery("acme", "planted", "1")).await.0, 202);
    let at_start = env.proxy.calls()[GET_SECRET];
    assert_eq!(at_start, 2);
    for path in ["/", "/wp-login.php", "/health", "/prod/webhooks/acme"] {
        env.deliver(&delivery("acme", "planted", "1").to("GET", path)).await;
    }
    assert_eq!(env.proxy.calls()[GET_SECRET], at_start, "none of them can be a source");
    for number in 0..20 {
        assert_eq!(env.deliver(&delivery(&format!("guess-{number}"), "planted", "1")).await.0, 404);
        assert_eq!(env.deliver(&delivery("acme", "forged", "1")).await.0, 401);
    }
    assert_eq!(env.proxy.calls()[GET_SECRET], at_start + 2);
}

/// Documents with one mistake, and what the error names.
fn mistakes() -> [(String, &'static str); 8] {
    let with =
        |fields: &str| format!(r#"{{"acme":{{"scheme":"duffel","secret":"planted"}},"globex":{fields}}}"#);
    [
        (with(r#"{"scheme":"nope","secret":"planted 2"}"#), r#"globex: scheme "nope" is not known"#),
        (with(r#"{"scheme":"duffel"}"#), "globex: secret is required"),
        (with(r#"{"scheme":"duffel","secret":" "}"#), "globex: secret is not a string"),
        (with(r#"{"scheme":"duffel","secret_arn":"arn:planted"}"#), "globex: secret_arn must not be set"),
        // The secret of another customer.
        (with(r#"{"scheme":"github","secret":["x","planted"]}"#), "globex: secret is that of acme too"),
        (
            with(r#"{"scheme":"duffel","secret":"planted 2","allowed_ips":["10.0.0.1/8"]}"#),
            "globex: allowed_ips",
        ),
        (
            with(r#"{"scheme":"duffel","secret":"planted 2""#),
            "must be a JSON object of objects (line 1, column",
        ),
        ("{}".to_owned(), "it has no source"),
    ]
}

#[tokio::test]
async fn a_mistake_keeps_the_last_good_sources_and_raises_the_alarm() {
    let (template, good) = (Template::read(), document(&[("acme", "planted"), ("umbrella", "planted 3")]));
    for (document, named) in mistakes() {
        let (mut env, arns) = env(&[Some(&good)]).await;
        assert_eq!(env.deliver(&delivery("acme", "planted", "0")).await.0, 202, "{named}");
        env.backend.put_secret(&arns[0], &document).await;
        assert_eq!(env.deliver(&delivery("globex", "planted 2", "1")).await.0, 404, "{named}");
        assert_eq!(env.deliver(&delivery("acme", "planted", "1")).await.0, 202, "{named}");
        assert_eq!(env.deliver(&delivery("umbrella", "planted 3", "1")).await.0, 202, "{named}");
        let lines = env.function.lines();
        let errors: Vec<_> = lines.iter().filter(|line| line.contains(r#""level":"ERROR""#)).collect();
        let [error] = &errors[..] else { panic!("{errors:?}") };
        let text = serde_json::from_str::<Value>(error).unwrap()["message"].to_string();
        assert!(
            text.contains(&named.replace('"', "\\\"")) && text.contains("SOURCES_ARN"),
            "{named}: {text}"
        );
        assert!(!lines.concat().contains("planted"), "{lines:?}");
        let counted = counted(&template, "ReceiverLogGroup", error);
        assert_eq!(counted.keys().collect::<Vec<_>>(), ["SecretFailures"]);
    }
}

#[tokio::test]
async fn nothing_is_forwarded_until_the_sources_are_valid() {
    for (document, named) in mistakes() {
        let (mut env, arns) = env(&[Some(&document)]).await;
        assert_eq!(
            env.deliver(&delivery("acme", "planted", "1")).await,
            answer(503, "unavailable"),
            "{named}"
        );
        assert_eq!(env.deliver(&delivery("nobody", "planted", "1")).await.0, 503, "{named}");
        assert_eq!(env.deliver(&delivery("acme", "planted", "1").to("GET", "/health")).await.0, 200);
        assert_eq!(env.deliver(&delivery("acme", "planted", "1").to("POST", "/other")).await.0, 404);
        assert_eq!(env.backend.queued().await, 0);
        let errors = messages(&mut env, "ERROR");
        assert!(errors[0].starts_with("deliveries are answered 503 until"), "{errors:?}");
        assert!(errors.iter().all(|error| error.contains(named)), "{errors:?}");
        drop(arns);
    }
}

#[tokio::test]
async fn what_is_corrected_after_the_start_works_at_once() {
    let (env, arns) = env(&[None]).await;
    env.backend.put_secret(&arns[0], &document(&[("acme", "planted")])).await;
    assert_eq!(env.deliver(&delivery("acme", "planted", "1")).await.0, 202);
}

#[tokio::test]
async fn a_refused_delivery_without_sources_has_the_cause_secret() {
    let (mut env, _) = env(&[None]).await;
    assert_eq!(env.deliver(&delivery("acme", "planted", "1")).await.0, 503);
    let line: Value = serde_json::from_str(env.function.lines().last().unwrap()).unwrap();
    assert_eq!((&line["cause"], &line["error"]), (&json!("secret"), &json!("the sources could not be read")));
    assert!(line.get("source").is_none(), "the name is the sender's: {line}");
}

#[tokio::test]
async fn start_without_secrets_manager_does_not_crash() {
    for fault in [AwsFault::Hang, AwsFault::Down, AwsFault::Refuse(400, "AccessDeniedException")] {
        let (backend, proxy) = (Backend::new().await, Proxy::new().await);
        let arn = backend.create_secret(Some(&document(&[("acme", "planted")]))).await;
        proxy.inject(GET_SECRET, [fault]);
        let function = function(&backend, &proxy, &[("SOURCES_ARN", &arn)]).await;
        let mut env = Env { backend, proxy, function };
        assert_eq!(env.deliver(&delivery("acme", "planted", "1")).await.0, 503, "{fault:?}");
        let errors = messages(&mut env, "ERROR");
        assert!(errors[0].contains("Secrets Manager did not give secret 1 of SOURCES_ARN"), "{errors:?}");
    }
}

#[tokio::test]
async fn a_name_is_that_of_one_source_over_all_secrets() {
    let (one, other) = (document(&[("acme", "planted")]), document(&[("acme", "planted 2")]));
    let (mut env, _) = env(&[Some(&one), Some(&other)]).await;
    assert_eq!(env.deliver(&delivery("acme", "planted", "1")).await.0, 503);
    let errors = messages(&mut env, "ERROR");
    assert!(errors[0].ends_with("acme appears twice: in secret 1 and secret 2"), "{errors:?}");
}

#[tokio::test]
async fn binary_secret_is_reported_as_binary() {
    let backend = Backend::new().await;
    let arn = backend.create_binary_secret(document(&[("acme", "planted")]).as_bytes()).await;
    let mut env = Env::of(backend, &[("SOURCES_ARN", &arn)]).await;
    assert_eq!(env.deliver(&delivery("acme", "planted", "1")).await.0, 503);
    let errors = messages(&mut env, "ERROR");
    assert!(errors[0].contains("secret 1 of SOURCES_ARN holds bytes"), "{errors:?}");
}

/// A thousand sources in two secrets, each of which holds at most 64 KiB.
fn thousand() -> [String; 2] {
    [0..500, 500..1_000].map(|numbers| {
        let sources: Vec<_> = numbers.map(|n| (format!("customer-{n}"), format!("{n:0>32}"))).collect();
        let sources: Vec<_> = sources.iter().map(|(name, secret)| (name.as_str(), secret.as_str())).collect();
        let document = document(&sources);
        assert!(document.len() <= 64 << 10, "{}", document.len());
        document
    })
}

#[tokio::test]
async fn a_thousand_sources_are_found_by_their_names() {
    let [one, other] = thousand();
    let (env, arns) = env(&[Some(&one), Some(&other)]).await;
    for number in [0, 1, 499, 500, 998, 999] {
        let (name, secret) = (format!("customer-{number}"), format!("{number:0>32}"));
        assert_eq!(env.deliver(&delivery(&name, &secret, "1")).await.0, 202, "{name}");
        assert_eq!(env.deliver(&delivery(&name, "forged", "1")).await.0, 401, "{name}");
    }
    assert_eq!(env.deliver(&delivery("customer-1000", "x", "1")).await.0, 404);
    drop(arns);
}

/// The receiver as the function composes it, with a simulated clock.
struct Clocked {
    backend: Backend,
    proxy: Proxy,
    arns: Vec<String>,
    receiver: Receiver<Option<DynamoLedger>, Destination>,
    start: SystemTime,
}

impl Clocked {
    async fn of(documents: &[&str]) -> Self {
        let (backend, proxy) = (Backend::new().await, Proxy::new().await);
        let mut arns = Vec::new();
        for document in documents {
            arns.push(backend.create_secret(Some(document)).await);
        }
        let sdk = sdk_config().await.into_builder().endpoint_url(&proxy.endpoint).build();
        let variable = |name: &str| match name {
            "QUEUE_URL" => Some(backend.queue_url.clone()),
            "LEDGER_TABLE" => Some(backend.table.clone()),
            "SOURCES_ARN" => Some(arns.join(",")),
            _ => None,
        };
        let receiver = aws::compose(&sdk, Config::read(variable).unwrap()).await;
        Self { backend, proxy, arns, receiver, start: SystemTime::now() }
    }

    /// The status of a delivery to a source, signed with a secret, some time after the start.
    async fn status(&self, source: &str, secret: &str, after: Duration) -> u16 {
        let now = self.start + after;
        let key = format!("ord_{source}_{}", unix_seconds(now));
        let body = event("order.created", "wev_1", &key);
        let header = duffel_header(secret, "v2", unix_seconds(now), body.as_bytes());
        let request = Request::post(format!("/webhooks/{source}")).header("X-Duffel-Signature", header);
        respond(&self.receiver, request.body(Bytes::from(body)).unwrap(), RequestContext::default(), now)
            .await
            .status()
            .as_u16()
    }

    async fn put(&self, document: &str) {
        self.backend.put_secret(&self.arns[0], document).await;
    }

    fn fetches(&self) -> usize {
        self.proxy.calls()[GET_SECRET]
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_removed_source_is_gone_within_minutes() {
    let clocked = Clocked::of(&[&document(&[("acme", "a"), ("globex", "g")])]).await;
    clocked.put(&document(&[("acme", "a")])).await;
    assert_eq!(clocked.status("globex", "g", MAX_AGE / 2).await, 202);
    assert_eq!(clocked.fetches(), 1);
    assert_eq!(clocked.status("globex", "g", MAX_AGE + SECOND).await, 404);
    assert_eq!(clocked.status("acme", "a", MAX_AGE + SECOND).await, 202);
    assert_eq!(clocked.fetches(), 2);
}

#[tokio::test]
async fn a_stale_filter_is_replaced_within_minutes() {
    let filtered = r#"{"acme":{"scheme":"duffel","secret":"a","event_types":["ping.*"]}}"#;
    let clocked = Clocked::of(&[&document(&[("acme", "a")])]).await;
    clocked.put(filtered).await;
    assert_eq!(clocked.status("acme", "a", MAX_AGE / 2).await, 202);
    assert_eq!(clocked.status("acme", "a", MAX_AGE + SECOND).await, 200);
}

#[tokio::test]
async fn unknown_names_refresh_every_30_s_at_most() {
    let clocked = Clocked::of(&[&document(&[("acme", "a")])]).await;
    assert_eq!(clocked.status("globex", "g", SECOND).await, 404);
    clocked.put(&document(&[("acme", "a"), ("globex", "g")])).await;
    assert_eq!(clocked.status("globex", "g", MIN_INTERVAL).await, 404);
    assert_eq!(clocked.fetches(), 2);
    assert_eq!(clocked.status("globex", "g", MIN_INTERVAL + SECOND).await, 202);
    assert_eq!(clocked.fetches(), 3);
}

#[tokio::test]
async fn an_unchanged_source_stays_the_same() {
    let clocked = Clocked::of(&[&document(&[("acme", "a"), ("globex", "g")])]).await;
    let before = clocked.receiver.sources.all();
    // Another form of the same document, then a change of one source, and then of none.
    for (document, unchanged) in [
        (
            r#"{"globex":{"scheme":"duffel","secret":"g"}, "acme":{"scheme":"duffel","secret":"new"}}"#,
            ["globex"],
        ),
        (r#" {"globex":{"scheme":"duffel","secret":"g"}}"#, ["globex"]),
    ] {
        let after = match document.len() {
            len if len > 60 => MIN_INTERVAL,
            _ => MIN_INTERVAL * 3,
        };
        clocked.put(document).await;
        clocked.status("nobody", "x", after).await;
        for name in unchanged {
            let old = before.iter().find(|source| source.name() == name).unwrap();
            assert!(Arc::ptr_eq(old, &clocked.receiver.sources.find(name).unwrap()), "{name}");
        }
    }
    assert!(clocked.receiver.sources.find("acme").is_none());
}

#[tokio::test]
async fn while_secrets_manager_is_down_the_known_sources_stay_active() {
    for fault in [AwsFault::Hang, AwsFault::Down, AwsFault::Refuse(500, "InternalServiceError")] {
        let clocked = Clocked::of(&[&document(&[("acme", "a")])]).await;
        clocked.proxy.inject(GET_SECRET, [fault]);
        assert_eq!(clocked.status("acme", "a", MAX_AGE * 2).await, 202, "{fault:?}");
        assert_eq!(clocked.status("acme", "a", MAX_AGE * 20).await, 202, "{fault:?}");
        clocked.put(&document(&[("globex", "g")])).await;
        assert_eq!(clocked.status("globex", "g", MAX_AGE * 30).await, 404, "{fault:?}");
        clocked.proxy.heal();
        assert_eq!(clocked.status("globex", "g", MAX_AGE * 30 + MIN_INTERVAL).await, 202, "{fault:?}");
    }
}

#[tokio::test]
async fn deliveries_during_a_refresh_share_it_and_are_all_answered() {
    let clocked = Clocked::of(&[&document(&[("acme", "a"), ("removed", "r")])]).await;
    let replaced = document(&[("acme", "a2"), ("globex", "g")]);
    clocked.put(&replaced).await;
    let mut held = clocked.proxy.hold(GET_SECRET, Moment::After);
    let release = async {
        held.reached().await;
        held.release();
    };
    let status = |source, secret| clocked.status(source, secret, MIN_INTERVAL);
    // The first asks for the refresh; the others arrive before its answer, or wait for it.
    let answers = tokio::join!(
        status("globex", "g"),
        status("globex", "forged"),
        status("acme", "a2"),
        status("acme", "a"),
        status("removed", "r"),
        status("nobody", "x"),
        release,
    );
    // All of them wait for the answer, and none is verified with what it replaces.
    assert_eq!(answers, (202, 401, 202, 401, 404, 404, ()));
    assert_eq!(clocked.fetches(), 2);
}

#[tokio::test]
async fn a_verified_delivery_is_forwarded_although_its_source_is_removed_meanwhile() {
    let clocked = Clocked::of(&[&document(&[("acme", "a"), ("removed", "r")])]).await;
    clocked.put(&document(&[("acme", "a")])).await;
    let mut held = clocked.proxy.hold("dynamodb:GetItem", Moment::Before);
    let remove = async {
        held.reached().await;
        let status = clocked.status("nobody", "x", MIN_INTERVAL).await;
        held.release();
        status
    };
    let answers = tokio::join!(clocked.status("removed", "r", SECOND), remove);
    assert_eq!(answers, (202, 404));
    assert_eq!(clocked.status("removed", "r", MIN_INTERVAL).await, 404);
}

#[tokio::test]
async fn a_refresh_of_a_thousand_sources_leaves_time_for_the_delivery() {
    let [one, other] = thousand();
    let clocked = Clocked::of(&[&one, &other]).await;
    let mut changed: BTreeMap<String, Value> = serde_json::from_str(&one).unwrap();
    changed.insert("new".to_owned(), json!({ "scheme": "duffel", "secret": "n" }));
    clocked.put(&json!(changed).to_string()).await;
    let started = Instant::now();
    assert_eq!(clocked.status("new", "n", MIN_INTERVAL).await, 202);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(clocked.receiver.sources.all().len(), 1_001);
}

#[tokio::test]
async fn the_variable_excludes_all_others_that_name_sources() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:sources-AbCdEf";
    let mistakes = |variables: &[(&str, &str)]| {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        let queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/events.fifo";
        let read = Config::read(|name| match name {
            "QUEUE_URL" => Some(queue.to_owned()),
            _ => find(name).map(|(_, value)| (*value).to_owned()),
        });
        read.map_or_else(|error| error.0, |_| Vec::new())
    };
    assert_eq!(mistakes(&[("SOURCES_ARN", arn)]), [""; 0]);
    for name in
        ["SOURCES", "WEBHOOK_SECRET", "WEBHOOK_SECRET_ARN", "EVENT_TYPES", "LIVE_MODE", "SIGNATURE_TOLERANCE"]
    {
        let mistakes = mistakes(&[("SOURCES_ARN", arn), (name, "x")]);
        let [mistake] = &mistakes[..] else { panic!("{mistakes:?}") };
        assert!(mistake.starts_with(name) && mistake.contains("SOURCES_ARN"), "{mistake}");
    }
    let many = (0..11).map(|number| format!("{arn}{number}")).collect::<Vec<_>>().join(",");
    for (value, named) in [
        ("planted".to_owned(), "is not an ARN"),
        (format!("{arn},"), "is not an ARN"),
        (format!("{arn}, {arn}"), "has the same ARN twice"),
        (many, "has more than 10 ARNs"),
    ] {
        assert_eq!(mistakes(&[("SOURCES_ARN", &value)]), [format!("SOURCES_ARN {named}")]);
    }
}
