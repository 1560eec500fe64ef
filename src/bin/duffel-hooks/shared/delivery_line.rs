//! The line that the receiver logs for a delivery, read from its log.

use std::time::SystemTime;

use duffel_webhook_receiver::{deployment::log_group::LogEvent, time::parse_time};
use serde_json::Value;

/// The line of a delivery; `docs/reference.md` has its fields.
#[derive(Clone, Debug)]
pub(crate) struct DeliveryLine {
    pub(crate) at: SystemTime,
    pub(crate) level: String,
    pub(crate) source: Option<String>,
    pub(crate) event_id: Option<String>,
    pub(crate) event_type: Option<String>,
    pub(crate) identity: Option<String>,
    /// The id of the event that was forwarded, if this one is a duplicate with another id.
    pub(crate) recorded_id: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) outcome: String,
    pub(crate) status: u16,
    pub(crate) cause: Option<String>,
    pub(crate) duration_ms: Option<f64>,
    pub(crate) error: Option<String>,
    /// All of it.
    pub(crate) raw: Value,
}

impl DeliveryLine {
    /// Reads a line; `None` if it is not about a delivery.
    pub(crate) fn read(event: &LogEvent) -> Option<Self> {
        let raw: Value = serde_json::from_str(&event.message).ok()?;
        let text = |name: &str| raw[name].as_str().map(str::to_owned);
        Some(Self {
            at: raw["timestamp"].as_str().and_then(parse_time).unwrap_or(event.at),
            level: text("level").unwrap_or_default(),
            source: text("source"),
            event_id: text("event.id"),
            event_type: text("event.type"),
            identity: text("event.identity"),
            recorded_id: text("event.recorded_id"),
            message_id: text("message.id"),
            outcome: text("outcome")?,
            status: raw["status"].as_u64()?.try_into().ok()?,
            cause: text("cause"),
            duration_ms: raw["duration_ms"].as_f64(),
            error: text("error"),
            raw,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Option<DeliveryLine> {
        DeliveryLine::read(&LogEvent { at: SystemTime::UNIX_EPOCH, message: message.to_owned() })
    }

    #[test]
    fn only_lines_of_deliveries_are_read() {
        for other in ["", "INIT_START", "[]", r#"{"level":"WARN","message":"no ledger"}"#] {
            assert!(read(other).is_none(), "{other}");
        }
        let line = r#"{"timestamp":"2026-11-21T12:00:00.5Z","outcome":"unauthorized","status":401,"cause":"mismatch"}"#;
        let line = read(line).unwrap();
        assert_eq!((line.status, line.cause.as_deref()), (401, Some("mismatch")));
        assert_eq!(line.at, humantime::parse_rfc3339("2026-11-21T12:00:00.5Z").unwrap());
    }
}
