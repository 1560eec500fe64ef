//! The events of the model, from three sources, and the signatures of their senders.

use std::{sync::LazyLock, time::Duration};

use bytes::Bytes;
use duffel_webhook_receiver::{
    receive::{
        Source,
        filter::{Filter, Mode},
    },
    signature::{
        Verifier,
        scheme::Scheme,
        secret::Key,
        sign::{Signing, sign},
    },
};
use http::Request;

use crate::support::test_receiver::{event, key};

/// The greatest lead of a signed time over the receiver's clock, in seconds.
pub const SKEW: u64 = 300;

/// An event at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Booked,
    /// The same event as `Booked`, with another id.
    BookedAlias,
    /// Another event about the same object.
    Cancelled,
    BookedInTest,
    /// Of a type that happens to one object more than once.
    Updated,
    UpdatedAgain,
    /// Of a type that the receiver does not know, about the same object.
    Rescheduled,
    /// Another event of the same unknown type about the same object, with its own id.
    RescheduledAgain,
    /// From a source whose signatures are valid for five minutes.
    Paid,
    /// From a source whose signatures have no time.
    Pushed,
    /// Filtered out.
    Unwanted,
    /// Signed, but not an event.
    Malformed,
}

impl Event {
    /// The event of which this is an alias, or itself.
    pub fn itself(self) -> Self {
        if self == Self::BookedAlias { Self::Booked } else { self }
    }

    /// Its source and its object; the objects of all sources have the same names.
    pub fn object(self) -> (&'static str, &'static str) {
        (self.sender().name, if self == Self::Pushed { "refs/heads/main" } else { "ord_1" })
    }

    /// The id in its body, if there is one.
    pub fn id(self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_str(&self.body()).unwrap();
        body["id"].as_str().map(str::to_owned)
    }

    pub fn is_wanted(self) -> bool {
        !matches!(self, Self::Unwanted | Self::Malformed)
    }

    pub fn body(self) -> String {
        match self {
            Self::Booked => event("order.created", "wev_1", "ord_1"),
            Self::BookedAlias => event("order.created", "wev_2", "ord_1"),
            Self::Cancelled => event("order.cancelled", "wev_3", "ord_1"),
            Self::BookedInTest => {
                event("order.created", "wev_4", "ord_1").replace(r#"live_mode":true"#, r#"live_mode":false"#)
            }
            Self::Updated => event("order.updated", "wev_5", "ord_1"),
            Self::UpdatedAgain => event("order.updated", "wev_6", "ord_1"),
            Self::Rescheduled => event("order.rescheduled", "wev_9", "ord_1"),
            Self::RescheduledAgain => event("order.rescheduled", "wev_10", "ord_1"),
            // All as with `Booked`, but for the source.
            Self::Paid => r#"{"id":"ord_1","type":"order.created","livemode":true}"#.to_owned(),
            Self::Pushed => r#"{"ref":"refs/heads/main"}"#.to_owned(),
            Self::Unwanted => event("hotel.booked", "wev_7", "hot_1"),
            Self::Malformed => r#"{"id":"wev_8"}"#.to_owned(),
        }
    }

    fn sender(self) -> &'static Sender {
        match self {
            Self::Paid => &SENDERS[1],
            Self::Pushed => &SENDERS[2],
            _ => &SENDERS[0],
        }
    }
}

struct Sender {
    name: &'static str,
    scheme: Scheme,
    key: Key,
}

static SENDERS: LazyLock<[Sender; 3]> = LazyLock::new(|| {
    let sender = |name, scheme: Scheme| Sender { name, key: key(&scheme, name), scheme };
    [
        sender("duffel", Scheme::duffel()),
        sender("payments", Scheme::stripe()),
        sender("pushes", Scheme::github()),
    ]
});

static NOBODY: LazyLock<Key> = LazyLock::new(|| key(&Scheme::duffel(), "nobody"));

/// The configuration of the receiver for these senders; `tolerance` is for Duffel's signatures.
pub fn sources(tolerance: u64) -> Vec<Source> {
    let tolerances = [tolerance, SKEW, SKEW].map(Duration::from_secs);
    let source = |(sender, tolerance): (&Sender, Duration)| Source {
        filter: if sender.name == "duffel" { Filter::new(["order.*"], Mode::Any) } else { Filter::default() },
        ..Source::new(Verifier::new(sender.name, sender.scheme.clone(), vec![sender.key.clone()], tolerance))
    };
    SENDERS.iter().zip(tolerances).map(source).collect()
}

/// A request on the wire, which can be captured there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    pub event: Event,
    pub body: String,
    pub headers: Vec<(String, String)>,
    /// The signed time, if one is signed.
    pub time: Option<u64>,
}

impl SignedRequest {
    /// Signed by the provider of the event at a time.
    pub fn genuine(event: Event, seconds: u64) -> Self {
        Self::signed(event, seconds, &event.sender().key)
    }

    /// Signed by somebody who does not know the secret.
    pub fn forged(event: Event, seconds: u64) -> Self {
        Self::signed(event, seconds, &NOBODY)
    }

    fn signed(event: Event, seconds: u64, key: &Key) -> Self {
        let (body, scheme) = (event.body(), &event.sender().scheme);
        let signing = Signing { seconds, ..Signing::default() };
        let headers = sign(scheme, key, signing, body.as_bytes()).unwrap();
        Self { event, body, headers, time: (event != Event::Pushed).then_some(seconds) }
    }

    /// Another body with the same signature.
    pub fn tampered(mut self) -> Self {
        self.body.push(' ');
        self
    }

    /// Another time with the same signature.
    pub fn redated(mut self, seconds: u64) -> Self {
        if let Some(time) = self.time {
            self.time = Some(seconds);
            let header = self.headers.last_mut().unwrap();
            header.1 = header.1.replace(&format!("t={time}"), &format!("t={seconds}"));
        }
        self
    }

    pub fn unsigned(mut self) -> Self {
        self.headers.clear();
        self
    }

    /// The header that the message holds.
    pub fn signature(&self) -> Option<&str> {
        self.headers.last().map(|(_, value)| value.as_str())
    }

    /// Returns whether a receiver with this clock should accept it, if it is genuine.
    pub fn is_timely(&self, clock: u64, tolerance: u64) -> bool {
        let tolerance = if self.event == Event::Paid { SKEW } else { tolerance };
        self.time.is_none_or(|time| clock <= time + tolerance && time <= clock + SKEW)
    }

    /// The HTTP request; its unsigned headers depend on `number`.
    pub fn post(&self, number: usize) -> Request<Bytes> {
        let mut request = Request::post(format!("/webhooks/{}", self.event.sender().name))
            .header("x-github-event", format!("push-{number}"))
            .header("x-github-delivery", "0f6c7d3e");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Bytes::copy_from_slice(self.body.as_bytes())).unwrap()
    }
}
