//! The sources of secrets, a start without them, and the refresh.

use std::time::{Duration, SystemTime};

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
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Delivery, Env, function};
use crate::support::{
    ministack::{Backend, sdk_config},
    proxy::{AwsFault, Proxy},
    test_receiver::{self, SECRET},
};

const GET_SECRET: &str = "secretsmanager:GetSecretValue";

/// An `Env` with a secret in Secrets Manager that has had these values.
async fn env_with_secrets(values: &[&str]) -> Env {
    env_and_arn(values).await.0
}

async fn env_and_arn(values: &[&str]) -> (Env, String) {
    let backend = Backend::new().await;
    let arn = backend.create_secret(values.first().copied()).await;
    for value in values.iter().skip(1) {
        backend.put_secret(&arn, value).await;
    }
    (Env::of(backend, &[("WEBHOOK_SECRET_ARN", &arn)]).await, arn)
}

/// The status of a delivery that a secret signed; each is a new event.
async fn status(env: &Env, secret: &str) -> u16 {
    let body = test_receiver::event("order.created", "wev_1", &format!("ord_{}", hex::encode(secret)));
    env.deliver(&Delivery::new(body).signed_with(secret)).await.0
}

#[tokio::test]
async fn a_stored_secret_is_a_plain_string() {
    let env = env_with_secrets(&["54vFWvaSbbzYpxXPeB4YEw==\n"]).await;
    assert_eq!(status(&env, SECRET).await, 202);
    assert_eq!(status(&env, "another").await, 401);
}

#[tokio::test]
async fn a_stored_secret_is_a_list() {
    let env = env_with_secrets(&[r#" ["first, with a comma", "second"]"#]).await;
    assert_eq!(status(&env, "first, with a comma").await, 202);
    assert_eq!(status(&env, "second").await, 202);
    assert_eq!(status(&env, "third").await, 401);
}

#[tokio::test]
async fn the_current_secret_and_the_previous_are_active_and_none_before() {
    let env = env_with_secrets(&["oldest", "previous", r#"["current"]"#]).await;
    assert_eq!(status(&env, "current").await, 202);
    assert_eq!(status(&env, "previous").await, 202);
    assert_eq!(status(&env, "oldest").await, 401);
}

#[tokio::test]
async fn all_secrets_of_the_variable_are_active() {
    let env = Env::of(Backend::new().await, &[("WEBHOOK_SECRET", " first ,second\n")]).await;
    assert_eq!(status(&env, "first").await, 202);
    assert_eq!(status(&env, "second").await, 202);
    assert_eq!(status(&env, "first ,second").await, 401);
}

#[tokio::test]
async fn without_a_valid_secret_deliveries_are_answered_503() {
    for value in [
        None,
        Some(" \n"),
        Some(r#"{"secret":"planted"}"#),
        Some("[]"),
        Some(r#"["planted",""]"#),
        Some(r#"["planted",7]"#),
        Some(r#"["planted""#),
    ] {
        let backend = Backend::new().await;
        let arn = backend.create_secret(value).await;
        let mut env = Env::of(backend, &[("WEBHOOK_SECRET_ARN", &arn)]).await;
        assert_eq!(status(&env, "planted").await, 503, "{value:?}");
        assert_eq!(env.backend.queued().await, 0);
        let lines = env.function.lines();
        let said: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(said.iter().all(|line| line["level"] == "ERROR"), "{lines:?}");
        assert!(lines[0].contains("WEBHOOK_SECRET_ARN") && lines[0].contains("source duffel"), "{lines:?}");
        assert_eq!(said.last().unwrap()["outcome"], "unavailable");
        assert!(!lines.concat().contains("planted"), "{lines:?}");
    }
}

#[tokio::test]
async fn a_secret_that_is_filled_in_later_works_at_once() {
    let (env, arn) = env_and_arn(&[]).await;
    env.backend.put_secret(&arn, SECRET).await;
    assert_eq!(status(&env, SECRET).await, 202);
}

#[tokio::test]
async fn start_without_secrets_manager_does_not_crash() {
    for fault in [AwsFault::Hang, AwsFault::Down, AwsFault::Refuse(400, "AccessDeniedException")] {
        let (backend, proxy) = (Backend::new().await, Proxy::new().await);
        let arn = backend.create_secret(Some(SECRET)).await;
        proxy.inject(GET_SECRET, [fault]);
        let function = function(&backend, &proxy, &[("WEBHOOK_SECRET_ARN", &arn)]).await;
        let mut env = Env { backend, proxy, function };
        assert_eq!(status(&env, SECRET).await, 503, "{fault:?}");
        assert_eq!(status(&env, "forged").await, 503, "{fault:?}");
        let lines = env.function.lines();
        assert!(lines[0].contains("Secrets Manager"), "{fault:?}: {lines:?}");
    }
}

#[tokio::test]
async fn a_rotated_secret_works_at_once() {
    let (env, arn) = env_and_arn(&["old"]).await;
    assert_eq!(status(&env, "old").await, 202);
    env.backend.put_secret(&arn, "new").await;
    assert_eq!(status(&env, "new").await, 202);
    assert_eq!(status(&env, "old").await, 200);
}

#[tokio::test]
async fn forged_deliveries_do_not_flood_secrets_manager() {
    let env = env_with_secrets(&["old"]).await;
    assert_eq!(status(&env, "old").await, 202);
    let at_start = env.proxy.calls()[GET_SECRET];
    for forged in 0..20 {
        assert_eq!(status(&env, &format!("forged {forged}")).await, 401);
    }
    // One refresh reads two versions.
    assert_eq!(env.proxy.calls()[GET_SECRET], at_start + 2);
}

#[tokio::test]
async fn start_reads_the_current_version_only_if_it_is_a_list() {
    for (values, calls) in [
        (&["old", r#"["new"]"#][..], 1),
        (&["old", r#"{"live":"new"}"#], 1),
        (&["old", "new"], 2),
        (&["new"], 2),
    ] {
        let env = env_with_secrets(values).await;
        assert_eq!(status(&env, "new").await, 202, "{values:?}");
        assert_eq!(env.proxy.calls()[GET_SECRET], calls, "{values:?}");
    }
}

#[tokio::test]
async fn until_the_previous_version_was_read_a_mismatch_is_not_final() {
    let clocked = Clocked::of(&["previous", r#"["current"]"#]).await;
    clocked.proxy.inject(GET_SECRET, [AwsFault::Down]);
    let second = Duration::from_secs(1);
    assert_eq!(clocked.status("previous", second).await, 503);
    assert_eq!(clocked.status("forged", second).await, 503);
    assert_eq!(clocked.status("current", second).await, 202);
    clocked.proxy.heal();
    assert_eq!(clocked.status("previous", MIN_INTERVAL + second).await, 202);
    assert_eq!(clocked.status("forged", MIN_INTERVAL + second).await, 401);
}

/// The receiver as the function composes it, with a simulated clock.
struct Clocked {
    backend: Backend,
    proxy: Proxy,
    arn: String,
    receiver: Receiver<Option<DynamoLedger>, Destination>,
    start: SystemTime,
}

impl Clocked {
    async fn new(secret: &str) -> Self {
        Self::of(&[secret]).await
    }

    /// With a secret that has had these values.
    async fn of(values: &[&str]) -> Self {
        let (backend, proxy) = (Backend::new().await, Proxy::new().await);
        let arn = backend.create_secret(values.first().copied()).await;
        for value in &values[1..] {
            backend.put_secret(&arn, value).await;
        }
        let sdk = sdk_config().await.into_builder().endpoint_url(&proxy.endpoint).build();
        let variable = |name: &str| match name {
            "QUEUE_URL" => Some(backend.queue_url.clone()),
            "LEDGER_TABLE" => Some(backend.table.clone()),
            "WEBHOOK_SECRET_ARN" => Some(arn.clone()),
            _ => None,
        };
        let receiver = aws::compose(&sdk, Config::read(variable).unwrap()).await;
        Self { backend, proxy, arn, receiver, start: SystemTime::now() }
    }

    /// The status of a delivery signed with a secret, some time after the start.
    async fn status(&self, secret: &str, after: Duration) -> u16 {
        let now = self.start + after;
        let body = test_receiver::event("order.created", "wev_1", &format!("ord_{}", hex::encode(secret)));
        let header = test_receiver::duffel_header(secret, "v2", unix_seconds(now), body.as_bytes());
        let request = Request::post("/webhooks/duffel").header("X-Duffel-Signature", header);
        respond(&self.receiver, request.body(Bytes::from(body)).unwrap(), RequestContext::default(), now)
            .await
            .status()
            .as_u16()
    }

    fn fetches(&self) -> usize {
        self.proxy.calls()[GET_SECRET]
    }
}

#[tokio::test]
async fn mismatched_signature_refreshes_the_secrets_every_30_s_at_most() {
    let clocked = Clocked::new("first").await;
    let second = Duration::from_secs(1);
    assert_eq!(clocked.status("second", second).await, 401);
    clocked.backend.put_secret(&clocked.arn, "second").await;
    assert_eq!(clocked.status("second", MIN_INTERVAL).await, 401);
    let fetches = clocked.fetches();
    assert_eq!(clocked.status("second", MIN_INTERVAL + second).await, 202);
    assert_eq!(clocked.fetches(), fetches + 2);
    assert_eq!(clocked.status("first", MIN_INTERVAL + second).await, 202);
}

#[tokio::test]
async fn removed_secret_is_inactive_within_minutes() {
    let clocked = Clocked::new("leaked").await;
    for _ in 0..2 {
        clocked.backend.put_secret(&clocked.arn, "new").await;
    }
    let second = Duration::from_secs(1);
    let fetches = clocked.fetches();
    assert_eq!(clocked.status("leaked", MAX_AGE / 2).await, 202);
    assert_eq!(clocked.fetches(), fetches);
    assert_eq!(clocked.status("leaked", MAX_AGE + second).await, 401);
    assert_eq!(clocked.fetches(), fetches + 2);
    assert_eq!(clocked.status("new", MAX_AGE + second).await, 202);
}

#[tokio::test]
async fn while_secrets_manager_is_down_the_cached_secrets_stay_active() {
    for fault in [AwsFault::Hang, AwsFault::Down, AwsFault::Refuse(500, "InternalServiceError")] {
        let clocked = Clocked::new("cached").await;
        clocked.proxy.inject(GET_SECRET, [fault]);
        assert_eq!(clocked.status("cached", MAX_AGE * 2).await, 202, "{fault:?}");
        assert_eq!(clocked.status("cached", MAX_AGE * 20).await, 200, "{fault:?}");
        clocked.backend.put_secret(&clocked.arn, "new").await;
        assert_eq!(clocked.status("new", MAX_AGE * 30).await, 401, "{fault:?}");
        clocked.proxy.heal();
        assert_eq!(clocked.status("new", MAX_AGE * 30 + MIN_INTERVAL).await, 202, "{fault:?}");
    }
}

#[tokio::test]
async fn invalid_new_value_does_not_replace_the_cached_secret() {
    let clocked = Clocked::new("cached").await;
    clocked.backend.put_secret(&clocked.arn, "[]").await;
    assert_eq!(clocked.status("cached", MAX_AGE * 2).await, 202);
}

#[tokio::test]
async fn deliveries_that_wait_for_new_secrets_share_one_refresh() {
    let clocked = Clocked::new("old").await;
    clocked.backend.put_secret(&clocked.arn, "new").await;
    let fetches = clocked.fetches();
    let (one, two, three) = tokio::join!(
        clocked.status("new", MIN_INTERVAL),
        clocked.status("forged", MIN_INTERVAL),
        clocked.status("old", MIN_INTERVAL),
    );
    assert_eq!((one, two, three), (202, 401, 202));
    assert_eq!(clocked.fetches(), fetches + 2);
}

/// The messages of the lines of a level.
fn messages(env: &mut Env, level: &str) -> Vec<String> {
    let lines = env.function.lines();
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_level = lines.filter(|line| line["level"] == level);
    of_level.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn invisible_characters_around_a_secret_are_ignored() {
    for (before, after) in [("", "\u{200b}"), ("\u{feff}", ""), ("\u{2060}\n", " \u{200d}\u{200c}")] {
        let secret = format!("{before}{SECRET}{after}");
        let env = Env::of(Backend::new().await, &[("WEBHOOK_SECRET", &secret)]).await;
        assert_eq!(status(&env, SECRET).await, 202, "{secret:?}");
        let env = env_with_secrets(&[&secret]).await;
        assert_eq!(status(&env, SECRET).await, 202, "{secret:?}");
        let listed = format!("{before}{}{after}", json!([secret]));
        let env = env_with_secrets(&[&listed]).await;
        assert_eq!(status(&env, SECRET).await, 202, "{listed:?}");
    }
}

/// Suspicious secrets, each with its warning.
const DOUBTFUL: [(&str, &str); 6] = [
    ("planted wrapped", "white space"),
    ("planted\u{200b}wrapped", "invisible"),
    ("plant\u{e9}", "not ASCII"),
    ("'planted'", "quotation mark"),
    ("planted\"", "quotation mark"),
    ("WEBHOOK_SECRET=planted", "NAME="),
];

#[tokio::test]
async fn suspicious_secret_is_warned_of_by_name_from_either_variable() {
    for (secret, words) in DOUBTFUL {
        let backend = Backend::new().await;
        let arn = backend.create_secret(Some(secret)).await;
        let given = json!({ "crm": { "scheme": "github", "secret": [SECRET, secret] } }).to_string();
        let stored = json!({ "crm": { "scheme": "github", "secret_arn": arn } }).to_string();
        for (variable, value, names) in [
            ("WEBHOOK_SECRET", secret, ["source duffel: ", "WEBHOOK_SECRET"]),
            ("WEBHOOK_SECRET_ARN", &arn, ["source duffel: ", "WEBHOOK_SECRET_ARN"]),
            ("SOURCES", &given, ["source crm: ", "SOURCES"]),
            ("SOURCES", &stored, ["source crm: ", "secret_arn"]),
        ] {
            let mut env = Env::of(Backend::new().await, &[(variable, value)]).await;
            if variable == "SOURCES" {
                env.deliver(&Delivery::new("{}").to("GET", "/webhooks/crm")).await;
            } else {
                // It is still used.
                assert_eq!(status(&env, secret).await, 202, "{variable} {secret}");
            }
            let warnings = of_secrets(messages(&mut env, "WARN"));
            let [warning] = &warnings[..] else { panic!("{variable} {secret}: {warnings:?}") };
            assert!(names.iter().chain(&[words]).all(|word| warning.contains(word)), "{warning}");
            assert!(!warning.contains("plant"), "{warning}");
        }
    }
}

#[tokio::test]
async fn suspicious_secret_is_warned_of_after_a_refresh() {
    let (mut env, arn) = env_and_arn(&[SECRET]).await;
    env.backend.put_secret(&arn, "'planted'").await;
    assert_eq!(status(&env, "'planted'").await, 202);
    let warnings = messages(&mut env, "WARN");
    assert!(warnings.len() == 1 && warnings[0].contains("quotation mark"), "{warnings:?}");
    assert!(!warnings[0].contains("planted"), "{warnings:?}");
}

#[tokio::test]
async fn ordinary_secret_causes_no_warning() {
    for secret in [SECRET, "ABC=", "a_b=="] {
        let mut env = env_with_secrets(&[secret]).await;
        assert_eq!(status(&env, secret).await, 202);
        assert_eq!(messages(&mut env, "WARN"), Vec::<String>::new(), "{secret}");
    }
}

#[tokio::test]
async fn a_stored_json_string_is_a_string() {
    let env = env_with_secrets(&[r#" "a \u0041 \"secret" "#]).await;
    assert_eq!(status(&env, r#"a A "secret"#).await, 202);
}

#[tokio::test]
async fn binary_secret_is_reported_as_binary() {
    let backend = Backend::new().await;
    let arn = backend.create_binary_secret(b"planted").await;
    let mut env = Env::of(backend, &[("WEBHOOK_SECRET_ARN", &arn)]).await;
    assert_eq!(status(&env, "planted").await, 503);
    let errors = messages(&mut env, "ERROR");
    assert!(errors[0].contains("holds bytes (SecretBinary), not text"), "{errors:?}");
    assert!(!errors.concat().contains("planted") && !errors.concat().contains("blank"), "{errors:?}");
}

/// The status of an event with a mode, or without one.
async fn status_in_mode(env: &Env, secret: &str, live_mode: Option<bool>) -> u16 {
    let key = format!("ord_{secret}_{live_mode:?}");
    let stated = live_mode.map(|live| format!(r#""live_mode":{live},"#)).unwrap_or_default();
    let body = test_receiver::event("order.created", "wev_1", &key).replace(r#""live_mode":true,"#, &stated);
    env.deliver(&Delivery::new(body).signed_with(secret)).await.0
}

#[tokio::test]
async fn a_secret_signs_events_of_its_own_mode_only() {
    let mut env = env_with_secrets(&[r#"{"live":["l1","l2"],"test":"t","any":"a"}"#]).await;
    for (secret, live, test, neither) in
        [("l1", 202, 401, 401), ("l2", 202, 401, 401), ("t", 401, 202, 401), ("a", 202, 202, 202)]
    {
        assert_eq!(status_in_mode(&env, secret, Some(true)).await, live, "{secret}");
        assert_eq!(status_in_mode(&env, secret, Some(false)).await, test, "{secret}");
        assert_eq!(status_in_mode(&env, secret, None).await, neither, "{secret}");
    }
    assert_eq!(env.backend.messages().await.len(), 6);
    let refused: Vec<_> =
        env.function.lines().into_iter().filter(|line| line.contains(r#""status":401"#)).collect();
    assert!(refused.len() == 6 && refused.iter().all(|line| line.contains("of the mode")), "{refused:?}");
}

#[tokio::test]
async fn a_secret_without_a_mode_signs_events_of_both() {
    let env = env_with_secrets(&[r#"["a","b"]"#]).await;
    for live_mode in [Some(true), Some(false), None] {
        assert_eq!(status_in_mode(&env, "a", live_mode).await, 202);
    }
}

#[tokio::test]
async fn the_current_version_says_the_mode_of_a_secret_that_both_versions_hold() {
    let env = env_with_secrets(&["t", r#"{"test":"t"}"#]).await;
    assert_eq!(status_in_mode(&env, "t", Some(true)).await, 401);
    assert_eq!(status_in_mode(&env, "t", Some(false)).await, 202);
}

#[tokio::test]
async fn modes_are_ignored_where_events_do_not_state_theirs() {
    let backend = Backend::new().await;
    let arn = backend.create_secret(Some(r#"{"live":"hush"}"#)).await;
    let sources = json!({ "code": { "scheme": "github", "secret_arn": arn } }).to_string();
    let mut env = Env::of(backend, &[("SOURCES", &sources)]).await;
    let delivery = Delivery::new("{}").unsigned();
    let signature = hex::encode(hmac("hush", b"{}"));
    let delivery = delivery.header("X-Hub-Signature-256", &format!("sha256={signature}"));
    assert_eq!(env.deliver(&delivery.to("POST", "/webhooks/code")).await.0, 202);
    let warnings = of_secrets(messages(&mut env, "WARN"));
    assert!(warnings.len() == 1 && warnings[0].contains("source code: the modes"), "{warnings:?}");
}

/// Leaves out the warning of a weak scheme.
fn of_secrets(mut warnings: Vec<String>) -> Vec<String> {
    warnings.retain(|warning| !warning.contains(" is weak: "));
    warnings
}

pub(super) fn hmac(secret: &str, body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}
