//! A line of the log for people, and for programs.

use std::time::SystemTime;

use duffel_webhook_receiver::{deployment::log_group::LogEvent, duffel::plain};
use serde_json::{Value, json};

use crate::shared::{
    colour::{Colour, Colours},
    delivery_line::DeliveryLine,
};

/// What a line of the log is about.
pub(super) enum Row {
    Delivery(Box<DeliveryLine>),
    /// Something else that the receiver or Lambda has to say.
    Other {
        at: SystemTime,
        /// Empty if it has none.
        level: String,
        text: String,
        raw: Value,
    },
}

impl Row {
    pub(super) fn read(event: &LogEvent) -> Self {
        if let Some(line) = DeliveryLine::read(event) {
            return Self::Delivery(Box::new(line));
        }
        let raw: Value = serde_json::from_str(&event.message).unwrap_or_default();
        let texts = [raw["message"].as_str(), raw["error"].as_str()];
        let text = texts.into_iter().flatten().collect::<Vec<_>>().join(": ");
        let (text, raw) = match raw {
            // Such as the end of a process.
            Value::Object(_) if text.is_empty() => (event.message.clone(), raw),
            Value::Object(_) => (text, raw),
            _ => (event.message.clone(), json!({ "message": event.message })),
        };
        Self::Other { at: event.at, level: raw["level"].as_str().unwrap_or_default().to_owned(), text, raw }
    }

    /// Whether somebody should look at it.
    pub(super) fn is_problem(&self) -> bool {
        match self {
            Self::Delivery(line) => ["WARN", "ERROR"].contains(&line.level.as_str()),
            Self::Other { level, .. } => !["TRACE", "DEBUG", "INFO"].contains(&level.as_str()),
        }
    }

    pub(super) fn json(&self) -> String {
        match self {
            Self::Delivery(line) => line.raw.to_string(),
            Self::Other { raw, .. } => raw.to_string(),
        }
    }

    pub(super) fn text(&self, colours: Colours) -> String {
        let line = match self {
            Self::Delivery(line) => line,
            Self::Other { at, level, text, .. } => {
                let level = if level.is_empty() { "-" } else { level };
                let level = colours.paint(&format!("{level:5}"), Colour::Yellow);
                return format!("{}  {level}  {}", humantime::format_rfc3339_seconds(*at), plain(text, 400));
            }
        };
        let status = colours.paint(&line.status.to_string(), self.colour());
        let cell =
            |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), |it| plain(it, 128));
        let duration = line.duration_ms.map_or_else(|| "-".to_owned(), |it| format!("{it} ms"));
        let cause = line.cause.as_deref().or(line.error.as_deref()).unwrap_or_default();
        let text = format!(
            "{}  {status}  {:12}  {:24}  {:26}  {duration:>11}  {}",
            humantime::format_rfc3339_seconds(line.at),
            line.outcome,
            cell(&line.event_type),
            cell(&line.event_id),
            plain(cause, 200)
        );
        text.trim_end().to_owned()
    }

    fn colour(&self) -> Colour {
        match self {
            Self::Delivery(line) if line.status >= 400 => Colour::Red,
            _ if self.is_problem() => Colour::Yellow,
            _ => Colour::Green,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn row(message: &str) -> Row {
        Row::read(&LogEvent { at: UNIX_EPOCH, message: message.to_owned() })
    }

    #[test]
    fn what_is_not_about_a_delivery_is_a_problem_unless_it_is_information() {
        for (message, is_problem) in [
            (r#"{"level":"INFO","message":"started"}"#, false),
            (r#"{"level":"ERROR","message":"the secrets were not read"}"#, true),
            (r#"{"time":"2026-11-21T12:00:00Z","type":"platform.fault"}"#, true),
            ("RequestId: 1 Error: Runtime exited", true),
            (r#"{"level":"INFO","outcome":"accepted","status":202}"#, false),
            (r#"{"level":"WARN","outcome":"unauthorized","status":401}"#, true),
        ] {
            assert_eq!(row(message).is_problem(), is_problem, "{message}");
        }
    }

    #[test]
    fn a_text_of_somebody_else_cannot_control_the_terminal() {
        let text = row("\x1b[2Jgone").text(Colours::off());
        assert_eq!(text, "1970-01-01T00:00:00Z  -      \u{fffd}[2Jgone");
        assert_eq!(row("\x1b[2Jgone").json(), r#"{"message":"\u001b[2Jgone"}"#);
    }
}
