//! The table of answers, row by row, through every gateway.

use std::collections::BTreeMap;

use duffel_webhook_receiver::queue::MAX_MESSAGE_BYTES;
use tokio::task::JoinSet;

use super::{Delivery, Env, Gateway, PATH, answer, function};
use crate::support::{
    proxy::AwsFault,
    test_receiver::{self, ORDER_CREATED, SECRET, event},
};

fn line(status: u16, word: &str) -> (u16, String) {
    test_receiver::answer(status, word)
}

#[tokio::test]
async fn deliveries_through_every_gateway_are_accepted_and_then_duplicates() {
    let env = Env::new().await;
    let gateways = [Gateway::HttpApi, Gateway::HttpApiStage, Gateway::RestApi, Gateway::FunctionUrl];
    for (gateway, base64) in gateways.into_iter().flat_map(|gateway| [(gateway, false), (gateway, true)]) {
        let body = event("order.created", "wev_1", &format!("ord_{gateway:?}{base64}"));
        let delivery = Delivery::new(body).through(gateway, base64);
        assert_eq!(env.deliver(&delivery).await, line(202, "accepted"), "{gateway:?}, {base64}");
        assert_eq!(env.deliver(&delivery).await, line(200, "duplicate"), "{gateway:?}, {base64}");
    }
    assert_eq!(env.backend.messages().await.len(), 8);
}

#[tokio::test]
async fn binary_body_survives_every_gateway() {
    let env = Env::new().await;
    for gateway in [Gateway::HttpApi, Gateway::HttpApiStage, Gateway::RestApi, Gateway::FunctionUrl] {
        let body = event("order.created", "wev_1", &format!("ord_{gateway:?}"));
        let body = body.replace("{}", "\"\u{0}\"").into_bytes();
        let body: Vec<_> = body.into_iter().map(|byte| if byte == 0 { 0xff } else { byte }).collect();
        let delivery = Delivery::new(body).through(gateway, true);
        assert_eq!(env.deliver(&delivery).await, line(202, "accepted"), "{gateway:?}");
    }
}

#[tokio::test]
async fn the_answers_have_the_headers_of_the_contract_and_no_other() {
    let env = Env::new().await;
    let delivery = Delivery::new(ORDER_CREATED);
    let headers = async |delivery: &Delivery| answer(env.function.invoke(delivery.event()).await).headers;
    let with = |more: &[(&str, &str)]| {
        let json = [("content-type", "application/json")];
        let all = json.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        all.collect::<BTreeMap<_, _>>()
    };
    assert_eq!(headers(&delivery).await, with(&[]));
    assert_eq!(headers(&delivery).await, with(&[]));
    assert_eq!(headers(&delivery.clone().unsigned()).await, with(&[]));
    assert_eq!(headers(&delivery.clone().to("POST", "/")).await, with(&[]));
    assert_eq!(headers(&delivery.clone().to("GET", PATH)).await, with(&[("allow", "POST")]));
    env.proxy.inject("dynamodb:GetItem", [AwsFault::Refuse(500, "InternalServerError")]);
    let mut unavailable = headers(&delivery).await;
    let seconds: u32 = unavailable.remove("retry-after").unwrap().parse().unwrap();
    assert!(seconds > 0);
    assert_eq!(unavailable, with(&[]));
}

#[tokio::test]
async fn unwanted_events_are_ignored_without_message_or_record() {
    let live = event("order.created", "wev_1", "ord_1");
    let test = live.replace("true", "false");
    let other = event("air.payment.pending", "wev_2", "pay_1");
    let env =
        Env::with(&[("EVENT_TYPES", "order.*, order_cancellation.created"), ("LIVE_MODE", "live")]).await;
    for body in [&test, &other, &other.replace(r#""live_mode":true,"#, "")] {
        assert_eq!(env.deliver(&Delivery::new(body.as_str())).await, line(200, "ignored"), "{body}");
    }
    assert!(env.proxy.calls().is_empty());
    assert_eq!(env.deliver(&Delivery::new(live.as_str())).await, line(202, "accepted"));
    let only_test =
        function(&env.backend, &env.proxy, &[("WEBHOOK_SECRET", SECRET), ("LIVE_MODE", "test")]).await;
    let mut words = Vec::new();
    for body in [live, test, other.replace("true", "false")] {
        words.push(answer(only_test.invoke(Delivery::new(body).event()).await).word);
    }
    assert_eq!(words, ["ignored", "accepted", "accepted"]);
}

#[tokio::test]
async fn signed_body_that_is_not_an_event_is_malformed() {
    let env = Env::new().await;
    for body in [
        "",
        "foo",
        "null",
        "[]",
        r#""order.created""#,
        "{}",
        r#"{"id":"wev_1"}"#,
        r#"{"type":"order.created"}"#,
        r#"{"type":"order.created","id":null,"idempotency_key":""}"#,
        r#"{"type":7,"id":"wev_1"}"#,
        r#"{"type":"order.created","id":"wev_1","id":"wev_2"}"#,
        r#"{"type":"order.created","id":"wev_1","live_mode":true,"live_mode":true}"#,
        r#"{"type":"order.created","id":"wev_1"} {}"#,
        r#"{"type":"order.created","id":"wev_1""#,
        r#"[{"type":"order.created","id":"wev_1"}]"#,
    ] {
        assert_eq!(env.deliver(&Delivery::new(body)).await, line(400, "malformed"), "{body}");
    }
    let no_text = Delivery::new(b"\xff\xfe".as_slice());
    assert_eq!(env.deliver(&no_text).await, line(400, "malformed"));
    assert!(env.proxy.calls().is_empty());
}

#[tokio::test]
async fn every_invalid_signature_has_the_same_answer() {
    let env = Env::with(&[("DEDUP_WINDOW", "2h"), ("SIGNATURE_TOLERANCE", "1h")]).await;
    let good = Delivery::new(ORDER_CREATED);
    let header = good.sign(SECRET, "v1", 0);
    let (time, mac) = header.split_once(",v1=").unwrap();
    let changed = |from: &str, to: &str| good.clone().signature(&header.replace(from, to));
    let mut tampered = good.clone();
    tampered.body.push(b' ');
    let mut re_serialised = good.clone();
    re_serialised.body = serde_json::from_str::<serde_json::Value>(ORDER_CREATED).unwrap().to_string().into();
    assert_ne!(re_serialised.body, good.body);
    let refused = [
        good.clone().unsigned(),
        tampered,
        re_serialised,
        changed(&header, ""),
        changed(&header, "nah"),
        changed(time, "t="),
        changed(time, "t=abc"),
        changed(time, "v2=1"),
        changed(time, &format!("{time},{time}")),
        changed(time, &format!("t=0{}", &time[2..])),
        changed("v1", "v3"),
        changed(",v1=", "&v1="),
        changed(mac, &mac[2..]),
        changed(mac, "=="),
        good.clone().signature(&format!("{header},{}", "x".repeat(4096))),
        good.clone().signature(&good.sign("another", "v2", 0)),
        good.clone().signature(&good.sign(SECRET, "v2", 3_630)),
        good.clone().signature(&good.sign(SECRET, "v2", -330)),
        Delivery::new("no JSON").unsigned(),
        Delivery::new("x".repeat(MAX_MESSAGE_BYTES)).unsigned(),
    ];
    for (index, delivery) in refused.iter().enumerate() {
        let refusal = answer(env.function.invoke(delivery.event()).await);
        assert_eq!((refusal.status, refusal.word.as_str()), (401, "unauthorized"), "number {index}");
        assert_eq!(refusal.headers.len(), 1, "number {index}");
    }
    assert!(env.proxy.calls().is_empty());
    let edge = [("v1", 3_570), ("v2", -270)].map(|(label, age)| good.sign(SECRET, label, age));
    assert_eq!(env.deliver(&good.clone().signature(&edge[0])).await, line(202, "accepted"));
    assert_eq!(env.deliver(&good.clone().signature(&edge[1])).await, line(200, "duplicate"));
}

#[tokio::test]
async fn other_paths_are_404_and_other_methods_405() {
    let env = Env::new().await;
    let good = Delivery::new(ORDER_CREATED);
    for gateway in [Gateway::HttpApi, Gateway::HttpApiStage, Gateway::RestApi, Gateway::FunctionUrl] {
        let good = good.clone().through(gateway, false);
        for path in
            ["/", "/webhooks", "/webhooks/", "/webhooks/stripe", "/webhooks/duffel//", "/a/webhooks/duffel"]
        {
            let delivery = good.clone().to("POST", path);
            assert_eq!(env.deliver(&delivery).await, line(404, "not_found"), "{gateway:?} {path}");
        }
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            let refusal = answer(env.function.invoke(good.clone().to(method, PATH).event()).await);
            assert_eq!(
                (refusal.status, refusal.word.as_str()),
                (405, "method_not_allowed"),
                "{gateway:?} {method}"
            );
            assert_eq!(refusal.headers["allow"], "POST");
        }
    }
    assert!(env.proxy.calls().is_empty());
}

#[tokio::test]
async fn stage_base_path_and_extra_slashes_are_ignored_in_both_formats() {
    let env = Env::with(&[("BASE_PATH", "/in/v1")]).await;
    let mut paths = 0;
    for (name, api_stage) in
        [("path", "dev"), ("path", "webhooks"), ("rawPath", "dev"), ("rawPath", "webhooks")]
    {
        for prefix in ["", "/", "/in/v1", "/in/v1/", "/~", "/~/", "/~/in/v1", "/in/v1/~"] {
            let gateway = if name == "path" { Gateway::RestApi } else { Gateway::FunctionUrl };
            let body = event("order.created", "wev_1", &format!("ord_{paths}"));
            let delivery = Delivery::new(body).through(gateway, false).event();
            let mut event: serde_json::Value = serde_json::from_str(&delivery).unwrap();
            event["requestContext"]["stage"] = api_stage.into();
            event[name] = format!("{}{PATH}/", prefix.replace('~', api_stage)).into();
            let answer = answer(env.function.invoke(event.to_string()).await);
            assert_eq!((answer.status, answer.word.as_str()), (202, "accepted"), "{}", event[name]);
            paths += 1;
        }
    }
    assert_eq!(env.backend.queued().await, paths);
}

#[tokio::test]
async fn health_check_makes_no_call_and_only_the_first_of_an_environment_is_logged() {
    let mut env = Env::with(&[("BASE_PATH", "/in")]).await;
    for gateway in [Gateway::HttpApi, Gateway::HttpApiStage, Gateway::RestApi, Gateway::FunctionUrl] {
        let ask = |method, path| Delivery::new("").unsigned().through(gateway, false).to(method, path);
        for delivery in [ask("GET", "/health"), ask("HEAD", "/health"), ask("GET", "/in/health/")] {
            assert_eq!(env.deliver(&delivery).await, line(200, "ok"), "{gateway:?}");
        }
    }
    assert!(env.proxy.calls().is_empty());
    let refusal = answer(env.function.invoke(Delivery::new("").to("POST", "/health").event()).await);
    assert_eq!((refusal.status, refusal.headers["allow"].as_str()), (405, "GET, HEAD"));
    let [cold, refused] = env.function.lines().try_into().unwrap();
    assert!(cold.contains(r#""cold":true"#) && cold.contains(r#""outcome":"ok""#), "{cold}");
    assert!(refused.contains(r#""status":405"#), "{refused}");
}

#[tokio::test]
async fn a_failing_queue_or_table_is_unavailable_until_it_is_back() {
    let mut cases = JoinSet::new();
    for call in ["dynamodb:GetItem", "sqs:SendMessage"] {
        cases.spawn(async move {
            let env = Env::new().await;
            env.proxy.inject(call, [AwsFault::Down]);
            let delivery = Delivery::new(ORDER_CREATED);
            assert_eq!(env.deliver(&delivery).await, line(503, "unavailable"), "{call}");
            assert!(env.backend.items().await.is_empty());
            assert_eq!(env.backend.queued().await, 0);
            env.proxy.heal();
            assert_eq!(env.deliver(&delivery).await, line(202, "accepted"), "{call}");
        });
    }
    cases.join_all().await;
}
