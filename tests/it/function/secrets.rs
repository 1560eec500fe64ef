//! Where the secrets come from, what happens without them, and how new ones come into use.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use duffel_webhook_receiver::{
    aws::{self, DynamoLedger, SqsQueue},
    config::Config,
    http::respond,
    receive::Receiver,
    renewal::{MAX_AGE, MIN_INTERVAL},
    signature::unix_seconds,
};
use http::Request;
use serde_json::Value;

use super::{Delivery, Stage, function};
use crate::{
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
    // One renewal, of two versions.
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
        respond(&self.receiver, request.body(Bytes::from(body)).unwrap(), now).await.status().as_u16()
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
