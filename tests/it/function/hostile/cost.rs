//! The cost of invalid input: it grows in proportion to the size, and memory is bounded.

use std::{collections::HashMap, fs};

use serde_json::json;

use super::{Delivery, Env, Gateway, answer, changed, event, nested};
use crate::support::runtime_api::Function;

const SMALL: usize = 512 * 1024;
const TIMES: usize = 8;

/// Proportional growth would be 8, quadratic growth 64; the rest is for a noisy machine.
const MAX_RATIO: f64 = 20.0;

/// For the payload, its text, its body, what is made of it, and the slack of the allocator.
const MAX_GROWTH: u64 = 16 * (SMALL * TIMES) as u64;

/// CPU time in nanoseconds, as the scheduler counts it: <https://docs.kernel.org/scheduler/sched-stats.html>.
fn cpu(function: &Function) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/schedstat", function.pid())).unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

/// The peak of memory, in bytes.
fn peak(function: &Function) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", function.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

type Make = fn(usize) -> String;

const PAYLOADS: [(&str, Make); 9] = [
    ("signed, too large", |size| signed(&format!("\"{}\"", "x".repeat(size)))),
    ("signed, an array of arrays", |size| signed(&nested(size / 2))),
    ("signed, many keys", |size| {
        let members: Vec<_> = (0..size / 16).map(|number| format!("\"key-{number:06}\":1")).collect();
        Delivery::new(format!("{{{}}}", members.join(","))).event()
    }),
    ("unsigned, escapes", |size| Delivery::new("\\\"".repeat(size / 4)).unsigned().event()),
    ("base64", |size| {
        Delivery::new("x".repeat(size / 4 * 3)).signature("t=1,v1=00").through(Gateway::RestApi, true).event()
    }),
    ("no base64", |size| {
        changed(Gateway::HttpApi, |event| {
            event["isBase64Encoded"] = true.into();
            event["body"] = format!("{}%", "A".repeat(size)).into();
        })
    }),
    ("an array of arrays for an event", |size| nested(size / 2)),
    ("one long header", |size| {
        Delivery::new("{}").signature(&format!("t=1{}", ",v1=00".repeat(size / 6))).event()
    }),
    ("many headers", |size| {
        let headers: HashMap<_, _> =
            (0..size / 128).map(|number| (format!("x-{number}"), ["x".repeat(116)])).collect();
        changed(Gateway::RestApi, |event| event["multiValueHeaders"] = json!(headers))
    }),
];

fn signed(data: &str) -> String {
    Delivery::new(event("order.created", "wev_1", "ord_1").replace("{}", data)).event()
}

#[tokio::test]
async fn cost_of_invalid_input_is_proportional_to_its_size() {
    let env = Env::new().await;
    let cost = async |payload: String| {
        let before = cpu(&env.function);
        let refusal = answer(env.function.invoke(payload).await);
        assert!(refusal.status < 500);
        cpu(&env.function) - before
    };
    cost("{}".to_owned()).await;
    let memory = peak(&env.function);
    for (name, make) in PAYLOADS {
        let small = cost(make(SMALL)).await;
        let large = cost(make(SMALL * TIMES)).await;
        #[expect(clippy::cast_precision_loss, reason = "these are no more than seconds")]
        let ratio = large as f64 / small as f64;
        println!("{name}: {} µs, then {} µs: {ratio:.1} times", small / 1_000, large / 1_000);
        assert!(ratio < MAX_RATIO, "{name}: {ratio} times the CPU for {TIMES} times the input");
    }
    let growth = peak(&env.function) - memory;
    println!("memory: {} KiB more at the peak", growth / 1024);
    assert!(growth < MAX_GROWTH, "{growth} bytes");
}
