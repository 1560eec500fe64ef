//! Presets of voices, videos and records of meetings.

use super::{TOKEN, at, hmac, labelled, signed, timed, token};
use crate::signature::scheme::{AnswerForm, FieldLocation, Layout, Preset, Scheme, TimeUnit};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "elevenlabs",
        title: "ElevenLabs",
        documentation: "https://elevenlabs.io/docs/eleven-agents/workflows/post-call-webhooks",
        weakness: None,
        build: || Scheme {
            answer: AnswerForm::OK,
            kind: at("/type"),
            ..labelled("elevenlabs-signature", ',', "t", &["v0"])
        },
    },
    Preset {
        name: "retell",
        title: "Retell AI",
        documentation: "https://docs.retellai.com/features/secure-webhook",
        weakness: None,
        build: || Scheme {
            time_unit: TimeUnit::Milliseconds,
            signed: signed("{body}{time}"),
            kind: at("/event"),
            ..labelled("x-retell-signature", ',', "v", &["d"])
        },
    },
    Preset {
        name: "vapi",
        title: "Vapi",
        documentation: "https://docs.vapi.ai/server-url/server-authentication",
        weakness: Some(TOKEN),
        build: || Scheme { kind: at("/message/type"), ..token("x-vapi-secret", "") },
    },
    Preset {
        name: "bland",
        title: "Bland AI",
        documentation: "https://docs.bland.ai/tutorials/webhook-signing",
        weakness: None,
        build: || Scheme { kind: at("/status"), ..hmac("x-webhook-signature") },
    },
    Preset {
        name: "hume",
        title: "Hume AI",
        documentation: "https://dev.hume.ai/docs/speech-to-speech-evi/features/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/event_name"),
            ..timed("x-hume-ai-webhook-signature", "x-hume-ai-webhook-timestamp", "{body}.{time}")
        },
    },
    Preset {
        name: "deepgram",
        title: "Deepgram callbacks",
        documentation: "https://developers.deepgram.com/docs/callback",
        weakness: Some(TOKEN),
        build: || Scheme {
            id: at("/metadata/request_id"),
            idempotency_key: at("/metadata/request_id"),
            ..token("dg-token", "")
        },
    },
    Preset {
        name: "recall-ai",
        title: "Recall.ai",
        documentation: "https://docs.recall.ai/docs/authenticating-requests-from-recallai",
        weakness: None,
        build: || Scheme { kind: at("/event"), ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "fireflies",
        title: "Fireflies.ai",
        documentation: "https://docs.fireflies.ai/graphql-api/webhooks",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha256="),
            kind: at("/eventType"),
            ..hmac("x-hub-signature")
        },
    },
    Preset {
        name: "fathom",
        title: "Fathom",
        documentation: "https://developers.fathom.ai/webhooks",
        weakness: None,
        build: || Scheme { kind: FieldLocation::Nowhere, ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "heygen",
        title: "HeyGen",
        documentation: "https://docs.heygen.com/docs/using-heygens-webhook-events",
        weakness: None,
        build: || Scheme { kind: at("/event_type"), ..hmac("signature") },
    },
    Preset {
        name: "synthesia",
        title: "Synthesia",
        documentation: "https://docs.synthesia.io/reference/webhook-signatures",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            ..timed("synthesia-signature", "synthesia-timestamp", "{time}.{body}")
        },
    },
];
