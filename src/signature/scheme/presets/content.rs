//! Presets of providers of content and media.

use super::{ID_NOT_SIGNED, at, hmac, labelled, text, timed, with_headers};
use crate::signature::scheme::{Encoding, Family, FieldLocation, KeyForm, Layout, Preset, Scheme, TimeUnit};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "sanity",
        title: "Sanity",
        documentation: "https://www.sanity.io/docs/content-lake/webhooks",
        weakness: Some(ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers(
                "sanity-webhook-signature",
                Some("idempotency-key"),
                Some("sanity-operation"),
            ),
            encoding: Encoding::Base64Url,
            time_unit: TimeUnit::Milliseconds,
            tolerance: None,
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..labelled("sanity-webhook-signature", ',', "t", &["v1"])
        },
    },
    Preset {
        name: "webflow",
        title: "Webflow",
        documentation: "https://developers.webflow.com/data/docs/working-with-webhooks",
        weakness: None,
        build: || Scheme {
            time_unit: TimeUnit::Milliseconds,
            kind: at("/triggerType"),
            ..timed("x-webflow-signature", "x-webflow-timestamp", "{time}:{body}")
        },
    },
    Preset {
        name: "kontent-ai",
        title: "Kontent.ai",
        documentation: "https://kontent.ai/learn/docs/webhooks/validate-received-notifications",
        weakness: None,
        build: || Scheme {
            families: vec![
                Family { signature: text("x-kontent-ai-signature"), ..Family::default() },
                Family { signature: text("x-kc-signature"), ..Family::default() },
            ],
            encoding: Encoding::Base64,
            ..hmac("x-kontent-ai-signature")
        },
    },
    Preset {
        name: "mux",
        title: "Mux",
        documentation: "https://www.mux.com/docs/core/verify-webhook-signatures",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..labelled("mux-signature", ',', "t", &["v1"])
        },
    },
    Preset {
        name: "imagekit",
        title: "ImageKit",
        documentation: "https://imagekit.io/docs/webhooks",
        weakness: None,
        build: || Scheme { key: KeyForm::RAW, ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "uploadcare",
        title: "Uploadcare",
        documentation: "https://uploadcare.com/docs/webhooks/",
        weakness: None,
        build: || Scheme { layout: Layout::plain("v1="), kind: at("/hook/event"), ..hmac("x-uc-signature") },
    },
];
