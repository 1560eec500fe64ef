//! The table of schemes: a row for each provider, and no code of their own.

use std::{borrow::Cow, time::Duration};

use super::{Encoding, Family, FieldLocation, KeyForm, KeyNames, Layout, Scheme, Signed, Text, Time};

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
    /// The names of the rows.
    pub const NAMES: [&'static str; 6] =
        ["duffel", "standard-webhooks", "stripe", "github", "shopify", "hmac-sha256"];

    /// Returns the row of this name.
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

    /// [Duffel](https://duffel.com/docs/guides/receiving-webhooks). Signed: time and body, and with the body type, id,
    /// key and mode. Live traffic has the label `v2` where the guide has `v1`.
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

    /// [Stripe](https://docs.stripe.com/webhooks#verify-manually). Signed: time and body, and with the body type, id
    /// and mode.
    #[must_use]
    pub fn stripe() -> Self {
        Self {
            name: "stripe",
            families: vec![signature("stripe-signature")],
            layout: Layout::Labelled(&["v1"]),
            encoding: Encoding::Hex,
            key: KeyForm::Raw,
            time: Time::Element,
            signed: Signed::TimeBody,
            tolerance: Some(FIVE_MINUTES),
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            live_mode: at("/livemode"),
            requires_type_and_id: false,
            key_names: KeyNames::Event,
            unsigned_identity: false,
        }
    }

    /// [GitHub](https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries). Signed: the body
    /// alone; type and id are in headers that anybody may change.
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
            encoding: Encoding::Hex,
            key: KeyForm::Raw,
            time: Time::Nowhere,
            signed: Signed::Body,
            tolerance: Some(FIVE_MINUTES),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            idempotency_key: FieldLocation::Nowhere,
            live_mode: FieldLocation::Nowhere,
            requires_type_and_id: false,
            key_names: KeyNames::Event,
            unsigned_identity: true,
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
            layout: Layout::Single(text("")),
            encoding: Encoding::Base64,
            key: KeyForm::Raw,
            time: Time::Nowhere,
            signed: Signed::Body,
            tolerance: Some(FIVE_MINUTES),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            idempotency_key: FieldLocation::Nowhere,
            live_mode: FieldLocation::Nowhere,
            requires_type_and_id: false,
            key_names: KeyNames::Event,
            unsigned_identity: true,
        }
    }

    /// The plain form that many providers share; the configuration changes what differs. Signed: the body, and with it
    /// type, id and key; the time too, if it is configured.
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
}
