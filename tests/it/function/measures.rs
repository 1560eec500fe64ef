//! The figures in a line of the log: durations, the first line of an environment, the trace, and the size of the line.

use std::time::Duration;

use serde_json::Value;

use super::{Delivery, Env, PATH, answer};
use crate::support::{
    proxy::AwsFault,
    test_receiver::{ORDER_CREATED, event},
};

const LOOK_UP: &str = "dynamodb:GetItem";
const SEND: &str = "sqs:SendMessage";
const RECORD: &str = "dynamodb:PutItem";

const TRACE_ID: &str = "1-5759e988-bd862e3fe1be46a994272793";

/// The most bytes of an accepted delivery in the logs, by `docs/performance.md`, without those that `CloudWatch` adds to
/// each of the two lines, and without the line of the access log.
const MOST_BYTES: usize = 800 - 2 * 26 - 240;

fn lines(env: &mut Env) -> Vec<Value> {
    let lines = env.function.lines();
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line.get("status").is_some()).collect()
}

fn order(number: u32) -> Delivery {
    Delivery::new(event("order.created", &format!("wev_{number}"), &format!("ord_{number}")))
}

#[tokio::test]
async fn durations_are_logged_for_the_calls_that_were_made() {
    let mut env = Env::new().await;
    let large = format!("{:?}", "x".repeat(1_048_576 - 200));
    let large = Delivery::new(event("order.created", "wev_0", "ord_0").replace("{}", &large));
    let cases = [
        (order(1).unsigned(), None, (false, false)),
        (order(1).to("POST", "/wp-login.php"), None, (false, false)),
        (order(1), Some(LOOK_UP), (true, false)),
        (large, None, (true, false)),
        (order(1), Some(SEND), (true, true)),
        (order(1), None, (true, true)),
        (order(1), None, (true, false)),
        (order(2), Some(RECORD), (true, true)),
    ];
    for (delivery, faulty, _) in &cases {
        if let Some(call) = faulty {
            env.proxy.inject(call, [AwsFault::Down]);
        }
        env.deliver(delivery).await;
        env.proxy.heal();
    }
    let lines = lines(&mut env);
    assert_eq!(lines.len(), cases.len());
    for (line, (.., has)) in lines.iter().zip(cases) {
        let figure = |name: &str| line.get(name).map(|value| value.as_f64().unwrap());
        let (ledger, queue) = (figure("ledger_ms"), figure("queue_ms"));
        assert_eq!((ledger.is_some(), queue.is_some()), has, "{line}");
        assert!(
            figure("duration_ms").unwrap() >= ledger.unwrap_or_default() + queue.unwrap_or_default(),
            "{line}"
        );
        assert!([ledger, queue].into_iter().flatten().all(|figure| figure > 0.0), "{line}");
    }
}

#[tokio::test]
async fn without_a_table_no_time_of_a_ledger_is_logged() {
    let mut env = Env::with(&[("LEDGER_TABLE", "")]).await;
    env.deliver(&order(1)).await;
    let [line] = lines(&mut env).try_into().unwrap();
    assert!(line.get("queue_ms").is_some() && line.get("ledger_ms").is_none(), "{line}");
}

#[tokio::test]
async fn durations_are_those_of_all_calls_of_the_ledger_and_of_the_queue() {
    let mut env = Env::new().await;
    let slow = |milliseconds| [AwsFault::Delay(Duration::from_millis(milliseconds))];
    env.proxy.inject(LOOK_UP, slow(150));
    env.proxy.inject(RECORD, slow(250));
    env.proxy.inject(SEND, slow(700));
    env.deliver(&order(1)).await;
    let [line] = lines(&mut env).try_into().unwrap();
    let figure = |name: &str| line[name].as_f64().unwrap();
    assert!(figure("ledger_ms") >= 400.0 && figure("queue_ms") >= 700.0, "{line}");
    // No time counts twice. A bound of each would fail on a busy machine.
    assert!(figure("ledger_ms") + figure("queue_ms") <= figure("duration_ms"), "{line}");
}

#[tokio::test]
async fn only_the_first_line_of_an_environment_is_cold() {
    let health = || Delivery::new("").unsigned().to("GET", "/health");
    let scan = || Delivery::new("").unsigned().to("GET", "/wp-login.php");
    let mut env = Env::new().await;
    for first in [order(1), order(2).unsigned(), scan(), health(), order(3).to("GET", PATH)] {
        env.function.restart().await;
        for delivery in [&first, &order(1), &health(), &first] {
            env.deliver(delivery).await;
        }
        let lines = lines(&mut env);
        let cold: Vec<_> = lines.iter().map(|line| line.get("cold")).collect();
        assert_eq!(cold[0], Some(&true.into()), "{lines:?}");
        assert!(cold[1..].iter().all(Option::is_none), "{lines:?}");
        // Later health checks are logged at DEBUG only, so the start would not be counted.
        assert_ne!(lines[0]["level"], "DEBUG");
        let health = lines.iter().filter(|line| line["outcome"] == "ok").count();
        assert_eq!(health, usize::from(lines[0]["outcome"] == "ok"), "{lines:?}");
    }
}

#[tokio::test]
async fn the_trace_id_is_that_of_a_sampled_invocation_only() {
    let mut env = Env::new().await;
    let sampled = format!("Root={TRACE_ID};Parent=53995c3f42cd8ad8;Sampled=1");
    let traces = [
        (Some(sampled.clone()), Some(TRACE_ID)),
        (Some(sampled.replace("Sampled=1", "Sampled=0")), None),
        (Some(sampled.replace(";Sampled=1", "")), None),
        (Some(sampled.replace("Sampled=1", "Sampled=?")), None),
        (Some("nah".to_owned()), None),
        (None, None),
    ];
    // The header of the event is the sender's.
    let delivery = order(1).header("X-Amzn-Trace-Id", &sampled.replace("5759e988", "5759e989"));
    for (trace, _) in &traces {
        answer(env.function.invoke_traced(delivery.event(), trace.as_deref()).await);
    }
    let lines = lines(&mut env);
    let logged: Vec<_> = lines.iter().map(|line| line.get("trace_id").and_then(Value::as_str)).collect();
    assert_eq!(logged, traces.map(|(_, id)| id));
}

#[tokio::test]
async fn the_line_in_the_reference_is_like_a_real_one() {
    let mut env = Env::new().await;
    env.deliver(&order(1)).await;
    env.deliver(&Delivery::new(ORDER_CREATED)).await;
    let lines = env.function.lines();
    let real = lines.last().unwrap();
    let page = std::fs::read_to_string("docs/reference.md").unwrap();
    let example = page.lines().find(|line| line.starts_with(r#"{"timestamp""#)).unwrap();
    let names = |line: &str| {
        let fields: Vec<_> = line.trim_matches(['{', '}']).split(r#",""#).collect();
        fields
            .iter()
            .map(|field| field.split('"').find(|text| !text.is_empty()).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(example), names(real));
    assert!(example.len().abs_diff(real.len()) < 10, "{example}\n{real}");
    assert!(example.len() <= MOST_BYTES, "{} bytes", example.len());
}
