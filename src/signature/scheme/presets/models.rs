//! Presets of language models and their tools.

use super::{ONLY_ID_NOT_SIGNED, TOKEN, at, hmac, labelled, token, with_headers};
use crate::signature::scheme::{FieldLocation, Layout, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "openai",
        title: "OpenAI",
        documentation: "https://platform.openai.com/docs/guides/webhooks",
        weakness: None,
        build: Scheme::standard_webhooks,
    },
    Preset {
        name: "anthropic",
        title: "Anthropic (Claude Managed Agents)",
        documentation: "https://platform.claude.com/docs/en/managed-agents/webhooks",
        weakness: None,
        build: || Scheme { kind: at("/data/type"), ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "gemini",
        title: "Gemini API",
        documentation: "https://ai.google.dev/gemini-api/docs/webhooks",
        weakness: None,
        build: Scheme::standard_webhooks,
    },
    Preset {
        name: "replicate",
        title: "Replicate",
        documentation: "https://replicate.com/docs/topics/webhooks/verify-webhook",
        weakness: None,
        build: || Scheme { kind: at("/status"), ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "huggingface",
        title: "Hugging Face",
        documentation: "https://huggingface.co/docs/hub/en/webhooks",
        weakness: Some(TOKEN),
        build: || Scheme { kind: at("/event/scope"), ..token("x-webhook-secret", "") },
    },
    Preset {
        name: "wandb",
        title: "Weights & Biases",
        documentation: "https://docs.wandb.ai/guides/automations/create-automations/webhook/",
        weakness: None,
        build: || Scheme { kind: at("/event_type"), ..hmac("x-wandb-signature") },
    },
    Preset {
        name: "langfuse",
        title: "Langfuse",
        documentation: "https://langfuse.com/docs/prompt-management/features/webhooks-slack-integrations",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..labelled("x-langfuse-signature", ',', "t", &["v1"])
        },
    },
    Preset {
        name: "firecrawl",
        title: "Firecrawl",
        documentation: "https://docs.firecrawl.dev/webhooks/security",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha256="),
            kind: at("/type"),
            ..hmac("x-firecrawl-signature")
        },
    },
    Preset {
        name: "exa",
        title: "Exa Websets",
        documentation: "https://docs.exa.ai/websets/api/webhooks/verifying-signatures",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..labelled("exa-signature", ',', "t", &["v1"])
        },
    },
    Preset {
        name: "cursor",
        title: "Cursor cloud agents",
        documentation: "https://cursor.com/docs/cloud-agent/api/webhooks",
        weakness: Some(ONLY_ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-webhook-signature", Some("x-webhook-id"), None),
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            layout: Layout::plain("sha256="),
            kind: at("/event"),
            ..hmac("x-webhook-signature")
        },
    },
];
