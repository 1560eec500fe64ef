//! Presets of shops, shipping and delivery.

use super::{ID_NOT_SIGNED, TOKEN, TYPE_NOT_SIGNED, at, hmac, key, labelled, text, token, with_headers};
use crate::signature::scheme::{
    Algorithm, ChallengeMethod, Encoding, FieldLocation, Handshake, KeyEncoding, Layout, Preset, Scheme,
};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "woocommerce",
        title: "WooCommerce",
        documentation: "https://developer.woocommerce.com/docs/best-practices/urls-and-routing/webhooks/",
        weakness: Some(ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers(
                "x-wc-webhook-signature",
                Some("x-wc-webhook-delivery-id"),
                Some("x-wc-webhook-topic"),
            ),
            encoding: Encoding::Base64,
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            handshake: Handshake::named("woocommerce"),
            ..hmac("x-wc-webhook-signature")
        },
    },
    Preset {
        name: "bigcommerce",
        title: "BigCommerce",
        documentation: "https://developer.bigcommerce.com/docs/integrations/webhooks",
        weakness: Some(TOKEN),
        build: || Scheme { kind: at("/scope"), ..token("authorization", "") },
    },
    Preset {
        name: "commerce-layer",
        title: "Commerce Layer",
        documentation: "https://docs.commercelayer.io/core/callbacks-security",
        weakness: Some(TYPE_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-commercelayer-signature", None, Some("x-commercelayer-topic")),
            encoding: Encoding::Base64,
            kind: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("x-commercelayer-signature")
        },
    },
    Preset {
        name: "squarespace",
        title: "Squarespace",
        documentation: "https://developers.squarespace.com/webhooks/overview",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha256, KeyEncoding::Hex),
            kind: at("/topic"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("squarespace-signature")
        },
    },
    Preset {
        name: "etsy",
        title: "Etsy",
        documentation: "https://developers.etsy.com/documentation/essentials/webhooks",
        weakness: None,
        build: || Scheme { kind: at("/event_type"), ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "printify",
        title: "Printify",
        documentation: "https://developers.printify.com/#webhooks",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha256="),
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-pfy-signature")
        },
    },
    Preset {
        name: "uber-eats",
        title: "Uber Eats",
        documentation: "https://developer.uber.com/docs/eats/guides/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/event_type"),
            id: at("/event_id"),
            idempotency_key: at("/event_id"),
            ..hmac("x-uber-signature")
        },
    },
    Preset {
        name: "easypost",
        title: "EasyPost",
        documentation: "https://docs.easypost.com/guides/webhooks-guide",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("hmac-sha256-hex="),
            kind: at("/description"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-hmac-signature")
        },
    },
    Preset {
        name: "shippo",
        title: "Shippo",
        documentation: "https://docs.goshippo.com/docs/tracking/webhooksecurity/",
        weakness: None,
        build: || Scheme {
            tolerance: None,
            kind: at("/event"),
            ..labelled("shippo-auth-signature", ',', "t", &["v1"])
        },
    },
    Preset {
        name: "aftership",
        title: "AfterShip",
        documentation: "https://www.aftership.com/docs/tracking/webhook/webhook-signature",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            kind: at("/event"),
            id: at("/event_id"),
            idempotency_key: at("/event_id"),
            ..hmac("aftership-hmac-sha256")
        },
    },
    Preset {
        name: "sendcloud",
        title: "Sendcloud",
        documentation: "https://api.sendcloud.dev/docs/sendcloud-public-api/webhooks",
        weakness: None,
        build: || Scheme { kind: at("/action"), ..hmac("sendcloud-signature") },
    },
    Preset {
        name: "onfleet",
        title: "Onfleet",
        documentation: "https://docs.onfleet.com/reference/secrets",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha512, KeyEncoding::Hex),
            kind: at("/triggerName"),
            handshake: Some(Handshake::Query {
                method: ChallengeMethod::Get,
                challenge: text("check"),
                requires: None,
                verify_token: None,
            }),
            ..hmac("x-onfleet-signature")
        },
    },
];
