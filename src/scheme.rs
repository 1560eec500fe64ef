//! How does each provider sign? One table: a row a provider, and no code of their own.

use std::{borrow::Cow, time::Duration};

/// A name or a place, mostly known beforehand.
pub type Text = Cow<'static, str>;

/// How a provider signs and where its events say what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    pub name: &'static str,
    /// The headers that may carry the signature; the first one that is there counts.
    pub signature: Vec<Text>,
    pub layout: Layout,
    pub encoding: Encoding,
    pub key: KeyForm,
    pub time: Time,
    pub signed: Signed,
    /// How old a signature may be, unless configured; `None` is as long as its event is remembered.
    pub tolerance: Option<Duration>,
    pub kind: Origin,
    pub id: Origin,
    pub idempotency_key: Origin,
    pub live_mode: Origin,
    /// Whether what has no type, or neither id nor key, is no event.
    pub insists: bool,
    /// What the idempotency key names.
    pub key_names: KeyNames,
}

/// How signatures stand in their header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `t=1616202842,v1=…,v1=…`, with these labels.
    Labelled(&'static [&'static str]),
    /// `v1,… v1,… v1a,…`: a list with spaces; `v1` is an HMAC and `v1a` is Ed25519.
    Versioned,
    /// One signature, after this prefix.
    Single(Text),
}

/// How the bytes of a signature are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Hex,
    Base64,
}

/// How a secret becomes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// The characters of the secret are the key.
    Raw,
    /// Base64 after `whsec_`, or an Ed25519 public key after `whpk_`.
    Whsec,
}

/// Where the time of a signature stands, in seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Time {
    Nowhere,
    /// In the signature's header, as `t=`.
    Element,
    /// In one of these headers.
    Header(Vec<Text>),
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    Body,
    /// `<time>.<body>`
    TimeBody,
    /// `<id>.<time>.<body>`, the id being in one of these headers.
    IdTimeBody(Vec<Text>),
}

impl Signed {
    /// Whether a changed time spoils the signature.
    pub(crate) fn covers_time(&self) -> bool {
        !matches!(self, Self::Body)
    }
}

/// Where an event says something of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Nowhere,
    /// At a JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) into the body.
    Body(Text),
    /// In one of these headers, which the signature covers.
    SignedHeader(Vec<Text>),
    /// In a header that anybody may change: good to know, not to go by.
    UnsignedHeader(Text),
}

/// What an idempotency key names, and so whether it alone identifies an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyNames {
    /// The event itself.
    Event,
    /// The object that the event is about. For one object each of these types happens once, so the key identifies
    /// the event; every other type also counts the event's id.
    ///
    /// A type belongs here only if it is known to happen once. A wrong entry loses events: the second one of the
    /// object is acknowledged as a duplicate. A missing entry only forwards an event twice, if the provider ever
    /// gives one event two ids.
    Object { once: &'static [&'static str] },
}

/// Duffel's types that happen once for one object. A booking is created or cancelled once, and a payment, a
/// cancellation or an airline-initiated change ends once; the change has a key of its own (`aic_…`).
///
/// Not among them: `order_cancellation.created` (an order may be quoted for cancellation several times, and whether
/// the key is that of the quote is not documented), `air.payment.pending` and `.failed` (a payment may be tried
/// again), `air.airline_credit.spent` (a credit may be spent in parts), `air.order.changed`, `order.updated`,
/// `assistant.conversation.updated`, `ping.triggered`, and every type that Duffel may add.
const DUFFEL_ONCE: &[&str] = &[
    "air.airline_credit.created",
    "air.airline_credit.invalidated",
    "air.payment.cancelled",
    "air.payment.succeeded",
    "order.airline_initiated_change_detected",
    "order.created",
    "order.creation_failed",
    "order_cancellation.confirmed",
    "stays.booking.cancelled",
    "stays.booking.created",
    "stays.booking_creation_failed",
];

const FIVE_MINUTES: Duration = Duration::from_mins(5);

fn text(text: &'static str) -> Text {
    Cow::Borrowed(text)
}

fn at(pointer: &'static str) -> Origin {
    Origin::Body(text(pointer))
}

fn svix(name: [&'static str; 2]) -> Vec<Text> {
    name.map(text).into()
}

impl Scheme {
    /// The names that [`Scheme::named`] knows.
    pub const NAMES: [&'static str; 6] =
        ["duffel", "standard-webhooks", "stripe", "github", "shopify", "hmac-sha256"];

    /// Finds a row of the table.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "duffel" => Self::duffel(),
            "standard-webhooks" => Self::standard_webhooks(),
            "stripe" => Self::stripe(),
            "github" => Self::github(),
            "shopify" => Self::shopify(),
            "hmac-sha256" => Self::hmac_sha256(),
            _ => return None,
        })
    }

    /// <https://duffel.com/docs/guides/receiving-webhooks>; live traffic says `v2` where the guide says `v1`.
    #[must_use]
    pub fn duffel() -> Self {
        Self {
            name: "duffel",
            signature: vec![text("x-duffel-signature")],
            layout: Layout::Labelled(&["v1", "v2"]),
            encoding: Encoding::Hex,
            key: KeyForm::Raw,
            time: Time::Element,
            signed: Signed::TimeBody,
            tolerance: None,
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/idempotency_key"),
            live_mode: at("/live_mode"),
            insists: true,
            key_names: KeyNames::Object { once: DUFFEL_ONCE },
        }
    }

    /// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
    #[must_use]
    pub fn standard_webhooks() -> Self {
        let id = svix(["webhook-id", "svix-id"]);
        Self {
            name: "standard-webhooks",
            signature: svix(["webhook-signature", "svix-signature"]),
            layout: Layout::Versioned,
            encoding: Encoding::Base64,
            key: KeyForm::Whsec,
            time: Time::Header(svix(["webhook-timestamp", "svix-timestamp"])),
            signed: Signed::IdTimeBody(id.clone()),
            tolerance: Some(FIVE_MINUTES),
            kind: at("/type"),
            id: Origin::SignedHeader(id.clone()),
            idempotency_key: Origin::SignedHeader(id),
            live_mode: Origin::Nowhere,
            insists: false,
            key_names: KeyNames::Event,
        }
    }

    /// <https://docs.stripe.com/webhooks#verify-manually>
    #[must_use]
    pub fn stripe() -> Self {
        Self {
            name: "stripe",
            signature: vec![text("stripe-signature")],
            layout: Layout::Labelled(&["v1"]),
            tolerance: Some(FIVE_MINUTES),
            idempotency_key: at("/id"),
            live_mode: at("/livemode"),
            insists: false,
            key_names: KeyNames::Event,
            ..Self::duffel()
        }
    }

    /// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
    #[must_use]
    pub fn github() -> Self {
        Self {
            name: "github",
            signature: vec![text("x-hub-signature-256")],
            layout: Layout::Single(text("sha256=")),
            kind: Origin::UnsignedHeader(text("x-github-event")),
            id: Origin::UnsignedHeader(text("x-github-delivery")),
            idempotency_key: Origin::Nowhere,
            ..Self::hmac_sha256()
        }
    }

    /// <https://shopify.dev/docs/apps/build/webhooks/subscribe/https>
    #[must_use]
    pub fn shopify() -> Self {
        Self {
            name: "shopify",
            signature: vec![text("x-shopify-hmac-sha256")],
            encoding: Encoding::Base64,
            kind: Origin::UnsignedHeader(text("x-shopify-topic")),
            id: Origin::UnsignedHeader(text("x-shopify-webhook-id")),
            idempotency_key: Origin::Nowhere,
            ..Self::hmac_sha256()
        }
    }

    /// The plain form that many providers have in common; the configuration changes what differs.
    #[must_use]
    pub fn hmac_sha256() -> Self {
        Self {
            name: "hmac-sha256",
            signature: vec![text("x-webhook-signature")],
            layout: Layout::Single(text("")),
            encoding: Encoding::Hex,
            key: KeyForm::Raw,
            time: Time::Nowhere,
            signed: Signed::Body,
            tolerance: Some(FIVE_MINUTES),
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            live_mode: Origin::Nowhere,
            insists: false,
            key_names: KeyNames::Event,
        }
    }

    /// The headers that a delivery must keep for this scheme.
    pub fn headers(&self) -> impl Iterator<Item = &Text> {
        let time = if let Time::Header(names) = &self.time { &names[..] } else { &[] };
        let id = if let Signed::IdTimeBody(names) = &self.signed { &names[..] } else { &[] };
        let unsigned = [&self.kind, &self.id].into_iter().filter_map(|origin| match origin {
            Origin::UnsignedHeader(name) => Some(name),
            _ => None,
        });
        self.signature.iter().chain(time).chain(id).chain(unsigned)
    }
}
