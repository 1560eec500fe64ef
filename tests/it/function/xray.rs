//! X-Ray: the subsegments that a daemon gets, and the trace that travels with a message.

use std::{
    collections::BTreeSet,
    pin::pin,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_sqs::types::MessageSystemAttributeName;
use duffel_webhook_receiver::{
    aws::XRayDaemon,
    gateway::{self, Invocation, Payload},
    http::LogLine,
    in_memory::MemoryLedger,
    queue::{Message, Queue, QueueError},
    receive::{Receiver, filter::Filter},
};
use serde_json::{Value, json};
use tokio::{
    net::UdpSocket,
    sync::{Barrier, mpsc},
    time::timeout,
};

use super::{Delivery, Env, answer};
use crate::support::{
    proxy::AwsFault,
    test_receiver::{SECRET, WINDOW, duffel, event},
};

const PARENT: &str = "53995c3f42cd8ad8";

/// The id of a trace of its own for each number.
fn trace_id(number: u32) -> String {
    format!("1-5759e988-bd862e3fe1be46a9942{number:05}")
}

fn sampled(number: u32) -> String {
    format!("Root={};Parent={PARENT};Sampled=1;Lineage=1:a87bd80c:0", trace_id(number))
}

fn order(number: u32) -> Delivery {
    Delivery::new(event("order.created", &format!("wev_{number}"), &format!("ord_{number}")))
}

/// Stands in for the daemon: a socket for datagrams.
struct Daemon(UdpSocket);

impl Daemon {
    async fn new() -> Self {
        Self(UdpSocket::bind("127.0.0.1:0").await.unwrap())
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// The next subsegment; `None` if there is none, although it would have been sent before the answer.
    async fn next(&self) -> Option<Value> {
        let mut datagram = vec![0; 65_536];
        let received = timeout(Duration::from_millis(200), self.0.recv(&mut datagram)).await;
        let text = String::from_utf8(datagram[..received.ok()?.unwrap()].to_vec()).unwrap();
        let (header, document) = text.split_once('\n').unwrap();
        assert_eq!(serde_json::from_str::<Value>(header).unwrap(), json!({ "format": "json", "version": 1 }));
        Some(serde_json::from_str(document).unwrap())
    }
}

async fn deliver(env: &Env, delivery: &Delivery, trace: Option<&str>) -> u16 {
    answer(env.function.invoke_traced(delivery.event(), trace).await).status
}

#[tokio::test]
async fn a_sampled_invocation_has_a_subsegment_with_annotations() {
    let daemon = Daemon::new().await;
    let env = Env::with(&[("AWS_XRAY_DAEMON_ADDRESS", &daemon.address())]).await;
    env.proxy.inject("sqs:SendMessage", [AwsFault::Delay(Duration::from_millis(300))]);
    let seconds = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let before = seconds();
    assert_eq!(deliver(&env, &order(1), Some(&sampled(1))).await, 202);
    let after = seconds();
    let mut subsegment = daemon.next().await.unwrap();
    let mut take = |name: &str| subsegment.as_object_mut().unwrap().remove(name).unwrap();
    let (start, end) = (take("start_time").as_f64().unwrap(), take("end_time").as_f64().unwrap());
    assert!(before <= start && start + 0.3 <= end && end <= after, "{before} {start} {end} {after}");
    let id = take("id");
    let id = id.as_str().unwrap();
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(
        subsegment,
        json!({
            "name": "receive",
            "trace_id": trace_id(1),
            "parent_id": PARENT,
            "type": "subsegment",
            "error": false,
            "fault": false,
            "annotations": {
                "outcome": "accepted",
                "source": "duffel",
                "event_id": "wev_1",
                "event_type": "order.created",
            },
        })
    );
    assert_eq!(daemon.next().await, None, "one datagram");
    let message = env.message().await;
    let header = message.attributes().unwrap().get(&MessageSystemAttributeName::AwsTraceHeader);
    assert_eq!(header, Some(&sampled(1)));
}

#[tokio::test]
async fn refusals_and_failures_are_annotated_with_their_cause() {
    let daemon = Daemon::new().await;
    let env = Env::with(&[("AWS_XRAY_DAEMON_ADDRESS", &daemon.address())]).await;
    let long = "x".repeat(10_000);
    let long_type = Delivery::new(event(&long, "wev_3", "ord_3"));
    let not_found = order(1).to("POST", &format!("/{SECRET}"));
    env.proxy.inject("dynamodb:GetItem", [AwsFault::Down]);
    let cases = [
        (
            order(1).unsigned(),
            401,
            json!({ "outcome": "unauthorized", "cause": "missing", "source": "duffel" }),
        ),
        (not_found, 404, json!({ "outcome": "not_found", "cause": "unknown_path" })),
        (
            long_type,
            503,
            json!({
                "outcome": "unavailable",
                "cause": "ledger",
                "source": "duffel",
                "event_id": "wev_3",
                "event_type": format!("{}…", &long[..128]),
            }),
        ),
    ];
    for (delivery, status, annotations) in cases {
        assert_eq!(deliver(&env, &delivery, Some(&sampled(1))).await, status);
        let subsegment = daemon.next().await.unwrap();
        assert_eq!(subsegment["annotations"], annotations);
        assert_eq!([&subsegment["error"], &subsegment["fault"]], [status < 500, status >= 500]);
    }
}

#[tokio::test]
async fn sequential_invocations_do_not_mix_their_traces() {
    let daemon = Daemon::new().await;
    let env = Env::with(&[("AWS_XRAY_DAEMON_ADDRESS", &daemon.address())]).await;
    let mut ids = BTreeSet::new();
    for number in 1..=6_u32 {
        let is_sampled = number.is_multiple_of(2);
        // The environment variable of the invocation before is that of a sampled one.
        let trace = is_sampled.then(|| sampled(number));
        assert_eq!(deliver(&env, &order(number), trace.as_deref()).await, 202);
        let subsegment = daemon.next().await;
        assert_eq!(subsegment.is_some(), is_sampled);
        let Some(subsegment) = subsegment else { continue };
        assert_eq!(subsegment["trace_id"], trace_id(number));
        assert_eq!(subsegment["annotations"]["event_id"], format!("wev_{number}"));
        ids.insert(subsegment["id"].to_string());
    }
    assert_eq!(ids.len(), 3, "each subsegment has an id of its own");
    for message in env.backend.messages().await {
        let id = message.message_attributes().unwrap()["event_id"].string_value().unwrap();
        let number: u32 = id.trim_start_matches("wev_").parse().unwrap();
        let header = message.attributes().unwrap().get(&MessageSystemAttributeName::AwsTraceHeader);
        assert_eq!(header, number.is_multiple_of(2).then(|| sampled(number)).as_ref(), "{id}");
    }
}

/// A queue that confirms two messages once it has both, and keeps their traces.
struct Both {
    barrier: Barrier,
    sent: mpsc::UnboundedSender<(String, Option<String>)>,
}

impl Queue for Both {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        self.barrier.wait().await;
        let group = message.group_id().to_owned();
        self.sent.send((group, message.trace().map(str::to_owned))).unwrap();
        Ok("a message".to_owned())
    }
}

#[tokio::test]
async fn concurrent_invocations_do_not_mix_their_traces() {
    let daemon = Daemon::new().await;
    let xray = XRayDaemon::new(&daemon.address()).unwrap();
    let (sent, mut messages) = mpsc::unbounded_channel();
    let receiver = Receiver {
        sources: vec![duffel(&[SECRET], WINDOW, Filter::default())].into(),
        ledger: MemoryLedger::default(),
        queue: Both { barrier: Barrier::new(2), sent },
        window: WINDOW,
    };
    let invoke = async |number: u32| {
        let payload: Payload = serde_json::from_str(&order(number).event()).unwrap();
        let trace = sampled(number);
        let invocation = Invocation { trace: Some(&trace), ..Invocation::default() };
        let report = |line: LogLine, duration| xray.send(&line, duration);
        gateway::invoke(&receiver, None, payload, invocation, report).await["statusCode"].clone()
    };
    let (first, second) = (pin!(invoke(1)), pin!(invoke(2)));
    assert_eq!(tokio::join!(first, second), (202.into(), 202.into()));
    let mut pairs = BTreeSet::new();
    for _ in 0..2 {
        let subsegment = daemon.next().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        pairs.insert((text(&subsegment["annotations"]["event_id"]), text(&subsegment["trace_id"])));
        let (group, trace) = messages.recv().await.unwrap();
        let number: u32 = group.trim_start_matches("duffel/ord_").parse().unwrap();
        assert_eq!(trace, Some(sampled(number)));
    }
    assert_eq!(pairs, [1, 2].map(|number| (format!("wev_{number}"), trace_id(number))).into());
}

#[tokio::test]
async fn an_invocation_that_is_not_sampled_sends_nothing_and_passes_no_trace_on() {
    let daemon = Daemon::new().await;
    let env = Env::with(&[("AWS_XRAY_DAEMON_ADDRESS", &daemon.address())]).await;
    let headers = [
        Some(sampled(1).replace("Sampled=1", "Sampled=0")),
        Some(sampled(1).replace("Sampled=1", "Sampled=?")),
        Some(sampled(1).replace("Sampled=1;", "")),
        Some("Sampled=1".to_owned()),
        None,
    ];
    for (number, header) in (1..).zip(&headers) {
        // The header in the event is the sender's.
        let delivery = order(number).header("X-Amzn-Trace-Id", &sampled(9));
        assert_eq!(deliver(&env, &delivery, header.as_deref()).await, 202);
        assert_eq!(env.proxy.header("sqs:SendMessage", "x-amzn-trace-id"), None, "{header:?}");
        assert_eq!(daemon.next().await, None, "{header:?}");
    }
    let messages = env.backend.messages().await;
    assert_eq!(messages.len(), headers.len());
    for message in messages {
        let header = message.attributes().unwrap().get(&MessageSystemAttributeName::AwsTraceHeader);
        assert_eq!(header, None);
    }
    // There is a trace, and no segment in it that a subsegment could be part of.
    let rootless = sampled(7).replace(&format!("Parent={PARENT};"), "");
    assert_eq!(deliver(&env, &order(7), Some(&rootless)).await, 202);
    assert_eq!(daemon.next().await, None);
    assert_eq!(env.proxy.header("sqs:SendMessage", "x-amzn-trace-id"), Some(rootless));
}

#[tokio::test]
async fn without_a_usable_daemon_deliveries_are_answered_as_usual() {
    let gone = Daemon::new().await.address();
    for (address, warnings) in [("", 0), (gone.as_str(), 0), ("localhost:2000", 1), ("192.0.2.1:2000", 0)] {
        let mut env = Env::with(&[("AWS_XRAY_DAEMON_ADDRESS", address)]).await;
        for number in 1..=3 {
            assert_eq!(deliver(&env, &order(number), Some(&sampled(1))).await, 202, "{address}");
        }
        let lines = env.function.lines();
        let warned = lines.iter().filter(|line| line.contains("AWS_XRAY_DAEMON_ADDRESS")).count();
        assert_eq!((warned, lines.len()), (warnings, 3 + warnings), "{address}: {lines:?}");
    }
    let env = Env::new().await;
    assert_eq!(deliver(&env, &order(1), Some(&sampled(1))).await, 202);
}
