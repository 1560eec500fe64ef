//! Presets of billing, subscriptions and sales of software.

use super::{ONLY_ID_NOT_SIGNED, TOKEN, at, hmac, labelled, signed, token, with_headers};
use crate::signature::scheme::{AnswerForm, Encoding, FieldLocation, KeyForm, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "paddle",
        title: "Paddle Billing",
        documentation: "https://developer.paddle.com/webhooks/signature-verification",
        weakness: None,
        build: || Scheme {
            signed: signed("{time}:{body}"),
            kind: at("/event_type"),
            id: at("/event_id"),
            idempotency_key: at("/event_id"),
            ..labelled("paddle-signature", ';', "ts", &["h1"])
        },
    },
    Preset {
        name: "polar",
        title: "Polar",
        documentation: "https://polar.sh/docs/integrate/webhooks/delivery",
        weakness: None,
        build: || Scheme { key: KeyForm::RAW, ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "lemon-squeezy",
        title: "Lemon Squeezy",
        documentation: "https://docs.lemonsqueezy.com/help/webhooks/signing-requests",
        weakness: None,
        build: || Scheme { kind: at("/meta/event_name"), answer: AnswerForm::OK, ..hmac("x-signature") },
    },
    Preset {
        name: "creem",
        title: "Creem",
        documentation: "https://docs.creem.io/code/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/eventType"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("creem-signature")
        },
    },
    Preset {
        name: "dodo-payments",
        title: "Dodo Payments",
        documentation: "https://docs.dodopayments.com/developer-resources/webhooks",
        weakness: None,
        build: Scheme::standard_webhooks,
    },
    Preset {
        name: "whop",
        title: "Whop",
        documentation: "https://docs.whop.com/developer/guides/webhooks",
        weakness: None,
        build: || Scheme { key: KeyForm::RAW, ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "chargebee",
        title: "Chargebee",
        documentation: "https://www.chargebee.com/docs/billing/2.0/site-configuration/webhook_settings",
        weakness: Some(TOKEN),
        build: || Scheme {
            kind: at("/event_type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..token("authorization", "Basic ")
        },
    },
    Preset {
        name: "maxio",
        title: "Maxio Advanced Billing (Chargify)",
        documentation: "https://docs.maxio.com/hc/en-us/articles/24266147561485-Webhooks",
        weakness: Some(ONLY_ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers(
                "x-chargify-webhook-signature-hmac-sha-256",
                Some("x-chargify-webhook-id"),
                None,
            ),
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("x-chargify-webhook-signature-hmac-sha-256")
        },
    },
    Preset {
        name: "lago",
        title: "Lago",
        documentation: "https://getlago.com/docs/api-reference/webhooks/format--signature",
        weakness: Some(ONLY_ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-lago-signature", Some("x-lago-unique-key"), None),
            encoding: Encoding::Base64,
            kind: at("/webhook_type"),
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("x-lago-signature")
        },
    },
    Preset {
        name: "meteroid",
        title: "Meteroid",
        documentation: "https://docs.meteroid.com/developers/webhooks",
        weakness: None,
        build: Scheme::standard_webhooks,
    },
    Preset {
        name: "revenuecat",
        title: "RevenueCat",
        documentation: "https://www.revenuecat.com/docs/integrations/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/event/type"),
            id: at("/event/id"),
            idempotency_key: at("/event/id"),
            ..labelled("x-revenuecat-webhook-signature", ',', "t", &["v1"])
        },
    },
    Preset {
        name: "revenuecat-token",
        title: "RevenueCat with an authorization header",
        documentation: "https://www.revenuecat.com/docs/integrations/webhooks",
        weakness: Some(TOKEN),
        build: || Scheme {
            kind: at("/event/type"),
            id: at("/event/id"),
            idempotency_key: at("/event/id"),
            ..token("authorization", "")
        },
    },
    Preset {
        name: "memberful",
        title: "Memberful",
        documentation: "https://memberful.com/help/custom-development-and-api/webhooks/",
        weakness: None,
        build: || Scheme { kind: at("/event"), ..hmac("x-memberful-webhook-signature") },
    },
];
