//! Presets of payment and billing providers.

use super::{at, labelled, signed};
use crate::signature::scheme::{Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[Preset {
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
}];
