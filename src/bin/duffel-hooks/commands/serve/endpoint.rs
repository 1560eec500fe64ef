//! The endpoint of `serve`: the function's endpoint, observed.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use duffel_webhook_receiver::{
    duffel::plain,
    http::{Cause, LogLine, RequestContext, delivery, respond_and_report, too_large},
    receive::Receiver,
    route::BasePath,
    time::milliseconds,
};
use http::{Method, Request, Response, request::Parts};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    inspector::{
        Inspector, KnownSource,
        delivery::{Content, Facts, MessageRow, SentBy, Summary},
        explanation::{Findings, is_signed, not_read, record_json},
    },
    ports::{Observed, ObservedLedger, ObservedQueue, observe},
    show::Shown,
};
use crate::shared::diagnosis::{self, Known, Mistake};

/// The most characters of a foreign text in the list.
const MAX_TEXT: usize = 128;

/// The receiver, and the inspector that keeps what it answered.
pub(super) struct Endpoint {
    pub(super) receiver: Receiver<ObservedLedger, ObservedQueue>,
    pub(super) base_path: Option<BasePath>,
    pub(super) inspector: Inspector,
    /// Each delivery with its message, for the output.
    pub(super) output: mpsc::UnboundedSender<Shown>,
    /// Whether the log has a line for each delivery.
    pub(super) logs: bool,
}

impl Endpoint {
    /// Answers a request of a client with this address.
    pub(super) async fn respond(&self, request: Request<Bytes>, client: IpAddr) -> Response<String> {
        Box::pin(self.deliver_from(client, request, SentBy::Client)).await.0
    }

    /// Answers a request, and keeps it if it is a delivery. Returns the number under which it is kept, too.
    pub(super) async fn deliver(
        &self,
        request: Request<Bytes>,
        sent_by: SentBy,
    ) -> (Response<String>, Option<u64>) {
        // What the inspector sends comes from this machine.
        self.deliver_from(Ipv4Addr::LOCALHOST.into(), request, sent_by).await
    }

    async fn deliver_from(
        &self,
        caller: IpAddr,
        request: Request<Bytes>,
        sent_by: SentBy,
    ) -> (Response<String>, Option<u64>) {
        let received_at = SystemTime::now();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (headers, body) = (request.headers().clone(), request.body().clone());
        let request_id = Some(Uuid::new_v4().to_string());
        let base_path = self.base_path.clone();
        let context =
            RequestContext { request_id, base_path, caller: Some(caller), ..RequestContext::default() };
        let mut reported = None;
        let report = |line, duration| reported = Some((line, duration));
        let request = respond_and_report(&self.receiver, request, context, received_at, report);
        let (response, observed) = Box::pin(observe(request)).await;
        let Some((line, duration)) = reported else { return (response, None) };
        let kept = Content { uri, headers, body, message: Content::without_body(observed.message.clone()) };
        let number = is_delivery(&line, &method).then(|| {
            let facts = self.facts(&line, &observed, &kept, (&method, received_at, duration, sent_by));
            let summary = self.inspector.journal.keep(facts, kept);
            let number = summary.number;
            // If the output has ended, the process ends soon.
            let _ = self.output.send(Shown::Delivery(Box::new(summary), observed.message));
            number
        });
        if self.logs {
            line.write(duration);
        }
        (response, number)
    }

    /// Answers a request whose body is larger than `limit` bytes, and was not read to its end.
    pub(super) fn too_large(&self, request: &Parts, limit: usize) -> Response<String> {
        let response = too_large();
        let text = format!("the body has more than {limit} bytes, which is the most that Lambda passes on");
        let summary = Summary {
            number: 0,
            received_at: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            source: None,
            method: plain(request.method.as_str(), MAX_TEXT),
            path: plain(request.uri.path(), MAX_TEXT),
            status: response.status().as_u16(),
            outcome: "too_large",
            cause: Some(Cause::TooLargeBody.word()),
            event_id: None,
            event_type: None,
            bytes: limit,
            duration_ms: 0.0,
            reason: format!("refused: {text}"),
            sent_by: SentBy::Client,
        };
        let facts = Facts { summary, explanation: not_read(text), hint: None, record: None, message: None };
        let (uri, headers) = (request.uri.clone(), request.headers.clone());
        let summary =
            self.inspector.journal.keep(facts, Content { uri, headers, body: Bytes::new(), message: None });
        let _ = self.output.send(Shown::Delivery(Box::new(summary), None));
        response
    }

    /// Finds out what is wrong with a signature.
    fn mistake(&self, source: &KnownSource, content: &Content) -> Option<Mistake> {
        let others = self.inspector.sources.iter().filter(|other| other.name != source.name);
        let request =
            diagnosis::Request { headers: &content.headers, query: content.uri.query(), body: &content.body };
        diagnosis::find(&known(source), &others.map(known).collect::<Vec<_>>(), &request)
    }

    fn facts(
        &self,
        line: &LogLine,
        observed: &Observed,
        content: &Content,
        (method, received_at, duration, sent_by): (&Method, SystemTime, Duration, SentBy),
    ) -> Facts {
        let log = &line.delivery;
        let source = log.source.as_deref().and_then(|name| self.inspector.source(name));
        let is_signed = is_signed(line);
        let secret = source.filter(|_| is_signed).and_then(|source| {
            let delivery =
                delivery(&source.scheme, &content.headers, content.uri.query(), content.body.clone(), None);
            let position = diagnosis::signer(&source.scheme, &source.secrets, &delivery)?;
            Some((position + 1, source.secrets.len()))
        });
        let is_refused = line.outcome == "unauthorized" && !is_signed && !line.is_handshake;
        let mistake = source.filter(|_| is_refused).and_then(|source| self.mistake(source, content));
        let bytes = content.body.len();
        let findings = Findings { line, observed, bytes, received_at, secret, mistake: mistake.as_ref() };
        let text = |text: &str| plain(text, MAX_TEXT);
        let summary = Summary {
            number: 0,
            received_at: humantime::format_rfc3339_millis(received_at).to_string(),
            source: log.source.clone(),
            method: text(method.as_str()),
            path: text(content.uri.path()),
            status: line.status.as_u16(),
            outcome: line.outcome,
            cause: line.cause.map(Cause::word),
            event_id: log.event_id.as_deref().map(text),
            event_type: log.event_type.as_deref().map(text),
            bytes: content.body.len(),
            duration_ms: milliseconds(duration),
            reason: findings.reason(),
            sent_by,
        };
        let message = observed.message.as_ref().map(MessageRow::of);
        let record = observed.record.as_ref().map(|(identity, record)| record_json(identity, record));
        Facts {
            summary,
            explanation: findings.steps(),
            hint: mistake.map(|mistake| mistake.hint()),
            record,
            message,
        }
    }
}

/// The source, as the diagnosis needs it.
fn known(source: &KnownSource) -> Known<'_> {
    Known { name: &source.name, scheme: &source.scheme, secrets: &source.secrets }
}

/// Returns `true` unless the request is a health check, or asks for something that does not exist: a browser asks for
/// icons, and a scanner for anything.
fn is_delivery(line: &LogLine, method: &Method) -> bool {
    match line.outcome {
        "ok" => false,
        "not_found" => !matches!(*method, Method::GET | Method::HEAD),
        _ => true,
    }
}
