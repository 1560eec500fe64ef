//! Presets of social networks.

use std::time::Duration;

use super::{at, hmac, labelled, signed, text, timed};
use crate::signature::scheme::{
    Condition, Encoding, Family, FieldLocation, Handshake, Layout, Preset, Scheme, TimeUnit,
};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "twitch",
        title: "Twitch EventSub",
        documentation: "https://dev.twitch.tv/docs/eventsub/handling-webhook-events/",
        weakness: None,
        build: || Scheme {
            families: vec![Family {
                signature: text("twitch-eventsub-message-signature"),
                time: Some(text("twitch-eventsub-message-timestamp")),
                id: Some(text("twitch-eventsub-message-id")),
                ..Family::default()
            }],
            layout: Layout::plain("sha256="),
            time_unit: TimeUnit::Rfc3339,
            tolerance: Some(Duration::from_mins(10)),
            kind: at("/subscription/type"),
            id: FieldLocation::SignedHeader,
            idempotency_key: FieldLocation::SignedHeader,
            handshake: Some(Handshake::Signed {
                requires: Condition {
                    pointer: text("/subscription/status"),
                    value: text("webhook_callback_verification_pending"),
                },
                challenge: text("/challenge"),
                member: None,
            }),
            ..timed(
                "twitch-eventsub-message-signature",
                "twitch-eventsub-message-timestamp",
                "{id:36}{time}{body}",
            )
        },
    },
    Preset {
        name: "x",
        title: "X (Twitter) Account Activity API",
        documentation: "https://docs.x.com/x-api/webhooks/introduction",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha256="),
            encoding: Encoding::Base64,
            ..hmac("x-twitter-webhooks-signature")
        },
    },
    Preset {
        name: "linkedin",
        title: "LinkedIn",
        documentation: "https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation",
        weakness: None,
        build: || Scheme { signed: signed("hmacsha256={body}"), kind: at("/type"), ..hmac("x-li-signature") },
    },
    Preset {
        name: "tiktok",
        title: "TikTok for Developers",
        documentation: "https://developers.tiktok.com/doc/webhooks-verification",
        weakness: None,
        build: || Scheme { kind: at("/event"), ..labelled("tiktok-signature", ',', "t", &["s"]) },
    },
];
