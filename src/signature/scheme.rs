//! How does each provider sign? One table: a row a provider, and no code of their own.

use std::{borrow::Cow, time::Duration};

/// A name or a place, mostly known beforehand.
pub type Text = Cow<'static, str>;

/// How a provider signs and where its events say what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    pub name: &'static str,
    /// The headers in which it may come, one family for each of the forms; a delivery is judged by one of them.
    pub families: Vec<Family>,
    pub layout: Layout,
    pub encoding: Encoding,
    pub key: KeyForm,
    pub time: Time,
    pub signed: Signed,
    /// How old a signature may be, unless configured; `None` is as long as its event is remembered.
    pub tolerance: Option<Duration>,
    pub kind: FieldLocation,
    pub id: FieldLocation,
    pub idempotency_key: FieldLocation,
    pub live_mode: FieldLocation,
    /// Whether what has no type, or neither id nor key, is no event.
    pub requires_type_and_id: bool,
    /// What the idempotency key names.
    pub key_names: KeyNames,
    /// Whether unsigned headers tell apart events of the same body: the delivery id, or else the type and the shop.
    ///
    /// Without them a provider that sends one body for several topics or shops would lose all but one, and not to lose
    /// an event ranks before not to forward it twice. The price: whoever captured a genuine delivery can have its body
    /// forwarded again under another delivery id. A body of another's making is refused as ever.
    pub unsigned_identity: bool,
}

/// The headers that belong together: what stands in one of them says nothing of a signature in another family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    pub signature: Text,
    /// Required by [`Time::Header`].
    pub time: Option<Text>,
    /// The delivery's or the event's id; required, and signed, with [`Signed::IdTimeBody`].
    pub id: Option<Text>,
    pub kind: Option<Text>,
    /// The shop in which it happened.
    pub shop: Option<Text>,
}

impl Family {
    fn names(&self) -> impl Iterator<Item = &Text> {
        let Self { signature, time, id, kind, shop } = self;
        [Some(signature), time.as_ref(), id.as_ref(), kind.as_ref(), shop.as_ref()].into_iter().flatten()
    }
}

/// How signatures stand in their header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `t=1616202842,v1=…,v1=…`, with these labels.
    Labelled(&'static [&'static str]),
    /// `v1,… v1,… v1a,…`: a list with spaces; `v1` is an HMAC and `v1a` is Ed25519.
    Versioned,
    /// `…, …`: each after this prefix, which has no comma.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    Nowhere,
    /// In the signature's header, as `t=`.
    Element,
    /// In the family's header of the time.
    Header,
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    Body,
    /// `<time>.<body>`
    TimeBody,
    /// `<id>.<time>.<body>`, the id being in the family's header of the id.
    IdTimeBody,
}

impl Signed {
    /// Whether a changed time spoils the signature.
    pub(crate) fn covers_time(self) -> bool {
        !matches!(self, Self::Body)
    }
}

/// Where an event says something of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldLocation {
    Nowhere,
    /// At a JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) into the body.
    Body(Text),
    /// In the family's header of that name, which the signature covers.
    SignedHeader,
    /// In the family's header of that name, which anybody may change.
    UnsignedHeader,
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

fn at(pointer: &'static str) -> FieldLocation {
    FieldLocation::Body(text(pointer))
}

fn signature(name: &'static str) -> Family {
    Family { signature: text(name), ..Family::default() }
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
            families: vec![signature("x-duffel-signature")],
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
            requires_type_and_id: true,
            key_names: KeyNames::Object { once: DUFFEL_ONCE },
            unsigned_identity: false,
        }
    }

    /// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
    #[must_use]
    pub fn standard_webhooks() -> Self {
        let family = |signature, time, id| Family {
            signature: text(signature),
            time: Some(text(time)),
            id: Some(text(id)),
            ..Family::default()
        };
        Self {
            name: "standard-webhooks",
            families: vec![
                family("webhook-signature", "webhook-timestamp", "webhook-id"),
                family("svix-signature", "svix-timestamp", "svix-id"),
            ],
            layout: Layout::Versioned,
            encoding: Encoding::Base64,
            key: KeyForm::Whsec,
            time: Time::Header,
            signed: Signed::IdTimeBody,
            tolerance: Some(FIVE_MINUTES),
            kind: at("/type"),
            id: FieldLocation::SignedHeader,
            idempotency_key: FieldLocation::SignedHeader,
            live_mode: FieldLocation::Nowhere,
            requires_type_and_id: false,
            key_names: KeyNames::Event,
            unsigned_identity: false,
        }
    }

    /// <https://docs.stripe.com/webhooks#verify-manually>
    #[must_use]
    pub fn stripe() -> Self {
        Self {
            name: "stripe",
            families: vec![signature("stripe-signature")],
            layout: Layout::Labelled(&["v1"]),
            tolerance: Some(FIVE_MINUTES),
            idempotency_key: at("/id"),
            live_mode: at("/livemode"),
            requires_type_and_id: false,
            key_names: KeyNames::Event,
            ..Self::duffel()
        }
    }

    /// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
    #[must_use]
    pub fn github() -> Self {
        Self {
            name: "github",
            families: vec![Family {
                id: Some(text("x-github-delivery")),
                kind: Some(text("x-github-event")),
                ..signature("x-hub-signature-256")
            }],
            layout: Layout::Single(text("sha256=")),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            idempotency_key: FieldLocation::Nowhere,
            unsigned_identity: true,
            ..Self::hmac_sha256()
        }
    }

    /// <https://shopify.dev/docs/apps/build/webhooks/subscribe/https>, and without `X-`
    /// <https://shopify.dev/docs/apps/build/events/verify-deliveries>
    #[must_use]
    pub fn shopify() -> Self {
        let family = |signature, id, kind, shop| Family {
            signature: text(signature),
            time: None,
            id: Some(text(id)),
            kind: Some(text(kind)),
            shop: Some(text(shop)),
        };
        Self {
            name: "shopify",
            families: vec![
                family(
                    "x-shopify-hmac-sha256",
                    "x-shopify-webhook-id",
                    "x-shopify-topic",
                    "x-shopify-shop-domain",
                ),
                family("shopify-hmac-sha256", "shopify-webhook-id", "shopify-topic", "shopify-shop-domain"),
            ],
            encoding: Encoding::Base64,
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            idempotency_key: FieldLocation::Nowhere,
            unsigned_identity: true,
            ..Self::hmac_sha256()
        }
    }

    /// The plain form that many providers have in common; the configuration changes what differs.
    #[must_use]
    pub fn hmac_sha256() -> Self {
        Self {
            name: "hmac-sha256",
            families: vec![signature("x-webhook-signature")],
            layout: Layout::Single(text("")),
            encoding: Encoding::Hex,
            key: KeyForm::Raw,
            time: Time::Nowhere,
            signed: Signed::Body,
            tolerance: Some(FIVE_MINUTES),
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            live_mode: FieldLocation::Nowhere,
            requires_type_and_id: false,
            key_names: KeyNames::Event,
            unsigned_identity: false,
        }
    }

    /// The headers that a delivery must keep for this scheme, each of them once.
    pub fn headers(&self) -> impl Iterator<Item = &Text> {
        let names = |families: &[Family], name: &Text| {
            families.iter().any(|family| family.names().any(|n| n == name))
        };
        self.families.iter().enumerate().flat_map(move |(index, family)| {
            family.names().filter(move |name| !names(&self.families[..index], name))
        })
    }
}
