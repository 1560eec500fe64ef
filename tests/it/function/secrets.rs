//! Where the secrets come from, what happens without them, and how new ones come into use.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use duffel_webhook_receiver::{
    aws::{self, DynamoLedger, SqsQueue},
    config::Config,
    http::{RequestContext, respond},
    receive::{
        Receiver,
        key_refresh::{MAX_AGE, MIN_INTERVAL},
    },
    time::unix_seconds,
};
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Delivery, Stage, function};
use crate::support::{
    helpers::{self, SECRET},
    ministack::{Backend, sdk_config},
    proxy::{Fault, Proxy},
};

const GET_SECRET: &str = "secretsmanager:GetSecretValue";

/// A stage whose secret lies in Secrets Manager, with all the values it has had.
async fn stage_with_secrets(values: &[&str]) -> Stage {
    stage_and_arn(values).await.0
}

async fn stage_and_arn(values: &[&str]) -> (Stage, String) {
    let backend = Backend::new().await;
    let arn = backend.create_secret(values.first().copied()).await;
    for value in values.iter().skip(1) {
        backend.put_secret(&arn, value).await;
    }
    (Stage::of(backend, &[("WEBHOOK_SECRET_ARN", &arn)]).await, arn)
}

/// The status a delivery gets that was signed with a secret; each is another event.
async fn status(stage: &Stage, secret: &str) -> u16 {
    let body = helpers::event("order.created", "wev_1", &format!("ord_{}", hex::encode(secret)));
    stage.deliver(&Delivery::new(body).signed_with(secret)).await.0
}

#[tokio::test]
async fn a_stored_secret_is_a_plain_string() {
    let stage = stage_with_secrets(&["54vFWvaSbbzYpxXPeB4YEw==\n"]).await;
    assert_eq!(status(&stage, SECRET).await, 202);
    assert_eq!(status(&stage, "another").await, 401);
}

#[tokio::test]
async fn a_stored_secret_is_a_list() {
    let stage = stage_with_secrets(&[r#" ["first, with a comma", "second"]"#]).await;
    assert_eq!(status(&stage, "first, with a comma").await, 202);
    assert_eq!(status(&stage, "second").await, 202);
    assert_eq!(status(&stage, "third").await, 401);
}

#[tokio::test]
async fn the_current_secret_and_the_previous_are_active_and_none_before() {
    let stage = stage_with_secrets(&["oldest", "previous", r#"["current"]"#]).await;
    assert_eq!(status(&stage, "current").await, 202);
    assert_eq!(status(&stage, "previous").await, 202);
    assert_eq!(status(&stage, "oldest").await, 401);
}

#[tokio::test]
async fn given_secrets_are_all_active() {
    let stage = Stage::of(Backend::new().await, &[("WEBHOOK_SECRET", " first ,second\n")]).await;
    assert_eq!(status(&stage, "first").await, 202);
    assert_eq!(status(&stage, "second").await, 202);
    assert_eq!(status(&stage, "first ,second").await, 401);
}

#[tokio::test]
async fn without_a_secret_that_can_be_one_deliveries_are_to_come_again() {
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
        let mut stage = Stage::of(backend, &[("WEBHOOK_SECRET_ARN", &arn)]).await;
        assert_eq!(status(&stage, "planted").await, 503, "{value:?}");
        assert_eq!(stage.backend.queued().await, 0);
        let lines = stage.function.lines();
        let said: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(said.iter().all(|line| line["level"] == "ERROR"), "{lines:?}");
        assert!(lines[0].contains("WEBHOOK_SECRET_ARN") && lines[0].contains("source duffel"), "{lines:?}");
        assert_eq!(said.last().unwrap()["outcome"], "unavailable");
        assert!(!lines.concat().contains("planted"), "{lines:?}");
    }
}

#[tokio::test]
async fn a_secret_that_is_filled_in_later_works_at_once() {
    let (stage, arn) = stage_and_arn(&[]).await;
    stage.backend.put_secret(&arn, SECRET).await;
    assert_eq!(status(&stage, SECRET).await, 202);
}

#[tokio::test]
async fn a_start_without_secrets_manager_is_no_crash() {
    for fault in [Fault::Hang, Fault::Close, Fault::Refuse(400, "AccessDeniedException")] {
        let (backend, proxy) = (Backend::new().await, Proxy::new().await);
        let arn = backend.create_secret(Some(SECRET)).await;
        proxy.inject(GET_SECRET, [fault]);
        let function = function(&backend, &proxy, &[("WEBHOOK_SECRET_ARN", &arn)]).await;
        let mut stage = Stage { backend, proxy, function };
        assert_eq!(status(&stage, SECRET).await, 503, "{fault:?}");
        assert_eq!(status(&stage, "forged").await, 503, "{fault:?}");
        let lines = stage.function.lines();
        assert!(lines[0].contains("Secrets Manager"), "{fault:?}: {lines:?}");
    }
}

#[tokio::test]
async fn a_rotated_secret_works_at_once() {
    let (stage, arn) = stage_and_arn(&["old"]).await;
    assert_eq!(status(&stage, "old").await, 202);
    stage.backend.put_secret(&arn, "new").await;
    assert_eq!(status(&stage, "new").await, 202);
    assert_eq!(status(&stage, "old").await, 200);
}

#[tokio::test]
async fn nobody_can_make_the_function_hammer_secrets_manager() {
    let stage = stage_with_secrets(&["old"]).await;
    assert_eq!(status(&stage, "old").await, 202);
    let at_start = stage.proxy.calls()[GET_SECRET];
    for forged in 0..20 {
        assert_eq!(status(&stage, &format!("forged {forged}")).await, 401);
    }
    // One key_refresh, of two versions.
    assert_eq!(stage.proxy.calls()[GET_SECRET], at_start + 2);
}

/// The receiver as the function composes it, at a clock of our own.
struct Clocked {
    backend: Backend,
    proxy: Proxy,
    arn: String,
    receiver: Receiver<Option<DynamoLedger>, SqsQueue>,
    start: SystemTime,
}

impl Clocked {
    async fn new(secret: &str) -> Self {
        let (backend, proxy) = (Backend::new().await, Proxy::new().await);
        let arn = backend.create_secret(Some(secret)).await;
        let sdk = sdk_config().await.into_builder().endpoint_url(&proxy.endpoint).build();
        let variable = |name: &str| match name {
            "QUEUE_URL" => Some(backend.queue_url.clone()),
            "LEDGER_TABLE" => Some(backend.table.clone()),
            "WEBHOOK_SECRET_ARN" => Some(arn.clone()),
            _ => None,
        };
        let receiver = aws::compose(&sdk, Config::read(variable).unwrap()).await.unwrap();
        Self { backend, proxy, arn, receiver, start: SystemTime::now() }
    }

    /// The status of a delivery signed with a secret, some time after the start.
    async fn status(&self, secret: &str, after: Duration) -> u16 {
        let now = self.start + after;
        let body = helpers::event("order.created", "wev_1", &format!("ord_{}", hex::encode(secret)));
        let header = helpers::duffel_header(secret, "v2", unix_seconds(now), body.as_bytes());
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
async fn a_signature_that_matches_nothing_renews_the_secrets_every_30_s_at_the_most() {
    let world = Clocked::new("first").await;
    let second = Duration::from_secs(1);
    assert_eq!(world.status("second", second).await, 401);
    world.backend.put_secret(&world.arn, "second").await;
    assert_eq!(world.status("second", MIN_INTERVAL).await, 401);
    let fetches = world.fetches();
    assert_eq!(world.status("second", MIN_INTERVAL + second).await, 202);
    assert_eq!(world.fetches(), fetches + 2);
    assert_eq!(world.status("first", MIN_INTERVAL + second).await, 202);
}

#[tokio::test]
async fn a_secret_that_was_taken_away_is_out_of_use_within_minutes() {
    let world = Clocked::new("leaked").await;
    for _ in 0..2 {
        world.backend.put_secret(&world.arn, "new").await;
    }
    let second = Duration::from_secs(1);
    let fetches = world.fetches();
    assert_eq!(world.status("leaked", MAX_AGE / 2).await, 202);
    assert_eq!(world.fetches(), fetches);
    assert_eq!(world.status("leaked", MAX_AGE + second).await, 401);
    assert_eq!(world.fetches(), fetches + 2);
    assert_eq!(world.status("new", MAX_AGE + second).await, 202);
}

#[tokio::test]
async fn while_secrets_manager_is_down_the_secrets_in_hand_stay_in_use() {
    for fault in [Fault::Hang, Fault::Close, Fault::Refuse(500, "InternalServiceError")] {
        let world = Clocked::new("in hand").await;
        world.proxy.inject(GET_SECRET, [fault]);
        assert_eq!(world.status("in hand", MAX_AGE * 2).await, 202, "{fault:?}");
        assert_eq!(world.status("in hand", MAX_AGE * 20).await, 200, "{fault:?}");
        world.backend.put_secret(&world.arn, "new").await;
        assert_eq!(world.status("new", MAX_AGE * 30).await, 401, "{fault:?}");
        world.proxy.heal();
        assert_eq!(world.status("new", MAX_AGE * 30 + MIN_INTERVAL).await, 202, "{fault:?}");
    }
}

#[tokio::test]
async fn a_secret_broken_later_does_not_displace_the_one_in_hand() {
    let world = Clocked::new("in hand").await;
    world.backend.put_secret(&world.arn, "[]").await;
    assert_eq!(world.status("in hand", MAX_AGE * 2).await, 202);
}

#[tokio::test]
async fn deliveries_that_wait_for_new_secrets_share_one_renewal() {
    let world = Clocked::new("old").await;
    world.backend.put_secret(&world.arn, "new").await;
    let fetches = world.fetches();
    let (one, two, three) = tokio::join!(
        world.status("new", MIN_INTERVAL),
        world.status("forged", MIN_INTERVAL),
        world.status("old", MIN_INTERVAL),
    );
    assert_eq!((one, two, three), (202, 401, 202));
    assert_eq!(world.fetches(), fetches + 2);
}

/// The messages of the lines of a level.
fn messages(stage: &mut Stage, level: &str) -> Vec<String> {
    let lines = stage.function.lines();
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_level = lines.filter(|line| line["level"] == level);
    of_level.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn invisible_characters_around_a_secret_mean_nothing() {
    for (before, after) in [("", "\u{200b}"), ("\u{feff}", ""), ("\u{2060}\n", " \u{200d}\u{200c}")] {
        let secret = format!("{before}{SECRET}{after}");
        let stage = Stage::of(Backend::new().await, &[("WEBHOOK_SECRET", &secret)]).await;
        assert_eq!(status(&stage, SECRET).await, 202, "{secret:?}");
        let stage = stage_with_secrets(&[&secret]).await;
        assert_eq!(status(&stage, SECRET).await, 202, "{secret:?}");
        let listed = format!("{before}{}{after}", json!([secret]));
        let stage = stage_with_secrets(&[&listed]).await;
        assert_eq!(status(&stage, SECRET).await, 202, "{listed:?}");
    }
}

/// Secrets that no provider makes, each with the words for it.
const DOUBTFUL: [(&str, &str); 6] = [
    ("planted wrapped", "white space"),
    ("planted\u{200b}wrapped", "invisible"),
    ("plant\u{e9}", "not ASCII"),
    ("'planted'", "quotation mark"),
    ("planted\"", "quotation mark"),
    ("WEBHOOK_SECRET=planted", "NAME="),
];

#[tokio::test]
async fn a_secret_that_looks_wrong_is_warned_of_by_name_whichever_way_it_comes() {
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
            let mut stage = Stage::of(Backend::new().await, &[(variable, value)]).await;
            if variable == "SOURCES" {
                stage.deliver(&Delivery::new("{}").to("GET", "/webhooks/crm")).await;
            } else {
                // It is used all the same.
                assert_eq!(status(&stage, secret).await, 202, "{variable} {secret}");
            }
            let warnings = messages(&mut stage, "WARN");
            let [warning] = &warnings[..] else { panic!("{variable} {secret}: {warnings:?}") };
            assert!(names.iter().chain(&[words]).all(|word| warning.contains(word)), "{warning}");
            assert!(!warning.contains("plant"), "{warning}");
        }
    }
}

#[tokio::test]
async fn a_secret_that_looks_wrong_after_a_refresh_is_warned_of() {
    let (mut stage, arn) = stage_and_arn(&[SECRET]).await;
    stage.backend.put_secret(&arn, "'planted'").await;
    assert_eq!(status(&stage, "'planted'").await, 202);
    let warnings = messages(&mut stage, "WARN");
    assert!(warnings.len() == 1 && warnings[0].contains("quotation mark"), "{warnings:?}");
    assert!(!warnings[0].contains("planted"), "{warnings:?}");
}

#[tokio::test]
async fn a_secret_that_looks_right_is_not_warned_of() {
    for secret in [SECRET, "ABC=", "a_b=="] {
        let mut stage = stage_with_secrets(&[secret]).await;
        assert_eq!(status(&stage, secret).await, 202);
        assert_eq!(messages(&mut stage, "WARN"), Vec::<String>::new(), "{secret}");
    }
}

#[tokio::test]
async fn a_stored_json_string_is_a_string() {
    let stage = stage_with_secrets(&[r#" "a \u0041 \"secret" "#]).await;
    assert_eq!(status(&stage, r#"a A "secret"#).await, 202);
}

#[tokio::test]
async fn a_secret_of_bytes_is_reported_as_that() {
    let backend = Backend::new().await;
    let arn = backend.create_binary_secret(b"planted").await;
    let mut stage = Stage::of(backend, &[("WEBHOOK_SECRET_ARN", &arn)]).await;
    assert_eq!(status(&stage, "planted").await, 503);
    let errors = messages(&mut stage, "ERROR");
    assert!(errors[0].contains("holds bytes (SecretBinary), not text"), "{errors:?}");
    assert!(!errors.concat().contains("planted") && !errors.concat().contains("blank"), "{errors:?}");
}

/// The status of an event that states a mode, or none.
async fn status_in_mode(stage: &Stage, secret: &str, live_mode: Option<bool>) -> u16 {
    let key = format!("ord_{secret}_{live_mode:?}");
    let stated = live_mode.map(|live| format!(r#""live_mode":{live},"#)).unwrap_or_default();
    let body = helpers::event("order.created", "wev_1", &key).replace(r#""live_mode":true,"#, &stated);
    stage.deliver(&Delivery::new(body).signed_with(secret)).await.0
}

#[tokio::test]
async fn a_secret_signs_events_of_its_own_mode_only() {
    let mut stage = stage_with_secrets(&[r#"{"live":["l1","l2"],"test":"t","any":"a"}"#]).await;
    for (secret, live, test, neither) in
        [("l1", 202, 401, 401), ("l2", 202, 401, 401), ("t", 401, 202, 401), ("a", 202, 202, 202)]
    {
        assert_eq!(status_in_mode(&stage, secret, Some(true)).await, live, "{secret}");
        assert_eq!(status_in_mode(&stage, secret, Some(false)).await, test, "{secret}");
        assert_eq!(status_in_mode(&stage, secret, None).await, neither, "{secret}");
    }
    assert_eq!(stage.backend.messages().await.len(), 6);
    let refused: Vec<_> = stage.function.lines().into_iter().filter(|line| line.contains("401")).collect();
    assert!(refused.len() == 6 && refused.iter().all(|line| line.contains("of the mode")), "{refused:?}");
}

#[tokio::test]
async fn a_secret_without_a_mode_signs_events_of_both() {
    let stage = stage_with_secrets(&[r#"["a","b"]"#]).await;
    for live_mode in [Some(true), Some(false), None] {
        assert_eq!(status_in_mode(&stage, "a", live_mode).await, 202);
    }
}

#[tokio::test]
async fn the_current_version_says_the_mode_of_a_secret_that_both_versions_hold() {
    let stage = stage_with_secrets(&["t", r#"{"test":"t"}"#]).await;
    assert_eq!(status_in_mode(&stage, "t", Some(true)).await, 401);
    assert_eq!(status_in_mode(&stage, "t", Some(false)).await, 202);
}

#[tokio::test]
async fn modes_are_ignored_where_events_do_not_state_theirs() {
    let backend = Backend::new().await;
    let arn = backend.create_secret(Some(r#"{"live":"hush"}"#)).await;
    let sources = json!({ "code": { "scheme": "github", "secret_arn": arn } }).to_string();
    let mut stage = Stage::of(backend, &[("SOURCES", &sources)]).await;
    let delivery = Delivery::new("{}").unsigned();
    let signature = hex::encode(hmac("hush", b"{}"));
    let delivery = delivery.header("X-Hub-Signature-256", &format!("sha256={signature}"));
    assert_eq!(stage.deliver(&delivery.to("POST", "/webhooks/code")).await.0, 202);
    let warnings = messages(&mut stage, "WARN");
    assert!(warnings.len() == 1 && warnings[0].contains("source code: the modes"), "{warnings:?}");
}

pub(super) fn hmac(secret: &str, body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}
