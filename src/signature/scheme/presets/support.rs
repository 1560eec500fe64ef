//! Presets of providers of customer support.

use super::{TIME_NOT_CHECKED, TYPE_NOT_SIGNED, at, hmac, key, labelled, signed, timed, with_headers};
use crate::signature::scheme::{
    Algorithm, Encoding, FieldLocation, KeyEncoding, Layout, Preset, Scheme, TimeUnit,
};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "zendesk",
        title: "Zendesk",
        documentation: "https://developer.zendesk.com/documentation/webhooks/verifying/",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            time_unit: TimeUnit::Rfc3339,
            tolerance: None,
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..timed("x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp", "{time}{body}")
        },
    },
    Preset {
        name: "intercom",
        title: "Intercom",
        documentation: "https://developers.intercom.com/docs/webhooks/setting-up-webhooks",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha1="),
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            kind: at("/topic"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-hub-signature")
        },
    },
    Preset {
        name: "front",
        title: "Front application webhooks",
        documentation: "https://dev.frontapp.com/docs/application-webhooks",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            time_unit: TimeUnit::Milliseconds,
            kind: at("/type"),
            id: at("/payload/id"),
            idempotency_key: at("/payload/id"),
            ..timed("x-front-signature", "x-front-request-timestamp", "{time}:{body}")
        },
    },
    Preset {
        name: "help-scout",
        title: "Help Scout",
        documentation: "https://developer.helpscout.com/webhooks/",
        weakness: Some(TYPE_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-helpscout-signature", None, Some("x-helpscout-event")),
            encoding: Encoding::Base64,
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            kind: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("x-helpscout-signature")
        },
    },
    Preset {
        name: "crisp",
        title: "Crisp",
        documentation: "https://docs.crisp.chat/references/web-hooks/v1/",
        weakness: Some(TIME_NOT_CHECKED),
        build: || Scheme {
            families: with_headers("x-crisp-signature", Some("x-crisp-request-timestamp"), None),
            signed: signed("[{id};{body}]"),
            kind: at("/event"),
            ..hmac("x-crisp-signature")
        },
    },
    Preset {
        name: "chatwoot",
        title: "Chatwoot",
        documentation: "https://developers.chatwoot.com/api-reference/webhooks/add-a-webhook",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha256="),
            kind: at("/event"),
            ..timed("x-chatwoot-signature", "x-chatwoot-timestamp", "{time}.{body}")
        },
    },
    Preset {
        name: "plain",
        title: "Plain",
        documentation: "https://www.plain.com/docs/api-reference/request-signing",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("plain-request-signature")
        },
    },
    Preset {
        name: "dixa",
        title: "Dixa",
        documentation: "https://docs.dixa.io/docs/webhooks/webhooks-security",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha256, KeyEncoding::Hex),
            time_unit: TimeUnit::Milliseconds,
            tolerance: None,
            kind: at("/event_fqn"),
            id: at("/event_id"),
            idempotency_key: at("/event_id"),
            ..labelled("x-dixa-signature", ',', "t", &["v1"])
        },
    },
    Preset {
        name: "podium",
        title: "Podium",
        documentation: "https://docs.podium.com/docs/verifying-webhook-signatures",
        weakness: None,
        build: || Scheme {
            time_unit: TimeUnit::Milliseconds,
            tolerance: None,
            kind: at("/metadata/eventType"),
            ..timed("podium-signature", "podium-timestamp", "{time}.{body}")
        },
    },
];
