//! Several sources of one function, each with its own stored secret.

use duffel_webhook_receiver::{
    signature::{
        scheme::Scheme,
        sign::{Signing, sign},
    },
    time::unix_seconds,
};
use serde_json::json;

use super::{Delivery, Env};
use crate::support::{
    ministack::Backend,
    test_receiver::{ORDER_CREATED, SECRET, answer, key},
};

const STRIPE_SECRET: &str = "whsec_test_secret";

fn sources(duffel: &str, stripe: &str) -> String {
    json!({
        "duffel": { "scheme": "duffel", "secret_arn": duffel },
        "payments": { "scheme": "stripe", "secret_arn": stripe, "event_types": ["payment_intent.*"] },
    })
    .to_string()
}

fn payment(secret: &str, kind: &str) -> Delivery {
    let body = json!({ "id": format!("evt_{kind}"), "type": kind, "livemode": true }).to_string();
    let now = unix_seconds(std::time::SystemTime::now());
    let signing = Signing { seconds: now, ..Signing::default() };
    let headers = sign(&Scheme::stripe(), &key(&Scheme::stripe(), secret), signing, body.as_bytes()).unwrap();
    let mut delivery = Delivery::new(body).unsigned();
    "/webhooks/payments".clone_into(&mut delivery.path);
    headers.iter().fold(delivery, |delivery, (name, value)| delivery.header(name, value))
}

#[tokio::test]
async fn every_source_has_its_secret_and_its_filter() {
    let backend = Backend::new().await;
    let duffel = backend.create_secret(Some(SECRET)).await;
    let stripe = backend.create_secret(Some(STRIPE_SECRET)).await;
    let env = Env::of(backend, &[("SOURCES", &sources(&duffel, &stripe))]).await;
    assert_eq!(env.deliver(&Delivery::new(ORDER_CREATED)).await, answer(202, "accepted"));
    let paid = payment(STRIPE_SECRET, "payment_intent.succeeded");
    assert_eq!(env.deliver(&paid).await, answer(202, "accepted"));
    assert_eq!(env.deliver(&paid).await, answer(200, "duplicate"));
    assert_eq!(env.deliver(&payment(STRIPE_SECRET, "charge.failed")).await, answer(200, "ignored"));
    assert_eq!(env.deliver(&payment(SECRET, "payment_intent.created")).await, answer(401, "unauthorized"));
    let messages = env.backend.messages().await;
    let mut sources: Vec<_> = messages
        .iter()
        .map(|message| message.message_attributes().unwrap()["source"].string_value().unwrap())
        .collect();
    sources.sort_unstable();
    assert_eq!(sources, ["duffel", "payments"]);
}

#[tokio::test]
async fn invalid_secret_is_logged_with_its_source_and_affects_no_other() {
    let backend = Backend::new().await;
    let duffel = backend.create_secret(Some(SECRET)).await;
    let stripe = backend.create_secret(Some("{}")).await;
    let mut env = Env::of(backend, &[("SOURCES", &sources(&duffel, &stripe))]).await;
    assert_eq!(env.deliver(&Delivery::new(ORDER_CREATED)).await, answer(202, "accepted"));
    assert_eq!(env.deliver(&payment(SECRET, "charge.failed")).await, answer(503, "unavailable"));
    let lines = env.function.lines();
    assert!(lines[0].contains("source payments: "), "{lines:?}");
}

#[tokio::test]
async fn replaced_placeholder_is_ignored() {
    let backend = Backend::new().await;
    let arn = backend.create_secret(Some("change-me!")).await;
    backend.put_secret(&arn, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").await;
    let sources = json!({ "crm": { "scheme": "standard-webhooks", "secret_arn": arn } }).to_string();
    let env = Env::of(backend, &[("SOURCES", &sources)]).await;
    let mut delivery = Delivery::new(ORDER_CREATED);
    "/webhooks/crm".clone_into(&mut delivery.path);
    assert_eq!(env.deliver(&delivery).await, answer(401, "unauthorized"));
}

/// The errors in the log.
fn errors(env: &mut Env) -> Vec<String> {
    env.function.lines().into_iter().filter(|line| line.contains(r#""level":"ERROR""#)).collect()
}

#[tokio::test]
async fn secret_shared_by_two_sources_is_an_error_that_names_both() {
    let backend = Backend::new().await;
    let duffel = backend.create_secret(Some("planted")).await;
    let stripe = backend.create_secret(Some(r#"["other","planted"]"#)).await;
    let mut env = Env::of(backend, &[("SOURCES", &sources(&duffel, &stripe))]).await;
    assert_eq!(env.deliver(&Delivery::new(ORDER_CREATED).signed_with("planted")).await.0, 202);
    let errors = errors(&mut env);
    let [error] = &errors[..] else { panic!("{errors:?}") };
    assert!(error.contains("source duffel") && error.contains("source payments"), "{error}");
    assert!(!error.contains("planted"), "{error}");
}

#[tokio::test]
async fn secret_shared_after_a_refresh_is_an_error_that_names_both() {
    let backend = Backend::new().await;
    let duffel = backend.create_secret(Some(SECRET)).await;
    let stripe = backend.create_secret(Some(STRIPE_SECRET)).await;
    let mut env = Env::of(backend, &[("SOURCES", &sources(&duffel, &stripe))]).await;
    assert_eq!(env.deliver(&payment(STRIPE_SECRET, "payment_intent.succeeded")).await.0, 202);
    env.backend.put_secret(&stripe, SECRET).await;
    assert_eq!(env.deliver(&payment(SECRET, "payment_intent.failed")).await.0, 202);
    let errors = errors(&mut env);
    let [error] = &errors[..] else { panic!("{errors:?}") };
    assert!(error.contains("source duffel") && error.contains("source payments"), "{error}");
    assert!(!error.contains(SECRET), "{error}");
}
