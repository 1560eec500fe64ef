//! A log group in `MiniStack`, with what a receiver logged.

use std::time::{Duration, SystemTime};

use duffel_webhook_receiver::time::parse_time;
use serde_json::{Value, json};

use crate::support::ministack::{ACCESS_KEY, REGION, endpoint};

/// A log group with one stream.
pub struct LogGroup {
    name: String,
}

impl LogGroup {
    pub fn new(name: &str) -> Self {
        call("CreateLogGroup", &json!({ "logGroupName": name }));
        Self::existing(name)
    }

    /// A group that exists.
    pub fn existing(name: &str) -> Self {
        call("CreateLogStream", &json!({ "logGroupName": name, "logStreamName": "one" }));
        Self { name: name.to_owned() }
    }

    /// Adds lines, as Lambda does for a function.
    pub fn put(&self, lines: &[String]) {
        let event = |line: &String| {
            let parsed: Value = serde_json::from_str(line).unwrap_or_default();
            let at = parsed["timestamp"].as_str().and_then(parse_time).unwrap_or_else(SystemTime::now);
            let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
            json!({ "timestamp": u64::try_from(at).unwrap(), "message": format!("{line}\n") })
        };
        let events: Vec<_> = lines.iter().map(event).collect();
        call(
            "PutLogEvents",
            &json!({ "logGroupName": self.name, "logStreamName": "one", "logEvents": events }),
        );
    }
}

/// A line with its time set back.
pub fn earlier(line: &str, by: Duration) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap();
    let at = parse_time(line["timestamp"].as_str().unwrap()).unwrap() - by;
    line["timestamp"] = humantime::format_rfc3339_micros(at).to_string().into();
    line.to_string()
}

fn call(operation: &str, body: &Value) {
    // MiniStack reads the region from it, and does not check the signature.
    let scope = format!("{ACCESS_KEY}/20261121/{REGION}/logs/aws4_request");
    let answer = ureq::post(endpoint())
        .header("Content-Type", "application/x-amz-json-1.1")
        .header("X-Amz-Target", format!("Logs_20140328.{operation}"))
        .header(
            "Authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
        )
        .send(body.to_string())
        .unwrap();
    assert_eq!(answer.status(), 200, "{operation}");
}
