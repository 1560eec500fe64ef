//! The line of the log that each request writes. Its fields are described in `docs/reference.md`.

use std::time::Duration;

use http::StatusCode;
use tracing::Level;

use super::{BadEvent, answer::Answer};
use crate::{
    ledger::{Difference, LedgerError},
    log,
    receive::{DeliveryLog, Outcome},
};

/// The fields of the line, of which each is only written if it has a value.
pub struct LogLine {
    level: Level,
    pub request_id: Option<String>,
    pub path: Option<String>,
    pub delivery: DeliveryLog,
    pub recorded_event_id: Option<String>,
    pub message_id: Option<String>,
    pub outcome: &'static str,
    pub cause: Option<&'static str>,
    pub status: StatusCode,
    pub error: Option<String>,
}

impl LogLine {
    /// Fills the line of an answer.
    pub(super) fn new(
        request_id: Option<String>,
        bad_event: Option<BadEvent>,
        delivery: DeliveryLog,
        answer: Answer,
    ) -> Self {
        let (status, outcome) = answer.status_and_word();
        let mut line = Self {
            level: Level::INFO,
            request_id,
            path: None,
            delivery,
            recorded_event_id: None,
            message_id: None,
            outcome,
            cause: None,
            status,
            error: None,
        };
        let (mut is_health, mut is_scan) = (false, false);
        // The body that could not be read is the cause of any refusal that follows from it.
        let bad_event = bad_event.map(|reason| reason.to_string());
        match answer {
            Answer::Received(Ok(Outcome::Accepted { message_id, recorded })) => {
                line.message_id = Some(message_id);
                line.error = failure("in the queue, but not recorded", recorded);
            }
            Answer::Received(Ok(Outcome::Duplicate { of, difference, extended })) => {
                line.message_id = Some(of.message_id);
                line.cause = difference.map(Difference::cause);
                let has_other_id = difference == Some(Difference::EventId);
                line.recorded_event_id =
                    has_other_id.then(|| log::excerpt(of.event_id.as_deref().unwrap_or("none")));
                line.error = failure("the record was not extended", extended);
            }
            Answer::Received(Err(refusal)) => line.error = bad_event.or_else(|| Some(log::chain(&refusal))),
            Answer::NotFound(not_found) => {
                is_scan = !not_found.is_warning;
                line.path = not_found.path;
                line.error = Some(not_found.reason);
            }
            Answer::MethodNotAllowed { .. } => line.error = bad_event,
            Answer::Healthy => is_health = true,
            Answer::Received(Ok(Outcome::Ignored)) => {}
        }
        let warning = line.delivery.warning.take();
        line.error =
            warning.into_iter().chain(line.error).reduce(|warning, error| format!("{warning}; {error}"));
        line.level = if status == StatusCode::SERVICE_UNAVAILABLE {
            Level::ERROR
        } else if is_health {
            // A monitor asks every few seconds, and the gateway's access log has its requests anyway.
            Level::DEBUG
        } else if !is_scan && (line.error.is_some() || line.cause.is_some()) {
            Level::WARN
        } else {
            Level::INFO
        };
        line
    }

    /// Writes the line, with the duration of the request.
    pub fn write(self, duration: Duration) {
        let Self { level, request_id, path, delivery, recorded_event_id, message_id, outcome, .. } = self;
        let DeliveryLog { source, label, signature_age, event_id, event_type, identity, .. } = delivery;
        let (cause, status, error) = (self.cause, self.status.as_u16(), self.error);
        let event_type = event_type.as_deref().map(log::excerpt);
        let event_id = event_id.as_deref().map(log::excerpt);
        let duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3;
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request.id = request_id,
                    source,
                    path,
                    event.id = event_id,
                    event.r#type = event_type,
                    event.identity = identity,
                    event.recorded_id = recorded_event_id,
                    signature.label = label,
                    signature.age_s = signature_age,
                    message.id = message_id,
                    outcome,
                    cause,
                    status,
                    duration_ms,
                    error,
                    "{status} {outcome}{}{}",
                    event_type.as_deref().map(|kind| format!(" {kind}")).unwrap_or_default(),
                    event_id.as_deref().map(|id| format!(" {id}")).unwrap_or_default(),
                )
            };
        }
        match level {
            Level::ERROR => line!(error),
            Level::WARN => line!(warn),
            Level::DEBUG => line!(debug),
            _ => line!(info),
        }
    }
}

/// Returns the text of a failure that did not change the answer.
fn failure(what: &str, result: Result<(), LedgerError>) -> Option<String> {
    result.err().map(|error| format!("{what}: {}", log::chain(&error)))
}
