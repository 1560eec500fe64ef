//! One attempt to deliver one event: the rest of it is fetched, it is signed, and the receiver is called.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::backlog::{Open, Record, has_data};
use crate::shared::local_client::{Unanswered, local_client};
use duffel_webhook_receiver::{
    duffel::{ApiError, Client, Retryability, plain},
    signature::{
        scheme::Scheme,
        secret::Key,
        sign::{Signing, sign},
    },
    time::unix_seconds,
};
use http::{StatusCode, header};
use serde_json::Value;

/// A receiver responds within 10 s, and a gateway within 30 s.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// The longest wait that a receiver can ask for.
const MAX_WAIT: Duration = Duration::from_mins(5);

/// Of the receiver's response, this much is read.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024;

/// Of the receiver's response, this much is shown.
const SHOWN: usize = 60;

/// What delivers events: the connections to Duffel and to the receiver.
pub(super) struct Deliverer {
    duffel: Arc<Client>,
    agent: ureq::Agent,
    url: String,
    scheme: Scheme,
    key: Key,
}

/// The result of an attempt.
pub(super) struct Attempt {
    pub(super) id: String,
    pub(super) outcome: Outcome,
    /// All that Duffel has of the event; `None` if that is not known.
    pub(super) record: Option<Value>,
}

pub(super) enum Outcome {
    /// The receiver responded: with this status, these first words, and this wait for a retry.
    Answered(StatusCode, String, Option<Duration>),
    /// The receiver did not get it.
    NoConnection(String),
    /// The receiver may have got it.
    NoAnswer(String),
    /// Duffel did not return the event, of which only the id is known, or its data.
    NotFetched(ApiError),
    /// Duffel does not have the event any more.
    Gone,
}

impl Deliverer {
    pub(super) fn new(duffel: Arc<Client>, url: &str, scheme: Scheme, key: Key) -> Self {
        Self { duffel, agent: local_client(TIMEOUT), url: url.to_owned(), scheme, key }
    }

    pub(super) fn attempt(&self, event: &Open) -> Attempt {
        match self.complete(event) {
            Ok(record) => {
                let outcome = self.post(record.to_string().as_bytes()).unwrap_or_else(failure);
                Attempt { id: event.id.clone(), outcome, record: Some(record) }
            }
            Err(outcome) => Attempt { id: event.id.clone(), outcome, record: None },
        }
    }

    /// Returns all that Duffel has of an event.
    fn complete(&self, event: &Open) -> Result<Value, Outcome> {
        if let Record::Complete(record) = &event.record {
            return Ok(record.clone());
        }
        match (self.duffel.event(&event.id), &event.record) {
            (Ok(fetched), Record::Listed(listed)) if !has_data(&fetched.raw) => Ok(listed.clone()),
            (Ok(fetched), _) => Ok(fetched.raw),
            (Err(error), Record::Listed(listed)) if error.retryability() == Retryability::Permanent => {
                Ok(listed.clone())
            }
            (Err(error), _) if error.status() == Some(StatusCode::NOT_FOUND) => Err(Outcome::Gone),
            (Err(error), _) => Err(Outcome::NotFetched(error)),
        }
    }

    fn post(&self, body: &[u8]) -> Result<Outcome, ureq::Error> {
        let signing = Signing { seconds: unix_seconds(SystemTime::now()), ..Signing::default() };
        let Ok(headers) = sign(&self.scheme, &self.key, signing, body) else {
            // A key of this scheme can always sign.
            return Ok(Outcome::NoConnection("it cannot be signed".to_owned()));
        };
        let request = self.agent.post(&self.url).header(header::CONTENT_TYPE, "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let mut response = request.send(body)?;
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|seconds| seconds.trim().parse().ok());
        let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds).min(MAX_WAIT));
        // The status is the answer, whatever becomes of the rest.
        let text = response.body_mut().with_config().limit(MAX_RESPONSE_BYTES).read_to_vec();
        let text = plain(&String::from_utf8_lossy(&text.unwrap_or_default()), SHOWN);
        Ok(Outcome::Answered(response.status(), text, retry_after))
    }
}

fn failure(error: ureq::Error) -> Outcome {
    match Unanswered::of(error, TIMEOUT) {
        Unanswered::NotReached(reason) => Outcome::NoConnection(reason),
        Unanswered::Lost(reason) => Outcome::NoAnswer(reason),
    }
}
