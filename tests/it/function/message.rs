//! The message in the queue and the record in the table, as a consumer and an operator read them.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use base64::{Engine, engine::general_purpose::STANDARD};
use duffel_webhook_receiver::time::unix_seconds;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::{Delivery, Env, answer, function};
use crate::support::{
    ministack::Backend,
    proxy::Proxy,
    test_receiver::{self, ORDER_CREATED, SECRET, event},
};

const WEEK: u64 = 7 * 24 * 60 * 60;
const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
const MAX_BYTES: usize = 1_048_576;

fn accepted() -> (u16, String) {
    test_receiver::answer(202, "accepted")
}

fn attributes(message: &Message) -> BTreeMap<&str, &str> {
    let attributes = message.message_attributes().unwrap();
    assert!(attributes.values().all(|value| value.data_type() == "String"));
    attributes.iter().map(|(name, value)| (name.as_str(), value.string_value().unwrap())).collect()
}

fn system<'a>(message: &'a Message, name: &MessageSystemAttributeName) -> Option<&'a str> {
    message.attributes().unwrap().get(name).map(String::as_str)
}

fn group(message: &Message) -> &str {
    system(message, &MessageSystemAttributeName::MessageGroupId).unwrap()
}

fn identity(message: &Message) -> &str {
    system(message, &MessageSystemAttributeName::MessageDeduplicationId).unwrap()
}

fn number(item: &HashMap<String, AttributeValue>, name: &str) -> u64 {
    item[name].as_n().unwrap().parse().unwrap()
}

#[tokio::test]
async fn message_has_the_signed_bytes_and_the_attributes_of_the_envelope() {
    let env = Env::new().await;
    let before = SystemTime::now() - Duration::from_millis(1);
    // Spaces, an escape and an order of keys that a serialiser would change.
    let body = " {\"type\" : \"order.created\", \"id\":\"wev_1\",\"idempotency_key\":\"ord_1\",\n\t\"live_mode\":false, \
                \"data\":{\"z\":\"Zo\\u00eb\",\"a\":\"Zoë ✈\",\"n\":1.0e2,\"nul\":\"\\u0000\"}}\r\n";
    let header = Delivery::new(body).sign(SECRET, "v1", 60).replace(",v1=", " , v9=00, v1=");
    let delivery =
        Delivery::new(body).signature(&header).header("Authorization", "Bearer x").header("Cookie", "a=b");
    let end = env.function.invoke_traced(delivery.event(), Some(TRACE)).await;
    assert_eq!(answer(end).status, 202);
    let message = env.message().await;
    assert_eq!(message.body(), Some(body));
    let mut attributes = attributes(&message);
    let received_at = humantime::parse_rfc3339(attributes.remove("received_at").unwrap()).unwrap();
    assert!(before <= received_at && received_at <= SystemTime::now());
    let expected = [
        ("identity", identity(&message)),
        ("source", "duffel"),
        ("event_type", "order.created"),
        ("event_id", "wev_1"),
        ("idempotency_key", "ord_1"),
        ("live_mode", "false"),
        ("signature", header.as_str()),
    ];
    assert_eq!(attributes, BTreeMap::from(expected));
    assert_eq!(group(&message), "duffel/ord_1");
    assert_eq!(system(&message, &MessageSystemAttributeName::AwsTraceHeader), Some(TRACE));
    assert_eq!(identity(&message).len(), 64);
    assert!(identity(&message).bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
}

#[tokio::test]
async fn absent_members_have_no_attribute() {
    let env = Env::new().await;
    let body = r#"{"id":"wev_1","type":"ping.triggered","live_mode":null}"#;
    assert_eq!(env.deliver(&Delivery::new(body)).await, accepted());
    let message = env.message().await;
    let names: Vec<_> = attributes(&message).into_keys().collect();
    assert_eq!(names, ["event_id", "event_type", "identity", "received_at", "signature", "source"]);
    assert_eq!(group(&message), "duffel/wev_1");
    assert_eq!(system(&message, &MessageSystemAttributeName::AwsTraceHeader), None);
}

#[tokio::test]
async fn events_of_one_object_share_a_group_and_differ_in_identity() {
    let env = Env::new().await;
    let too_long = "k".repeat(129);
    for key in ["ord_1", "ord 1", "örd", &too_long] {
        for kind in ["order.created", "order_cancellation.confirmed"] {
            assert_eq!(
                env.deliver(&Delivery::new(event(kind, "wev_1", key))).await,
                accepted(),
                "{key} {kind}"
            );
        }
        let messages = env.backend.messages().await;
        let expected = match format!("duffel/{key}") {
            plain if key == "ord_1" => plain,
            refused => hex::encode(Sha256::digest(refused)),
        };
        assert_eq!(messages.iter().map(group).collect::<Vec<_>>(), [&expected, &expected], "{key}");
        assert_ne!(identity(&messages[0]), identity(&messages[1]));
    }
}

#[tokio::test]
async fn bytes_that_sqs_refuses_arrive_as_base64_of_what_was_signed() {
    let env = Env::new().await;
    let text = event("order.created", "wev_1", "ord_1");
    let not_utf8 = text.replace("ord_1", "ord_2").replace("{}", "\"~\"").into_bytes();
    let not_utf8: Vec<_> = not_utf8.into_iter().map(|byte| if byte == b'~' { 0xff } else { byte }).collect();
    for (body, name) in [
        (text.replace("{}", "\"\u{ffff}\"").into_bytes(), "U+FFFF"),
        (not_utf8, "no UTF-8"),
        (event("order.created", "wev_\u{fffe}", "ord_3").into_bytes(), "U+FFFE in an attribute"),
    ] {
        assert_eq!(env.deliver(&Delivery::new(body.clone())).await, accepted(), "{name}");
        let message = env.message().await;
        assert_eq!(attributes(&message)["encoding"], "base64", "{name}");
        assert_eq!(STANDARD.decode(message.body().unwrap()).unwrap(), body, "{name}");
    }
}

#[tokio::test]
async fn a_message_of_one_mebibyte_is_accepted_and_a_byte_more_is_too_large() {
    let env = Env::new().await;
    let body = |key: u8, filler: usize| {
        event("order.created", "wev_1", &format!("ord_{key}"))
            .replace("{}", &format!("{:?}", "é".repeat(filler / 2)))
    };
    assert_eq!(env.deliver(&Delivery::new(body(0, 0))).await, accepted());
    let message = env.message().await;
    let size = |message: &Message| {
        let attributes =
            attributes(message).into_iter().map(|(name, value)| name.len() + "String".len() + value.len());
        message.body().unwrap().len() + attributes.sum::<usize>()
    };
    let room = MAX_BYTES - size(&message);
    let mut full = body(1, room);
    full.push_str(&" ".repeat(room % 2));
    assert_eq!(env.deliver(&Delivery::new(full.as_str())).await, accepted());
    assert_eq!(size(&env.message().await), MAX_BYTES);
    let one_more = full.replace("ord_1", "ord_2") + " ";
    assert_eq!(env.deliver(&Delivery::new(one_more)).await, test_receiver::answer(413, "too_large"));
    assert_eq!(env.backend.queued().await, 0);
}

#[tokio::test]
async fn the_table_holds_what_the_contract_says_and_nothing_else() {
    let env = Env::new().await;
    let now = unix_seconds(SystemTime::now());
    assert_eq!(env.deliver(&Delivery::new(ORDER_CREATED)).await, accepted());
    let message = env.message().await;
    let [item] = env.backend.items().await.try_into().unwrap();
    let mut names: Vec<_> = item.keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = [
        "body_sha256",
        "counts_from",
        "event_id",
        "event_type",
        "expires_at",
        "message_id",
        "pk",
        "recorded_at",
    ];
    assert_eq!(names, expected);
    assert_eq!(item["event_type"].as_s().unwrap(), "order.created");
    assert_eq!(*item["body_sha256"].as_s().unwrap(), hex::encode(Sha256::digest(ORDER_CREATED)));
    assert_eq!(item["pk"].as_s().unwrap(), identity(&message));
    assert_eq!(item["event_id"].as_s().unwrap(), "wev_0000A4tQSmKyqOrcySrGbo");
    assert_eq!(item["message_id"].as_s().unwrap(), message.message_id().unwrap());
    assert!((now..=now + 10).contains(&number(&item, "recorded_at")));
    assert!((now..=now + 10).contains(&number(&item, "counts_from")));
    // Thirty days longer than it counts, so that a window may be raised.
    let kept = WEEK + 30 * 24 * 60 * 60;
    assert_eq!(number(&item, "expires_at"), number(&item, "counts_from") + kept);
}

#[tokio::test]
async fn a_signature_from_the_future_does_not_outlive_its_record() {
    let env = Env::with(&[("DEDUP_WINDOW", "1h")]).await;
    let now = unix_seconds(SystemTime::now());
    let delivery = Delivery::new(ORDER_CREATED);
    let header = delivery.sign(SECRET, "v2", -250);
    assert_eq!(env.deliver(&delivery.signature(&header)).await, accepted());
    let [item] = env.backend.items().await.try_into().unwrap();
    assert!(number(&item, "counts_from") >= now + 250);
}

#[tokio::test]
async fn a_record_older_than_the_window_suppresses_nothing() {
    let env = Env::new().await;
    let delivery = Delivery::new(ORDER_CREATED);
    assert_eq!(env.deliver(&delivery).await, accepted());
    let [mut item] = env.backend.items().await.try_into().unwrap();
    let now = unix_seconds(SystemTime::now());
    item.insert("counts_from".to_owned(), AttributeValue::N((now - WEEK + 100).to_string()));
    env.backend.put_item(item.clone()).await;
    assert_eq!(env.deliver(&delivery).await, test_receiver::answer(200, "duplicate"));
    item.insert("counts_from".to_owned(), AttributeValue::N((now - WEEK - 1).to_string()));
    env.backend.put_item(item).await;
    assert_eq!(env.deliver(&delivery).await, accepted());
    let [renewed] = env.backend.items().await.try_into().unwrap();
    assert!(number(&renewed, "counts_from") >= now);
}

/// A record that an earlier version wrote.
#[tokio::test]
async fn a_record_of_an_earlier_version_counts_at_least_until_it_expires() {
    let env = Env::new().await;
    let delivery = Delivery::new(ORDER_CREATED);
    assert_eq!(env.deliver(&delivery).await, accepted());
    let [mut item] = env.backend.items().await.try_into().unwrap();
    for later in ["counts_from", "body_sha256", "event_type"] {
        item.remove(later);
    }
    let now = unix_seconds(SystemTime::now());
    item.insert("expires_at".to_owned(), AttributeValue::N((now + 100).to_string()));
    env.backend.put_item(item).await;
    assert_eq!(env.deliver(&delivery).await, test_receiver::answer(200, "duplicate"));
}

/// `sam deploy` with another `DedupWindow`: the processes are new, the table is not.
#[tokio::test]
async fn a_raised_window_finds_the_records_made_under_a_shorter_one() {
    let env = Env::with(&[("DEDUP_WINDOW", "2s")]).await;
    let delivery = Delivery::new(ORDER_CREATED);
    let signed = delivery.clone().signature(&delivery.sign(SECRET, "v2", 0));
    assert_eq!(env.deliver(&signed).await, accepted());
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(env.deliver(&signed).await, test_receiver::answer(401, "unauthorized"));
    let raised = [("WEBHOOK_SECRET", SECRET), ("DEDUP_WINDOW", "1h")];
    let raised = function(&env.backend, &env.proxy, &raised).await;
    let replay = answer(raised.invoke(signed.event()).await);
    assert_eq!((replay.status, replay.word), test_receiver::answer(200, "duplicate"));
    let [_] = env.backend.items().await.try_into().unwrap();
}

#[tokio::test]
async fn simultaneous_duplicates_in_four_processes_are_one_message() {
    let (backend, proxy) = (Backend::new().await, Proxy::new().await);
    let mut deliveries = JoinSet::new();
    for _ in 0..4 {
        let function = function(&backend, &proxy, &[("WEBHOOK_SECRET", SECRET)]).await;
        deliveries.spawn(async move {
            let event = Delivery::new(ORDER_CREATED).event();
            let mut words = Vec::new();
            for _ in 0..8 {
                let answer = answer(function.invoke(event.clone()).await);
                words.push((answer.status, answer.word));
            }
            words
        });
    }
    let words = deliveries.join_all().await.concat();
    assert!(
        words.iter().all(|word| *word == accepted() || *word == test_receiver::answer(200, "duplicate")),
        "{words:?}"
    );
    assert_eq!(words.len(), 32);
    assert!(words.contains(&accepted()));
    assert_eq!(backend.messages().await.len(), 1);
    assert_eq!(backend.items().await.len(), 1);
}
