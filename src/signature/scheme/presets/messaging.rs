//! Presets of providers of messages and calls.

use super::{at, key, timed};
use crate::signature::scheme::{Algorithm, Handshake, KeyEncoding, Layout, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "slack",
        title: "Slack Events API",
        documentation: "https://docs.slack.dev/authentication/verifying-requests-from-slack",
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
            kind: at("/event/type"),
            ..timed("x-signature-ed25519", "x-signature-timestamp", "{time}{body}")
        },
    },
];
