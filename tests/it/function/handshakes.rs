//! Handshakes behind every gateway, and what the log has of them.

use serde_json::{Value, json};

use super::{Delivery, Env, Gateway, RawAnswer, hmac_hex};
use crate::support::ministack::Backend;

const GATEWAYS: [Gateway; 4] =
    [Gateway::HttpApi, Gateway::HttpApiStage, Gateway::RestApi, Gateway::FunctionUrl];

const TOKEN: &str = "Validation: Request-Id: 1&2";

async fn env(fields: Value) -> Env {
    let mut source = json!({ "scheme": "hmac-sha256", "secret": "hush" });
    let Value::Object(fields) = fields else { panic!("{fields}") };
    source.as_object_mut().unwrap().extend(fields);
    Env::of(Backend::new().await, &[("SOURCES", &json!({ "it": source }).to_string())]).await
}

fn unsigned(method: &str, body: &str) -> Delivery {
    Delivery::new(body).unsigned().to(method, "/webhooks/it")
}

/// The gateway's event of a request with these parameters.
fn asking(delivery: &Delivery, parameters: &[(&str, &str, &str)]) -> String {
    let mut event: Value = serde_json::from_str(&delivery.event()).unwrap();
    if event["httpMethod"].is_string() {
        for (name, _, value) in parameters {
            event["queryStringParameters"][name] = json!(value);
            event["multiValueQueryStringParameters"][name] = json!([value]);
        }
    } else {
        let pairs: Vec<_> = parameters.iter().map(|(name, value, _)| format!("{name}={value}")).collect();
        event["rawQueryString"] = pairs.join("&").into();
    }
    event.to_string()
}

fn lines(env: &mut Env) -> Vec<Value> {
    env.function.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn challenge_in_a_query_is_repeated_behind_every_gateway() {
    let mut meta = env(json!({ "handshake": "meta", "verify_token": "planted" })).await;
    for gateway in GATEWAYS {
        let challenge = "Validation%3a+Request-Id%3A%201%262";
        for (token, status, body) in [("planted", 200, TOKEN), ("other", 401, r#"{"status":"unauthorized"}"#)]
        {
            let parameters = [
                ("hub.mode", "subscribe", "subscribe"),
                ("hub.challenge", challenge, TOKEN),
                ("hub.verify_token", token, token),
            ];
            let event = asking(&unsigned("GET", "").through(gateway, false), &parameters);
            let answer = RawAnswer::new(meta.function.invoke(event).await);
            assert_eq!((answer.status, answer.body.as_str()), (status, body), "{gateway:?}");
            if status == 200 {
                let names: Vec<_> = answer.headers.keys().map(String::as_str).collect();
                assert_eq!(names, ["content-type", "x-content-type-options"]);
                assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
                assert_eq!(answer.headers["x-content-type-options"], "nosniff");
            }
        }
    }
    assert!(meta.proxy.calls().is_empty());
    let lines = lines(&mut meta);
    assert_eq!(lines.len(), 2 * GATEWAYS.len());
    for (index, line) in lines.iter().enumerate() {
        let (level, outcome, cause) = if index % 2 == 0 {
            ("INFO", "handshake", Value::Null)
        } else {
            ("WARN", "unauthorized", "mismatch".into())
        };
        assert_eq!(line["level"], level, "{line}");
        assert_eq!((&line["outcome"], &line["cause"]), (&outcome.into(), &cause), "{line}");
        assert_eq!(line["source"], "it", "{line}");
        let text = line.to_string();
        assert!(!text.contains("planted") && !text.contains("Validation"), "{line}");
    }
}

#[tokio::test]
async fn query_of_any_form_does_not_hide_a_delivery() {
    let env = env(json!({ "handshake": "microsoft-graph", "event_types": "x" })).await;
    let body = r#"{"id":1,"type":"y"}"#;
    let signature = hmac_hex("hush", body.as_bytes());
    for query in [json!("a b\u{7f}\"<é"), json!("?#%"), json!("x=".repeat(40_000)), json!(7), json!(["a"])] {
        let delivery = Delivery::new(body).unsigned().header("X-Webhook-Signature", &signature);
        let delivery = delivery.to("POST", "/webhooks/it");
        let mut event: Value = serde_json::from_str(&delivery.event()).unwrap();
        event["rawQueryString"] = query.clone();
        let answer = RawAnswer::new(env.function.invoke(event.to_string()).await);
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"status":"ignored"}"#), "{query:.20}");
    }
}

#[tokio::test]
async fn announced_secret_is_logged_once_and_only_during_the_registration() {
    let until = humantime::format_rfc3339_seconds(std::time::SystemTime::now() + super::LIMIT * 60);
    let mut notion = env(json!({ "handshake": "notion", "registration_until": until.to_string() })).await;
    let announce = |body| unsigned("POST", body).event();
    for body in [
        r#"{"verification_token":"secret_planted"}"#,
        r#"{"verification_token":"secret_planted"}"#,
        r#"{"verification_token":"secret_other"}"#,
    ] {
        let answer = RawAnswer::new(notion.function.invoke(announce(body)).await);
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        assert!(answer.headers.is_empty(), "{:?}", answer.headers);
    }
    let refused = announce(r#"{"verification_token":"<planted-html>"}"#);
    assert_eq!(RawAnswer::new(notion.function.invoke(refused).await).status, 401);
    assert!(notion.proxy.calls().is_empty());
    let lines = lines(&mut notion);
    let with =
        |text: &str| -> Vec<_> { lines.iter().filter(|line| line.to_string().contains(text)).collect() };
    for secret in ["secret_planted", "secret_other"] {
        let [line] = with(secret)[..] else { panic!("{lines:?}") };
        assert_eq!(line["level"], "WARN");
        assert!(line["message"].as_str().unwrap().starts_with("source it: "), "{line}");
    }
    assert!(with("planted-html").is_empty());
    assert!(
        lines[0]["message"].as_str().unwrap().contains("are answered, and the secret is logged"),
        "{lines:?}"
    );
    assert_eq!(with(r#""outcome":"handshake""#).len(), 3);

    let mut without = env(json!({ "handshake": "notion" })).await;
    let answer =
        RawAnswer::new(without.function.invoke(announce(r#"{"verification_token":"secret_planted"}"#)).await);
    assert_eq!(answer.status, 401);
    assert!(!without.function.lines().concat().contains("planted"));
}

#[tokio::test]
async fn a_body_that_was_lost_is_no_handshake() {
    let env = env(json!({ "handshake": "microsoft-graph" })).await;
    let delivery = unsigned("POST", "");
    let mut event: Value =
        serde_json::from_str(&asking(&delivery, &[("validationToken", "x", "x")])).unwrap();
    assert_eq!(RawAnswer::new(env.function.invoke(event.to_string()).await).status, 200);
    event["isBase64Encoded"] = true.into();
    event["body"] = "no base64!".into();
    assert_eq!(RawAnswer::new(env.function.invoke(event.to_string()).await).status, 401);
}

#[tokio::test]
async fn a_function_answers_in_the_form_of_its_source() {
    let xero = env(json!({ "answer": { "status": 200, "body": "empty" } })).await;
    let body = r#"{"id":1,"type":"y"}"#;
    let signature = hmac_hex("hush", body.as_bytes());
    let delivery = unsigned("POST", body).header("X-Webhook-Signature", &signature);
    for (delivery, status) in [(&delivery, 200), (&delivery, 200), (&unsigned("POST", body), 401)] {
        let answer = RawAnswer::new(xero.function.invoke(delivery.event()).await);
        assert_eq!((answer.status, answer.body.as_str()), (status, ""));
        assert!(answer.headers.is_empty(), "{:?}", answer.headers);
    }
    assert_eq!(xero.backend.queued().await, 1);
}
