//! Presets of issues, boards and feature flags.

use super::{ID_NOT_SIGNED, ONLY_ID_NOT_SIGNED, at, hmac, key, signature, signed, text, timed, with_headers};
use crate::signature::scheme::{
    Algorithm, AnswerForm, Encoding, Family, FieldLocation, Handshake, KeyEncoding, Layout, Preset, Scheme,
    TimeUnit,
};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "jira",
        title: "Jira",
        documentation: "https://developer.atlassian.com/cloud/jira/platform/webhooks/",
        weakness: Some(ONLY_ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-hub-signature", Some("x-atlassian-webhook-identifier"), None),
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            layout: Layout::plain("sha256="),
            kind: at("/webhookEvent"),
            ..hmac("x-hub-signature")
        },
    },
    Preset {
        name: "linear",
        title: "Linear",
        documentation: "https://linear.app/developers/webhooks",
        weakness: Some(ONLY_ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("linear-signature", Some("linear-delivery"), None),
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            answer: AnswerForm::OK,
            kind: at("/type"),
            ..hmac("linear-signature")
        },
    },
    Preset {
        name: "trello",
        title: "Trello",
        documentation: "https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/",
        weakness: None,
        build: || Scheme {
            handshake: Handshake::named("trello"),
            answer: AnswerForm::OK,
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            encoding: Encoding::Base64,
            signed: signed("{body}{url}"),
            kind: at("/action/type"),
            id: at("/action/id"),
            idempotency_key: at("/action/id"),
            ..hmac("x-trello-webhook")
        },
    },
    Preset {
        name: "shortcut",
        title: "Shortcut",
        documentation: "https://developer.shortcut.com/api/webhook/v1",
        weakness: None,
        build: || Scheme { id: at("/id"), idempotency_key: at("/id"), ..hmac("payload-signature") },
    },
    Preset {
        name: "taiga",
        title: "Taiga",
        documentation: "https://docs.taiga.io/webhooks.html",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            kind: at("/type"),
            ..hmac("x-taiga-webhook-signature")
        },
    },
    Preset {
        name: "discourse",
        title: "Discourse",
        documentation: "https://meta.discourse.org/t/configure-webhooks-that-trigger-on-discourse-events/49045",
        weakness: Some(ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers(
                "x-discourse-event-signature",
                Some("x-discourse-event-id"),
                Some("x-discourse-event"),
            ),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            layout: Layout::plain("sha256="),
            ..hmac("x-discourse-event-signature")
        },
    },
    Preset {
        name: "launchdarkly",
        title: "LaunchDarkly",
        documentation: "https://launchdarkly.com/docs/home/infrastructure/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/kind"),
            id: at("/_id"),
            idempotency_key: at("/_id"),
            ..hmac("x-ld-signature")
        },
    },
    Preset {
        name: "statsig",
        title: "Statsig",
        documentation: "https://docs.statsig.com/integrations/event_webhook",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("v0="),
            time_unit: TimeUnit::Milliseconds,
            kind: at("/data/0/eventName"),
            ..timed("x-statsig-signature", "x-statsig-request-timestamp", "v0:{time}:{body}")
        },
    },
    Preset {
        name: "flagsmith",
        title: "Flagsmith",
        documentation: "https://docs.flagsmith.com/third-party-integrations/webhook",
        weakness: None,
        build: || Scheme { kind: at("/event_type"), ..hmac("x-flagsmith-signature") },
    },
    Preset {
        name: "configcat",
        title: "ConfigCat",
        documentation: "https://configcat.com/docs/advanced/notifications-webhooks/",
        weakness: None,
        build: || Scheme {
            families: vec![Family {
                id: Some(text("x-configcat-webhook-id")),
                time: Some(text("x-configcat-webhook-timestamp")),
                ..signature("x-configcat-webhook-signature-v1")
            }],
            encoding: Encoding::Base64,
            id: FieldLocation::SignedHeader,
            idempotency_key: FieldLocation::SignedHeader,
            ..timed(
                "x-configcat-webhook-signature-v1",
                "x-configcat-webhook-timestamp",
                "{id:32}{time}{body}",
            )
        },
    },
    Preset {
        name: "growthbook",
        title: "GrowthBook",
        documentation: "https://docs.growthbook.io/app/webhooks/event-webhooks",
        weakness: None,
        build: || Scheme { answer: AnswerForm::OK, kind: at("/event"), ..hmac("x-growthbook-signature") },
    },
];
