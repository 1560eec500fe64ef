//! Presets of publishing, documentation and translation.

use super::{TOKEN, at, hmac, key, labelled, signed, token};
use crate::signature::scheme::{Algorithm, Encoding, KeyEncoding, Layout, Preset, Scheme, TimeUnit};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "ghost",
        title: "Ghost",
        documentation: "https://ghost.org/docs/webhooks/",
        weakness: None,
        build: || Scheme {
            time_unit: TimeUnit::Milliseconds,
            signed: signed("{body}{time}"),
            kind: at("/event"),
            ..labelled("x-ghost-signature", ',', "t", &["sha256"])
        },
    },
    Preset {
        name: "storyblok",
        title: "Storyblok",
        documentation: "https://www.storyblok.com/docs/concepts/webhooks",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            kind: at("/action"),
            ..hmac("webhook-signature")
        },
    },
    Preset {
        name: "readme",
        title: "ReadMe",
        documentation: "https://docs.readme.com/main/docs/personalized-docs-webhook",
        weakness: None,
        build: || Scheme {
            time_unit: TimeUnit::Milliseconds,
            ..labelled("readme-signature", ',', "t", &["v0"])
        },
    },
    Preset {
        name: "phrase",
        title: "Phrase Strings",
        documentation: "https://support.phrase.com/hc/en-us/articles/5784125710364-Webhooks-Strings",
        weakness: None,
        build: || Scheme { encoding: Encoding::Base64, kind: at("/event"), ..hmac("x-phraseapp-signature") },
    },
    Preset {
        name: "lokalise",
        title: "Lokalise",
        documentation: "https://developers.lokalise.com/docs/webhooks-getting-started",
        weakness: Some(TOKEN),
        build: || Scheme { kind: at("/event"), ..token("x-secret", "") },
    },
    Preset {
        name: "weblate",
        title: "Weblate",
        documentation: "https://docs.weblate.org/en/latest/admin/addons.html",
        weakness: None,
        build: || Scheme { kind: at("/action"), ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "autodesk-aps",
        title: "Autodesk Platform Services",
        documentation: "https://aps.autodesk.com/en/docs/webhooks/v1/developers_guide/webhook_signature/",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            layout: Layout::plain("sha1hash="),
            kind: at("/hook/event"),
            ..hmac("x-adsk-signature")
        },
    },
];
