//! The line of the log that each request writes. Its fields are described in `docs/reference.md`.

use std::time::Duration;

use http::StatusCode;
use tracing::Level;

use super::{
    BadEvent, Cause,
    answer::{Answer, NotFound},
};
use crate::{
    ledger::{Difference, LedgerError},
    log,
    receive::{DeliveryLog, Outcome, Refusal},
    time::milliseconds,
    trace::Trace,
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
    pub cause: Option<Cause>,
    /// `true` if the request was a handshake, answered or refused. Not in the log, which has the outcome.
    pub is_handshake: bool,
    pub status: StatusCode,
    /// `true` for the first request of an execution environment.
    pub is_cold: bool,
    pub error: Option<String>,
}

impl LogLine {
    /// Fills the line of an answer.
    pub(super) fn new(
        request_id: Option<String>,
        is_cold: bool,
        bad_event: Option<BadEvent>,
        delivery: DeliveryLog,
        (answer, (status, outcome)): (Answer, (StatusCode, &'static str)),
    ) -> Self {
        let mut line = Self {
            level: Level::INFO,
            request_id,
            path: None,
            delivery,
            recorded_event_id: None,
            message_id: None,
            outcome,
            cause: Cause::of(&answer),
            is_handshake: matches!(
                answer,
                Answer::Received(Ok(Outcome::Handshake(_)) | Err(Refusal::Handshake(_)))
            ),
            status,
            is_cold,
            error: None,
        };
        let is_health = matches!(answer, Answer::Healthy);
        // The body that could not be read is the cause of any refusal that follows from it.
        let bad_body =
            bad_event.filter(|event| matches!(event, BadEvent::Body)).map(|event| event.to_string());
        match answer {
            Answer::Received(Ok(Outcome::Accepted { message_id, recorded })) => {
                line.message_id = Some(message_id);
                line.error = failure("in the queue, but not recorded", recorded);
            }
            Answer::Received(Ok(Outcome::Duplicate { of, difference, extended })) => {
                line.message_id = Some(of.message_id);
                let has_other_id = difference == Some(Difference::EventId);
                line.recorded_event_id =
                    has_other_id.then(|| log::excerpt(of.event_id.as_deref().unwrap_or("none")));
                line.error = failure("the record was not extended", extended);
            }
            // What was refused without a look at the body.
            Answer::Received(Err(
                refusal @ (Refusal::OtherNetwork { .. }
                | Refusal::UnknownCaller
                | Refusal::SourcesUnavailable),
            )) => line.error = Some(log::chain(&refusal)),
            Answer::Received(Err(_)) | Answer::MethodNotAllowed { .. } if bad_body.is_some() => {
                line.cause = Some(Cause::Body);
                line.error = bad_body;
            }
            Answer::Received(Err(refusal)) => line.error = Some(log::chain(&refusal)),
            Answer::NotFound(NotFound::UnreadableEvent { reason }) => line.error = Some(reason),
            Answer::NotFound(NotFound::UnknownPath { path, unknown }) => {
                line.path = Some(path);
                line.error = Some(unknown.to_string());
            }
            Answer::MethodNotAllowed { .. }
            | Answer::Received(Ok(Outcome::Ignored | Outcome::Handshake(_)))
            | Answer::Healthy => {}
        }
        let warning = line.delivery.warning.take();
        if warning.is_some() {
            line.cause.get_or_insert(Cause::Undecided);
        }
        line.error =
            warning.into_iter().chain(line.error).reduce(|warning, error| format!("{warning}; {error}"));
        line.level = match line.cause {
            Some(_) if status == StatusCode::SERVICE_UNAVAILABLE => Level::ERROR,
            // Most such requests are scans.
            Some(Cause::UnknownPath) => Level::INFO,
            Some(_) => Level::WARN,
            // A monitor asks every few seconds, and the gateway's access log has its requests anyway.
            None if is_health && !is_cold => Level::DEBUG,
            None => Level::INFO,
        };
        line
    }

    /// Writes the line, with the duration of the request.
    pub fn write(self, duration: Duration) {
        let Self { level, request_id, path, delivery, recorded_event_id, message_id, outcome, .. } = self;
        let DeliveryLog {
            source,
            trace,
            label,
            signature_age,
            event_id,
            event_type,
            identity,
            ledger,
            queue,
            ..
        } = delivery;
        let (cause, status, error) = (self.cause.map(Cause::word), self.status.as_u16(), self.error);
        let trace_id = trace.as_ref().map(Trace::id);
        let cold = self.is_cold.then_some(true);
        let event_type = event_type.as_deref().map(log::excerpt);
        let event_id = event_id.as_deref().map(log::excerpt);
        let duration_ms = milliseconds(duration);
        let (ledger_ms, queue_ms) = (ledger.map(milliseconds), queue.map(milliseconds));
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
                    signature.label = label.as_deref(),
                    signature.age_s = signature_age,
                    message.id = message_id,
                    outcome,
                    cause,
                    status,
                    duration_ms,
                    ledger_ms,
                    queue_ms,
                    cold,
                    trace_id,
                    error,
                    "{status} {outcome}{}",
                    event_type.as_deref().map(|kind| format!(" {kind}")).unwrap_or_default(),
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
