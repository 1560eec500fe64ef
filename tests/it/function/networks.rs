//! `allowed_ips`: the address that the gateway states decides, before the signature and never instead of it.

use serde_json::{Value, json};

use super::{Delivery, Env, Gateway, answer as answer_of};
use crate::support::{
    ministack::Backend,
    test_receiver::{ORDER_CREATED, SECRET, answer},
};

/// The function with one source, which accepts deliveries from these networks.
async fn env(networks: &Value) -> Env {
    let source = json!({ "scheme": "duffel", "secret": SECRET, "allowed_ips": networks });
    let sources = json!({ "duffel": source }).to_string();
    Env::of(Backend::new().await, &[("SOURCES", &sources)]).await
}

/// The event of a delivery from an address; `None` if the gateway states none.
fn event_from(delivery: &Delivery, gateway: Gateway, address: Option<Value>) -> String {
    let event = delivery.clone().through(gateway, delivery.base64).event();
    let mut event: Value = serde_json::from_str(&event).unwrap();
    let place = if gateway == Gateway::RestApi { "identity" } else { "http" };
    let place = event["requestContext"][place].as_object_mut().unwrap();
    match address {
        Some(address) => place.insert("sourceIp".to_owned(), address),
        None => place.remove("sourceIp"),
    };
    event.to_string()
}

async fn send(env: &Env, delivery: &Delivery, gateway: Gateway, address: &str) -> (u16, String) {
    let event = event_from(delivery, gateway, Some(address.into()));
    let answer = answer_of(env.function.invoke(event).await);
    (answer.status, answer.word)
}

#[tokio::test]
async fn a_delivery_is_accepted_from_the_networks_of_its_source_only() {
    let env = env(&json!(["203.0.113.0/24", "198.51.100.7", "2001:db8::/32"])).await;
    let delivery = Delivery::new(ORDER_CREATED);
    for gateway in [Gateway::HttpApi, Gateway::HttpApiStage, Gateway::RestApi, Gateway::FunctionUrl] {
        for address in ["198.51.100.8", "203.0.114.1", "2001:db9::1", "::1", "::ffff:198.51.100.8"] {
            let refused = send(&env, &delivery, gateway, address).await;
            assert_eq!(refused, answer(403, "forbidden"), "{gateway:?} {address}");
        }
        for address in
            ["203.0.113.255", "198.51.100.7", "2001:db8:1::1", "::ffff:203.0.113.9", "::FFFF:CB00:7109"]
        {
            let status = send(&env, &delivery, gateway, address).await.0;
            assert!(matches!(status, 202 | 200), "{gateway:?} {address}: {status}");
        }
    }
    assert_eq!(env.backend.messages().await.len(), 1);
}

#[tokio::test]
async fn the_address_does_not_replace_the_signature() {
    let env = env(&json!("203.0.113.0/24")).await;
    let delivery = Delivery::new(ORDER_CREATED);
    for refused in [delivery.clone().signed_with("forged"), delivery.clone().unsigned()] {
        let refused = send(&env, &refused, Gateway::HttpApi, "203.0.113.7").await;
        assert_eq!(refused, answer(401, "unauthorized"));
    }
    assert_eq!(env.backend.queued().await, 0);
}

#[tokio::test]
async fn what_the_sender_says_of_its_address_does_not_count() {
    let env = env(&json!(["203.0.113.0/24"])).await;
    let spoofed =
        ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP"];
    for gateway in [Gateway::HttpApi, Gateway::RestApi, Gateway::FunctionUrl] {
        for header in spoofed {
            let value = if header == "Forwarded" { "for=203.0.113.7" } else { "203.0.113.7" };
            let delivery = Delivery::new(ORDER_CREATED).header(header, value);
            let refused = send(&env, &delivery, gateway, "198.51.100.8").await;
            assert_eq!(refused, answer(403, "forbidden"), "{gateway:?} {header}");
            let event = event_from(&delivery, gateway, None);
            assert_eq!(answer_of(env.function.invoke(event).await).status, 403, "{gateway:?} {header}");
        }
        // Nor does one hide the right address.
        let delivery = Delivery::new(ORDER_CREATED).header("X-Forwarded-For", "198.51.100.8");
        assert!(matches!(send(&env, &delivery, gateway, "203.0.113.7").await.0, 202 | 200));
    }
}

#[tokio::test]
async fn without_a_valid_address_a_delivery_is_refused_with_a_cause_of_its_own() {
    let mut env = env(&json!(["0.0.0.0/0", "::/0"])).await;
    let delivery = Delivery::new(ORDER_CREATED);
    let invalid = [
        None,
        Some(json!(null)),
        Some(json!("")),
        Some(json!("203.0.113.7:443")),
        Some(json!("203.0.113.7, 198.51.100.8")),
        Some(json!(["203.0.113.7"])),
        Some(json!(3_405_803_783_u32)),
    ];
    for gateway in [Gateway::HttpApi, Gateway::RestApi, Gateway::FunctionUrl] {
        for address in &invalid {
            let event = event_from(&delivery, gateway, address.clone());
            assert_eq!(answer_of(env.function.invoke(event).await).status, 403, "{gateway:?} {address:?}");
        }
    }
    // Format 1.0 without any identity.
    let mut event: Value = serde_json::from_str(&event_from(&delivery, Gateway::RestApi, None)).unwrap();
    event["requestContext"].as_object_mut().unwrap().remove("identity");
    assert_eq!(answer_of(env.function.invoke(event.to_string()).await).status, 403);
    for line in env.function.lines() {
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&line["cause"], &line["source"]),
            (&json!("unknown_address"), &json!("duffel")),
            "{line}"
        );
    }
    assert_eq!(env.backend.queued().await, 0);
}

#[tokio::test]
async fn the_log_names_the_refused_address() {
    let mut env = env(&json!(["203.0.113.0/24"])).await;
    for method in ["POST", "GET"] {
        let delivery = Delivery::new(ORDER_CREATED).to(method, "/webhooks/duffel");
        assert_eq!(send(&env, &delivery, Gateway::HttpApi, "::ffff:198.51.100.8").await.0, 403);
    }
    for line in env.function.lines() {
        let line: Value = serde_json::from_str(&line).unwrap();
        let fields =
            ["level", "source", "outcome", "cause", "error"].map(|field| line[field].as_str().unwrap());
        let error = "the address 198.51.100.8 is in none of the source's allowed_ips";
        assert_eq!(fields, ["WARN", "duffel", "forbidden", "network", error]);
    }
}

#[tokio::test]
async fn sources_without_networks_do_not_ask_for_an_address() {
    let env = Env::new().await;
    for gateway in [Gateway::HttpApi, Gateway::RestApi, Gateway::FunctionUrl] {
        let event = event_from(&Delivery::new(ORDER_CREATED), gateway, None);
        assert!(matches!(answer_of(env.function.invoke(event).await).status, 202 | 200), "{gateway:?}");
    }
}
