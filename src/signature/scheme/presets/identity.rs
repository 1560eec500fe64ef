//! Presets of identity verification.

use super::{at, hmac, labelled};
use crate::signature::scheme::{Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "onfido",
        title: "Onfido",
        documentation: "https://documentation.onfido.com/api/latest/#webhook-security",
        weakness: None,
        build: || Scheme { kind: at("/payload/action"), ..hmac("x-sha2-signature") },
    },
    Preset {
        name: "veriff",
        title: "Veriff",
        documentation: "https://devdocs.veriff.com/docs/hmac-authentication-and-endpoint-security",
        weakness: None,
        build: || hmac("x-hmac-signature"),
    },
    Preset {
        name: "sumsub",
        title: "Sumsub",
        documentation: "https://docs.sumsub.com/docs/webhook-manager",
        weakness: None,
        build: || Scheme { kind: at("/type"), ..hmac("x-payload-digest") },
    },
    Preset {
        name: "complycube",
        title: "ComplyCube",
        documentation: "https://docs.complycube.com/documentation/guides/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("complycube-signature")
        },
    },
    Preset {
        name: "didit",
        title: "Didit",
        documentation: "https://docs.didit.me/integration/webhooks",
        weakness: None,
        build: || Scheme { kind: at("/webhook_type"), ..hmac("x-signature") },
    },
    Preset {
        name: "persona",
        title: "Persona",
        documentation: "https://docs.withpersona.com/webhooks-best-practices",
        weakness: None,
        build: || Scheme {
            tolerance: None,
            kind: at("/data/attributes/name"),
            id: at("/data/id"),
            idempotency_key: at("/data/id"),
            ..labelled("persona-signature", ',', "t", &["v1"])
        },
    },
];
