//! Presets of providers of tasks and of notes.

use super::{ONLY_ID_NOT_SIGNED, at, hmac, key, with_headers};
use crate::signature::scheme::{
    Algorithm, AnswerForm, Encoding, FieldLocation, Handshake, KeyEncoding, Layout, Preset, Scheme,
};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "notion",
        title: "Notion",
        documentation: "https://developers.notion.com/reference/webhooks",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha256="),
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            handshake: Handshake::named("notion"),
            ..hmac("x-notion-signature")
        },
    },
    Preset {
        name: "asana",
        title: "Asana",
        documentation: "https://developers.asana.com/docs/webhooks-guide",
        weakness: None,
        build: || Scheme {
            handshake: Handshake::named("asana"),
            answer: AnswerForm::OK,
            ..hmac("x-hook-signature")
        },
    },
    Preset {
        name: "airtable",
        title: "Airtable",
        documentation: "https://airtable.com/developers/web/api/webhooks-overview",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("hmac-sha256="),
            key: key(Algorithm::HmacSha256, KeyEncoding::Base64),
            answer: AnswerForm::NO_CONTENT,
            ..hmac("x-airtable-content-mac")
        },
    },
    Preset {
        name: "clickup",
        title: "ClickUp",
        documentation: "https://developer.clickup.com/docs/webhooksignature",
        weakness: None,
        build: || Scheme { kind: at("/event"), ..hmac("x-signature") },
    },
    Preset {
        name: "todoist",
        title: "Todoist",
        documentation: "https://developer.todoist.com/api/v1/#tag/Webhooks",
        weakness: Some(ONLY_ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-todoist-hmac-sha256", Some("x-todoist-delivery-id"), None),
            encoding: Encoding::Base64,
            kind: at("/event_name"),
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            answer: AnswerForm::OK,
            ..hmac("x-todoist-hmac-sha256")
        },
    },
    Preset {
        name: "smartsheet",
        title: "Smartsheet",
        documentation: "https://developers.smartsheet.com/api/smartsheet/guides/webhooks/webhook-verification",
        weakness: None,
        build: || Scheme {
            id: at("/nonce"),
            idempotency_key: at("/nonce"),
            ..hmac("smartsheet-hmac-sha256")
        },
    },
];
