//! `serve --to`: the messages at a consumer, as Lambda's event source mapping passes them on.

pub mod consumer;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    env,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::{consume::batch::SqsEvent, time::unix_seconds};
use md5::{Digest, Md5};
use serde_json::{Value, json};

use self::consumer::{ConsumerStandIn, Receiving, Reply, fail, handled, id};
use crate::{
    inspector::terminal::{on_a_terminal, until},
    support::{
        runtime_api::reserved_address,
        snapshot,
        test_receiver::{SECRET, event},
        tool::{self, Done},
    },
};

const SECOND: Duration = Duration::from_secs(1);

/// AWS's example of a record of a FIFO queue, with an attribute of the example of a standard queue:
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>.
const RECORD: &str = r#"{
    "messageId": "11d6ee51-4cc7-4302-9e22-7cd8afdaadf5",
    "receiptHandle": "AQEBBX8nesZEXmkhsmZeyIE8iQAMig7qw...",
    "body": "Test message.",
    "attributes": {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1573251510774",
        "SequenceNumber": "18849496460467696128",
        "MessageGroupId": "1",
        "SenderId": "AIDAIO23YVJENQZJOL4VO",
        "MessageDeduplicationId": "1",
        "ApproximateFirstReceiveTimestamp": "1573251510774"
    },
    "messageAttributes": {
        "myAttribute": {
            "stringValue": "myValue",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "String"
        }
    },
    "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
    "eventSource": "aws:sqs",
    "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:fifo.fifo",
    "awsRegion": "us-east-2"
}"#;

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn a_consumer_gets_the_event_that_lambda_would_pass_to_it() {
    let consumer = ConsumerStandIn::start(|_, _| handled());
    let receiving = Receiving::start(&consumer.url, "--function my-function");
    let before = SystemTime::now();
    assert_eq!(receiving.deliver("wev_1", "ord_1"), 202);
    let invocation = consumer.next();
    assert_eq!(invocation.path, "/2015-03-31/functions/my-function/invocations");
    assert_eq!(invocation.headers["content-type"], "application/json");
    assert_eq!(keys(&invocation.event), BTreeSet::from(["Records"]));
    let [record] = invocation.records() else { panic!("one record") };
    let documented: Value = serde_json::from_str(RECORD).unwrap();
    assert_eq!(keys(record), keys(&documented));
    assert_eq!(keys(&record["attributes"]), keys(&documented["attributes"]));
    assert!(record["attributes"].as_object().unwrap().values().all(Value::is_string));
    for attribute in record["messageAttributes"].as_object().unwrap().values() {
        let expected = &documented["messageAttributes"]["myAttribute"];
        assert_eq!(keys(attribute), keys(expected));
        assert_eq!(attribute["stringListValues"], expected["stringListValues"]);
        assert_eq!(attribute["dataType"], expected["dataType"]);
    }
    assert_eq!(text(&record["body"]), event("air.order.changed", "wev_1", "ord_1"));
    assert_eq!(text(&record["md5OfBody"]), hex::encode(Md5::digest(text(&record["body"]))));
    assert_eq!(record["eventSource"], "aws:sqs");
    assert!(text(&record["eventSourceARN"]).contains(&format!(":{}:", text(&record["awsRegion"]))));
    let attributes = &record["attributes"];
    assert_eq!(attributes["MessageGroupId"], "duffel/ord_1");
    let identity = &record["messageAttributes"]["identity"]["stringValue"];
    assert_eq!(&attributes["MessageDeduplicationId"], identity);
    assert_eq!(attributes["ApproximateReceiveCount"], "1");
    for name in ["SentTimestamp", "ApproximateFirstReceiveTimestamp"] {
        let seconds = text(&attributes[name]).parse::<u64>().unwrap() / 1000;
        assert!(seconds.abs_diff(unix_seconds(before)) <= 2, "{name}");
    }
    // It is the message that is printed, and a consumer of this crate reads it.
    assert_eq!(receiving.printed("MessageId"), record["messageId"]);
    let read: SqsEvent = serde_json::from_value(invocation.event.clone()).unwrap();
    assert_eq!(read.messages().next().unwrap().unwrap().identity(), text(identity));
}

#[test]
fn an_event_is_posted_to_the_url_as_it_is_unless_a_function_is_named() {
    let consumer = ConsumerStandIn::start(|_, _| Reply::Raw(204, false, ""));
    let receiving = Receiving::start(&format!("{}/events", consumer.url), "");
    receiving.deliver_all("a1");
    assert_eq!(consumer.next().path, "/events");
    assert_eq!(receiving.printed("batch")["outcome"], "handled");
}

#[test]
fn only_accepted_messages_are_passed_on() {
    let consumer = ConsumerStandIn::start(|_, _| handled());
    let receiving = Receiving::start(&consumer.url, "");
    assert_eq!(receiving.deliver("wev_1", "a"), 202);
    assert_eq!(receiving.deliver("wev_1", "a"), 200, "a duplicate");
    let forged = ureq::post(&receiving.url).header("X-Duffel-Signature", "t=1,v2=00").send("{}");
    assert!(forged.is_err());
    assert_eq!(receiving.deliver("wev_2", "a"), 202);
    assert_eq!((consumer.next().ids(), consumer.next().ids()), (vec!["wev_1"], vec!["wev_2"]));
    consumer.assert_idle(SECOND / 4);
}

/// Holds the first batch until all other messages are there.
fn slow_start(number: usize) -> Reply {
    if number == 0 { Reply::Late(SECOND) } else { handled() }
}

#[test]
fn messages_that_wait_are_passed_on_in_batches_and_each_group_in_its_order() {
    let consumer = ConsumerStandIn::start(|number, _| slow_start(number));
    let receiving = Receiving::start(&consumer.url, "--batch-size 4");
    receiving.deliver_all("x1 a1 b1 a2 c1 b2 a3 b3");
    assert_eq!(consumer.next().ids(), ["x1"]);
    assert_eq!(consumer.next().ids(), ["a1", "a2", "a3", "b1"]);
    assert_eq!(consumer.next().ids(), ["c1", "b2", "b3"]);
}

#[test]
fn a_batch_has_at_most_ten_messages() {
    let consumer = ConsumerStandIn::start(|number, _| slow_start(number));
    let receiving = Receiving::start(&consumer.url, "");
    receiving.deliver_all("x1 a1 a2 a3 a4 a5 a6 a7 a8 a9 b1 b2");
    assert_eq!([consumer.next(), consumer.next(), consumer.next()].map(|it| it.ids().len()), [1, 10, 1]);
}

#[test]
fn a_message_that_failed_comes_again_after_the_visibility_timeout_and_its_group_waits() {
    let consumer = ConsumerStandIn::start(|number, records| match number {
        0 => Reply::Late(SECOND),
        1 => fail(records, &["a1", "a2"]),
        _ => handled(),
    });
    let receiving = Receiving::start(&consumer.url, "--visibility-timeout 2s --batch-size 3");
    receiving.deliver_all("x1 a1 a2 b1 a3 b2");
    assert_eq!(consumer.next().ids(), ["x1"]);
    let first = consumer.next();
    assert_eq!((first.ids(), first.receives()), (vec!["a1", "a2", "a3"], vec!["1", "1", "1"]));
    assert_eq!(consumer.next().ids(), ["b1", "b2"], "another group does not wait");
    receiving.deliver_all("a4");
    let again = consumer.next();
    assert_eq!((again.ids(), again.receives()), (vec!["a1", "a2", "a4"], vec!["2", "2", "1"]));
    let waited = again.at - first.at;
    assert!((2 * SECOND..3 * SECOND).contains(&waited), "{waited:?}");
    let stable = |name: &str| {
        let of = |record: &Value| record[name].clone();
        (of(&first.records()[0]), of(&again.records()[0]))
    };
    let (before, after) = stable("messageId");
    assert_eq!(before, after);
    let (before, after) = stable("receiptHandle");
    assert_ne!(before, after);
    let (before, after) = stable("attributes");
    assert_eq!(before["ApproximateFirstReceiveTimestamp"], after["ApproximateFirstReceiveTimestamp"]);
    consumer.assert_idle(3 * SECOND);
    let outcomes: Vec<_> = (0..4).map(|_| receiving.printed("batch")["outcome"].clone()).collect();
    assert_eq!(outcomes, ["handled", "partial", "handled", "handled"]);
}

/// The response to records.
type Script = fn(&[Value]) -> Reply;

#[test]
fn a_response_that_lambda_does_not_understand_or_an_error_fails_the_whole_batch() {
    let cases: [(Script, u16, &str); 9] = [
        (|_| Reply::Raw(500, false, "broken"), 500, "broken"),
        (|_| Reply::Raw(404, false, r#"{"batchItemFailures":[]}"#), 404, "batchItemFailures"),
        (|_| Reply::Raw(307, false, ""), 307, "307 Temporary Redirect"),
        (
            |_| Reply::Raw(200, true, r#"{"errorType":"KeyError","errorMessage":"order"}"#),
            200,
            "KeyError: order",
        ),
        (|_| Reply::Raw(200, true, r#"{"batchItemFailures":[]}"#), 200, "batchItemFailures"),
        (|_| Reply::Raw(200, false, "done"), 200, "the response is not valid JSON: done"),
        (|_| Reply::Json(json!({ "batchItemFailures": [{ "itemIdentifier": "" }] })), 200, "is empty"),
        (
            |records| {
                let known = &records[0]["messageId"];
                Reply::Json(
                    json!({ "batchItemFailures": [{ "itemIdentifier": known }, { "itemIdentifier": "x" }] }),
                )
            },
            200,
            "batchItemFailures names x, which is not a message of the batch",
        ),
        (|_| Reply::Nothing, 0, "no response"),
    ];
    for (reply, status, reason) in cases {
        let consumer = ConsumerStandIn::start(move |number, records| match number {
            0 => Reply::Late(SECOND / 2),
            1 => reply(records),
            _ => handled(),
        });
        let receiving = Receiving::start(&consumer.url, "--visibility-timeout 1s");
        receiving.deliver_all("x1 a1 b1");
        let [_, first, again] = [consumer.next(), consumer.next(), consumer.next()];
        assert_eq!((first.ids(), again.ids()), (vec!["a1", "b1"], vec!["a1", "b1"]), "{reason}");
        assert_eq!(again.receives(), ["2", "2"], "{reason}");
        receiving.printed("batch");
        let printed = receiving.printed("batch");
        assert_eq!(printed["outcome"], "failed", "{reason}");
        assert_eq!(printed["status"].as_u64().unwrap_or_default(), u64::from(status), "{reason}");
        assert!(text(&printed["reason"]).contains(reason), "{printed}");
    }
}

#[test]
fn a_batch_without_a_response_comes_again_when_its_time_is_up() {
    let late = |number| if number == 0 { Reply::Late(4 * SECOND) } else { handled() };
    let consumer = ConsumerStandIn::start(move |number, _| late(number));
    let receiving = Receiving::start(&consumer.url, "--visibility-timeout 2s");
    receiving.deliver_all("a1 a2");
    let [first, again] = [consumer.next(), consumer.next()];
    assert_eq!((first.ids(), again.ids(), again.receives()), (vec!["a1"], vec!["a1", "a2"], vec!["2", "1"]));
    let waited = again.at - first.at;
    assert!((2 * SECOND..3 * SECOND).contains(&waited), "{waited:?}");
    assert_eq!(receiving.printed("batch")["reason"], "no response within 2 s");
}

#[test]
fn a_message_that_is_received_too_often_becomes_a_dead_letter_and_its_group_continues() {
    let consumer = ConsumerStandIn::start(|_, records| fail(records, &["a1"]));
    let receiving =
        Receiving::start(&consumer.url, "--visibility-timeout 1s --max-receive-count 3 --batch-size 1");
    receiving.deliver_all("a1 a2 b1");
    let mut received = Vec::new();
    for _ in 0..5 {
        let invocation = consumer.next();
        received.push(format!("{} {}", invocation.ids()[0], invocation.receives()[0]));
    }
    assert_eq!(received, ["a1 1", "b1 1", "a1 2", "a1 3", "a2 1"]);
    consumer.assert_idle(2 * SECOND);
    let dead = receiving.printed("dead_letter");
    assert_eq!(dead["MessageAttributes"]["event_id"]["StringValue"], "a1");
    assert_eq!(dead["Attributes"]["ApproximateReceiveCount"], "3");
    assert_eq!(text(&dead["Body"]), event("air.order.changed", "a1", "a"));
}

#[test]
fn a_consumer_that_is_not_running_yet_gets_every_message_once_it_is() {
    let address = reserved_address();
    let receiving = Receiving::start(&format!("http://{address}/"), "--max-receive-count 1");
    receiving.deliver_all("a1 b1 a2");
    let waiting = receiving.printed("not_reached");
    assert_eq!(waiting["reason"], "the connection was refused");
    // More attempts than receives.
    thread::sleep(Duration::from_millis(3_500));
    let consumer = ConsumerStandIn::start_at(address, |_, _| handled());
    let invocation = consumer.next();
    assert_eq!((invocation.ids(), invocation.receives()), (vec!["a1", "a2", "b1"], vec!["1", "1", "1"]));
    let handled_at_last = loop {
        let printed = receiving.serve.message();
        assert!(printed["not_reached"].is_null(), "the outage is reported once: {printed}");
        if !printed["batch"].is_null() {
            break printed["batch"]["outcome"].clone();
        }
    };
    assert_eq!(handled_at_last, "handled");
    // It stops, and starts again.
    drop(consumer);
    receiving.deliver_all("a3");
    receiving.printed("not_reached");
    let consumer = ConsumerStandIn::start_at(address, |_, _| handled());
    assert_eq!(consumer.next().ids(), ["a3"]);
}

#[test]
fn batches_of_different_groups_are_in_flight_at_the_same_time_if_that_is_wanted() {
    for (options, in_flight) in [("--batch-size 1", 1), ("--batch-size 1 --concurrency 3", 3)] {
        let consumer = ConsumerStandIn::start(|_, _| Reply::Late(SECOND));
        let receiving = Receiving::start(&consumer.url, options);
        receiving.deliver_all("a1 a2 b1 c1 d1");
        let began = Instant::now();
        let mut received = vec![consumer.next().ids()[0].to_owned()];
        while began.elapsed() < SECOND * 3 / 4 {
            let next = consumer.invocations.recv_timeout(SECOND / 8);
            received.extend(next.ok().map(|invocation| invocation.ids()[0].to_owned()));
        }
        received.sort();
        assert_eq!(received, ["a1", "b1", "c1"][..in_flight]);
    }
}

/// What a consumer has seen.
#[derive(Default)]
struct Seen {
    receives: HashMap<String, usize>,
    /// The ids of each group, in the order in which they were handled.
    handled: HashMap<String, Vec<String>>,
    is_miscounted: bool,
}

/// A consumer at which messages fail at random, and which does not answer now and then.
#[test]
fn every_message_is_handled_once_in_the_order_of_its_group_or_becomes_a_dead_letter() {
    const MAX_RECEIVES: usize = 4;
    let seed = env::var("SERVE_TO_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("SERVE_TO_SEED={seed}");
    let random = Mutex::new(fastrand::Rng::with_seed(seed));
    let history = Arc::new(Mutex::new(Seen::default()));
    let script = Arc::clone(&history);
    let consumer = ConsumerStandIn::start(move |_, records| {
        let mut random = random.lock().unwrap();
        let mut history = script.lock().unwrap();
        let nothing = random.u32(..20) == 0;
        let mut failed = Vec::new();
        for record in records {
            let (id, group) = (id(record), &id(record)[..2]);
            let receives = history.receives.entry(id.to_owned()).or_default();
            *receives += 1;
            let counted = receives.to_string();
            history.is_miscounted |= record["attributes"]["ApproximateReceiveCount"] != counted;
            // A consumer that keeps the order reports the rest of a group too.
            let is_failed = random.u32(..10) == 0 || failed.iter().any(|failed: &&str| &failed[..2] == group);
            if is_failed {
                failed.push(id);
            } else if !nothing {
                history.handled.entry(group.to_owned()).or_default().push(id.to_owned());
            }
        }
        if nothing { Reply::Nothing } else { fail(records, &failed) }
    });
    let options = format!("--visibility-timeout 1s --concurrency 3 --max-receive-count {MAX_RECEIVES}");
    let receiving = Receiving::start(&consumer.url, &options);
    let mut expected = BTreeMap::<String, Vec<String>>::new();
    for number in 0..20 {
        for group in 10..25 {
            let (group, id) = (group.to_string(), format!("{group}-{number:02}"));
            assert_eq!(receiving.deliver(&id, &group), 202);
            expected.entry(group).or_default().push(id);
        }
    }
    let (mut handled, mut dead) = (0, BTreeSet::new());
    while handled + dead.len() < 300 {
        let printed = receiving.serve.message();
        let messages = printed["batch"]["messages"].as_array().into_iter().flatten();
        handled += messages.filter(|message| message["outcome"] == "handled").count();
        if let Some(id) = printed["dead_letter"]["MessageAttributes"]["event_id"]["StringValue"].as_str() {
            dead.insert(id.to_owned());
        }
    }
    let history = history.lock().unwrap();
    for (group, ids) in &expected {
        let alive: Vec<_> = ids.iter().filter(|id| !dead.contains(*id)).cloned().collect();
        assert_eq!(history.handled.get(group).cloned().unwrap_or_default(), alive);
    }
    assert!(!history.is_miscounted && history.receives.values().all(|receives| *receives <= MAX_RECEIVES));
    assert!(dead.iter().all(|id| history.receives[id] == MAX_RECEIVES), "{dead:?}");
}

#[test]
fn the_inspector_counts_what_became_of_the_messages() {
    let consumer = ConsumerStandIn::start(|number, records| match number {
        0 => handled(),
        1 => fail(records, &["a2"]),
        2 => fail(records, &["b1"]),
        _ => Reply::Late(20 * SECOND),
    });
    let options = "--batch-size 1 --visibility-timeout 2s --max-receive-count 1";
    let receiving = Receiving::start(&consumer.url, options);
    let state = || {
        let url = receiving.url.replace("/webhooks/duffel", "/inspector/state");
        let state: Value =
            serde_json::from_reader(ureq::get(&url).call().unwrap().body_mut().as_reader()).unwrap();
        state["queue"].clone()
    };
    for id in ["a1", "a2"] {
        receiving.deliver_all(id);
        consumer.next();
    }
    receiving.printed("dead_letter");
    for id in ["b1", "c1"] {
        receiving.deliver_all(id);
        consumer.next();
    }
    receiving.deliver_all("c2");
    let queue = state();
    let expected = json!({
        "url": consumer.url, "handled": 1, "dead_letters": 1, "failed": 1, "in_flight": 1, "not_received": 1,
    });
    assert_eq!((&queue["consumer"], &queue["total"]), (&expected, &json!(5)));
}

#[test]
fn what_is_lost_with_the_memory_is_said_at_the_end() {
    let consumer = ConsumerStandIn::start(|number, records| match number {
        0 => fail(records, &["a1"]),
        _ => Reply::Late(30 * SECOND),
    });
    let receiving = Receiving::start(&consumer.url, "--batch-size 1 --visibility-timeout 20s");
    receiving.deliver_all("a1");
    consumer.next();
    receiving.deliver_all("a2 b1 b2");
    consumer.next();
    let began = Instant::now();
    let mut serve = receiving.serve;
    tool::signal("INT", &serve.process);
    assert_eq!(serve.process.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < 5 * SECOND, "it waits for nothing");
    let (_, log) = serve.rest();
    let expected = "duffel-hooks: the queue was in memory, and 4 messages in it are lost: 2 not received, 1 in flight, \
                    1 failed";
    assert_eq!(log.last().unwrap(), expected);
}

#[test]
fn nothing_is_said_at_the_end_if_nothing_is_lost() {
    let consumer = ConsumerStandIn::start(|_, _| handled());
    let receiving = Receiving::start(&consumer.url, "");
    receiving.deliver_all("a1");
    receiving.printed("batch");
    let mut serve = receiving.serve;
    tool::signal("TERM", &serve.process);
    assert_eq!(serve.process.wait().unwrap().code(), Some(143));
    assert!(serve.rest().1.iter().all(|line| line.starts_with('{') || !line.contains("lost")));
}

#[test]
fn options_of_the_consumer_need_one_and_exclude_a_real_queue() {
    for (arguments, reason) in [
        ("--function consumer", "--to <URL>"),
        ("--batch-size 5", "--to <URL>"),
        ("--to localhost:9000", "did you mean http://localhost:9000?"),
        ("--to http://localhost:9000 --forward", "cannot be used with '--forward'"),
        ("--to http://localhost:9000 --batch-size 11", "11 is not in 1..=10"),
        ("--to http://localhost:9000 --visibility-timeout 0s", "it must be between 1s and 12h"),
        ("--to http://localhost:9000 --function a/b", "it is not the name of a function"),
    ] {
        let mut command = tool::command(["serve"]);
        let done = Done::of(&command.args(arguments.split_whitespace()).output().unwrap());
        done.assert_failed(2, reason);
    }
}

/// What `docs/local.md` shows.
#[test]
fn a_terminal_has_a_line_for_each_batch() {
    let address = reserved_address();
    let to = format!("http://{address}");
    let options = ["--to", &to, "--function", "consumer", "--visibility-timeout", "2s"];
    let options = [&options[..], &["--max-receive-count", "2"]].concat();
    let serve = on_a_terminal(&options, &[("NO_COLOR", "1"), ("WEBHOOK_SECRET", SECRET)]);
    let greeting = until(&serve, "Receiving on ");
    let url = greeting.last().unwrap().trim().strip_prefix("Receiving on ").unwrap().to_owned();
    until(&serve, " send --to ");
    let receiving = Receiving { serve, url };
    receiving.send(&event("order.created", "wev_1", "ord_1"));
    let mut lines = until(&receiving.serve, "-> --- waiting");
    receiving.send(&event("air.order.changed", "wev_2", "ord_1"));
    receiving.send(&event("order.created", "wev_3", "ord_2"));
    lines.extend(until(&receiving.serve, "wev_3"));
    let _consumer = ConsumerStandIn::start_at(address, |number, records| match number {
        0 => fail(records, &["wev_2"]),
        1 => Reply::Raw(200, true, r#"{"errorType":"KeyError","errorMessage":"order"}"#),
        _ => handled(),
    });
    lines.extend(until(&receiving.serve, "-> dead letter"));
    receiving.send(&event("order.created", "wev_4", "ord_3"));
    lines.extend(until(&receiving.serve, "-> 200 handled"));
    let lines = lines.iter().map(|line| line.trim_end()).filter(|line| !line.is_empty());
    // After a slow response.
    let lines = lines.map(|line| format!("{}\n", line.replace("in 1 s", "in 2 s")));
    snapshot::assert("serve-to", &lines.collect::<String>());
}
