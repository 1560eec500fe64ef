//! The first rows of the table: Duffel, and the schemes that many providers share.

use super::{ID_NOT_SIGNED, at, hmac, labelled, text, with_headers};
use crate::signature::scheme::{
    Algorithm, Encoding, Family, FieldLocation, KeyForm, KeyNames, Label, Layout, Preset, Scheme, Signed,
    Time,
};

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

/// The rows with a form of their own; most others differ from one of them in a few fields.
pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "duffel",
        title: "Duffel",
        documentation: "https://duffel.com/docs/guides/receiving-webhooks",
        weakness: None,
        build: Scheme::duffel,
    },
    Preset {
        name: "standard-webhooks",
        title: "Standard Webhooks",
        documentation: "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
        weakness: None,
        build: Scheme::standard_webhooks,
    },
    Preset {
        name: "stripe",
        title: "Stripe",
        documentation: "https://docs.stripe.com/webhooks#verify-manually",
        weakness: None,
        build: Scheme::stripe,
    },
    Preset {
        name: "github",
        title: "GitHub",
        documentation: "https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
        weakness: Some(ID_NOT_SIGNED),
        build: Scheme::github,
    },
    Preset {
        name: "shopify",
        title: "Shopify",
        documentation: "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
        weakness: Some(ID_NOT_SIGNED),
        build: Scheme::shopify,
    },
    Preset {
        name: "hmac-sha256",
        title: "Any HMAC-SHA256",
        documentation: "https://www.rfc-editor.org/rfc/rfc2104",
        weakness: None,
        build: Scheme::hmac_sha256,
    },
];

impl Scheme {
    /// The names of the rows that others are built on.
    pub const NAMES: [&'static str; 6] =
        ["duffel", "standard-webhooks", "stripe", "github", "shopify", "hmac-sha256"];

    /// [Duffel](https://duffel.com/docs/guides/receiving-webhooks). Signed: time and body, and with the body type, id,
    /// key and mode. Live traffic has the label `v2` where the guide has `v1`.
    #[must_use]
    pub fn duffel() -> Self {
        Self {
            name: "duffel",
            tolerance: None,
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/idempotency_key"),
            live_mode: at("/live_mode"),
            requires_type_and_id: true,
            key_names: KeyNames::Object { once: DUFFEL_ONCE },
            ..labelled("x-duffel-signature", ',', "t", &["v1", "v2"])
        }
    }

    /// [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md),
    /// also with the header names of its first implementation. Signed: id, time and body, and with the body the type.
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
            layout: Layout::Labelled {
                separator: ' ',
                assign: ',',
                time: None,
                labels: vec![Label::new("v1", Algorithm::HmacSha256), Label::new("v1a", Algorithm::Ed25519)],
            },
            encoding: Encoding::Base64,
            key: KeyForm::WHSEC,
            time: Time::Header,
            signed: Signed::ID_TIME_BODY,
            kind: at("/type"),
            id: FieldLocation::SignedHeader,
            idempotency_key: FieldLocation::SignedHeader,
            ..hmac("webhook-signature")
        }
    }

    /// [Stripe](https://docs.stripe.com/webhooks#verify-manually). Signed: time and body, and with the body type, id
    /// and mode.
    #[must_use]
    pub fn stripe() -> Self {
        Self {
            name: "stripe",
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            live_mode: at("/livemode"),
            ..labelled("stripe-signature", ',', "t", &["v1"])
        }
    }

    /// [GitHub](https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries). Signed: the body
    /// alone; type and id are in headers that anybody may change.
    #[must_use]
    pub fn github() -> Self {
        Self {
            name: "github",
            families: with_headers("x-hub-signature-256", Some("x-github-delivery"), Some("x-github-event")),
            layout: Layout::plain("sha256="),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("x-hub-signature-256")
        }
    }

    /// [Shopify](https://shopify.dev/docs/apps/build/webhooks/subscribe/https), and without `X-`
    /// [its events](https://shopify.dev/docs/apps/build/events/verify-deliveries). Signed: the body alone; type, id and
    /// shop are in headers that anybody may change.
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
            unsigned_identity: true,
            ..hmac("x-shopify-hmac-sha256")
        }
    }

    /// The plain form that many providers share; the configuration changes what differs. Signed: the body, and with it
    /// type, id and key; the time too, if it is configured.
    #[must_use]
    pub fn hmac_sha256() -> Self {
        Self {
            name: "hmac-sha256",
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-webhook-signature")
        }
    }
}
