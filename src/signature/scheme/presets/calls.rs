//! Presets of providers of calls and of video.

use super::{TIME_NOT_CHECKED, TOKEN, at, hmac, key, labelled, signed, text, timed, token, with_headers};
use crate::signature::scheme::{
    Algorithm, AnswerForm, Encoding, Family, Handshake, KeyEncoding, Layout, Preset, Scheme,
};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "zoom",
        title: "Zoom",
        documentation: "https://developers.zoom.us/docs/api/webhooks/",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("v0="),
            tolerance: None,
            kind: at("/event"),
            handshake: Handshake::named("zoom"),
            answer: AnswerForm::OK,
            ..timed("x-zm-signature", "x-zm-request-timestamp", "v0:{time}:{body}")
        },
    },
    Preset {
        name: "webex",
        title: "Cisco Webex",
        documentation: "https://developer.webex.com/docs/webhooks",
        weakness: None,
        build: || Scheme { key: key(Algorithm::HmacSha1, KeyEncoding::Raw), ..hmac("x-spark-signature") },
    },
    Preset {
        name: "daily",
        title: "Daily",
        documentation: "https://docs.daily.co/reference/rest-api/webhooks",
        weakness: Some(TIME_NOT_CHECKED),
        build: || Scheme {
            families: with_headers("x-webhook-signature", Some("x-webhook-timestamp"), None),
            encoding: Encoding::Base64,
            key: key(Algorithm::HmacSha256, KeyEncoding::Base64),
            signed: signed("{id}.{body}"),
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-webhook-signature")
        },
    },
    Preset {
        name: "whereby",
        title: "Whereby",
        documentation: "https://docs.whereby.com/meeting-content-and-quality/insights-suite-and-api/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..labelled("whereby-signature", ',', "t", &["v1"])
        },
    },
    Preset {
        name: "agora",
        title: "Agora Notifications",
        documentation: "https://docs.agora.io/en/video-calling/advanced-features/receive-notifications",
        weakness: None,
        build: || Scheme {
            kind: at("/eventType"),
            id: at("/noticeId"),
            idempotency_key: at("/noticeId"),
            ..hmac("agora-signature-v2")
        },
    },
    Preset {
        name: "telnyx",
        title: "Telnyx",
        documentation: "https://developers.telnyx.com/development/api-fundamentals/webhooks/receiving-webhooks",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            key: key(Algorithm::Ed25519, KeyEncoding::Base64),
            kind: at("/data/event_type"),
            id: at("/data/id"),
            idempotency_key: at("/data/id"),
            ..timed("telnyx-signature-ed25519", "telnyx-timestamp", "{time}|{body}")
        },
    },
    Preset {
        name: "sinch",
        title: "Sinch Conversation",
        documentation: "https://developers.sinch.com/docs/conversation/callbacks",
        weakness: None,
        build: || Scheme {
            families: vec![Family {
                signature: text("x-sinch-webhook-signature"),
                time: Some(text("x-sinch-webhook-signature-timestamp")),
                id: Some(text("x-sinch-webhook-signature-nonce")),
                ..Family::default()
            }],
            encoding: Encoding::Base64,
            tolerance: None,
            ..timed("x-sinch-webhook-signature", "x-sinch-webhook-signature-timestamp", "{body}.{id}.{time}")
        },
    },
    Preset {
        name: "callrail",
        title: "CallRail",
        documentation: "https://apidocs.callrail.com/#security",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            ..hmac("signature")
        },
    },
    Preset {
        name: "ringcentral",
        title: "RingCentral",
        documentation: "https://developers.ringcentral.com/guide/notifications/webhooks/creating-webhooks",
        weakness: Some(TOKEN),
        build: || Scheme {
            kind: at("/event"),
            id: at("/uuid"),
            idempotency_key: at("/uuid"),
            ..token("verification-token", "")
        },
    },
    Preset {
        name: "surge",
        title: "Surge",
        documentation: "https://docs.surge.app/api-reference/webhooks/signature-validation",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..labelled("surge-signature", ',', "t", &["v1"])
        },
    },
];
