//! Presets of providers of messages.

use super::{TOKEN, at, hmac, key, several, timed, token};
use crate::signature::scheme::{
    Algorithm, AnswerForm, Encoding, Handshake, KeyEncoding, Layout, Preset, Scheme,
};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "slack",
        title: "Slack",
        documentation: "https://docs.slack.dev/authentication/verifying-requests-from-slack/",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("v0="),
            kind: at("/event/type"),
            id: at("/event_id"),
            idempotency_key: at("/event_id"),
            handshake: Handshake::named("slack"),
            ..timed("x-slack-signature", "x-slack-request-timestamp", "v0:{time}:{body}")
        },
    },
    Preset {
        name: "discord",
        title: "Discord",
        documentation: "https://docs.discord.com/developers/events/webhook-events",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::Ed25519, KeyEncoding::Hex),
            tolerance: None,
            kind: at("/event/type"),
            answer: AnswerForm::NO_CONTENT,
            ..timed("x-signature-ed25519", "x-signature-timestamp", "{time}{body}")
        },
    },
    Preset {
        name: "telegram",
        title: "Telegram Bot API",
        documentation: "https://core.telegram.org/bots/api#setwebhook",
        weakness: Some(TOKEN),
        build: || Scheme {
            id: at("/update_id"),
            idempotency_key: at("/update_id"),
            ..token("x-telegram-bot-api-secret-token", "")
        },
    },
    Preset {
        name: "line",
        title: "LINE",
        documentation: "https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/",
        weakness: None,
        build: || Scheme { encoding: Encoding::Base64, answer: AnswerForm::OK, ..hmac("x-line-signature") },
    },
    Preset {
        name: "viber",
        title: "Viber",
        documentation: "https://developers.viber.com/docs/api/rest-bot-api/#callbacks",
        weakness: None,
        build: || Scheme { kind: at("/event"), answer: AnswerForm::OK, ..hmac("x-viber-content-signature") },
    },
    Preset {
        name: "meta",
        title: "Meta (WhatsApp, Messenger, Instagram)",
        documentation: "https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha256="),
            kind: at("/object"),
            handshake: Handshake::named("meta"),
            answer: AnswerForm::OK,
            ..hmac("x-hub-signature-256")
        },
    },
    Preset {
        name: "microsoft-teams",
        title: "Microsoft Teams outgoing webhooks",
        documentation: "https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-outgoing-webhook",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("HMAC "),
            encoding: Encoding::Base64,
            key: key(Algorithm::HmacSha256, KeyEncoding::Base64),
            kind: at("/type"),
            idempotency_key: several(&["/conversation/id", "/id"]),
            ..hmac("authorization")
        },
    },
];
