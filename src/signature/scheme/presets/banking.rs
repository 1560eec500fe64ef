//! Presets of banking, payouts and accounting.

use super::{at, hmac, key, labelled, signed};
use crate::signature::scheme::{Algorithm, AnswerForm, Encoding, KeyEncoding, KeyForm, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "brex",
        title: "Brex",
        documentation: "https://developer.brex.com/docs/webhooks/",
        weakness: None,
        build: || Scheme { kind: at("/event_type"), ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "mercury",
        title: "Mercury",
        documentation: "https://docs.mercury.com/reference/webhooks",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha256, KeyEncoding::Base64),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..labelled("mercury-signature", ',', "t", &["v1"])
        },
    },
    Preset {
        name: "increase",
        title: "Increase",
        documentation: "https://increase.com/documentation/webhooks",
        weakness: None,
        build: || Scheme { key: KeyForm::RAW, kind: at("/category"), ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "lithic",
        title: "Lithic",
        documentation: "https://docs.lithic.com/docs/events-api",
        weakness: None,
        build: || Scheme { kind: at("/event_type"), ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "modern-treasury",
        title: "Modern Treasury",
        documentation: "https://docs.moderntreasury.com/platform/docs/verifying-webhooks",
        weakness: None,
        build: || Scheme { kind: at("/event"), ..hmac("x-signature") },
    },
    Preset {
        name: "column",
        title: "Column",
        documentation: "https://column.com/docs/workingwithapi/events-and-webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("column-signature")
        },
    },
    Preset {
        name: "unit",
        title: "Unit",
        documentation: "https://www.unit.co/docs/api/webhooks/",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            ..hmac("x-unit-signature")
        },
    },
    Preset {
        name: "teller",
        title: "Teller",
        documentation: "https://teller.io/docs/api/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..labelled("teller-signature", ',', "t", &["v1"])
        },
    },
    Preset {
        name: "trolley",
        title: "Trolley",
        documentation: "https://developers.trolley.com/api/#webhooks",
        weakness: None,
        build: || Scheme {
            signed: signed("{time}{body}"),
            tolerance: None,
            ..labelled("x-paymentrails-signature", ',', "t", &["v1"])
        },
    },
    Preset {
        name: "xero",
        title: "Xero",
        documentation: "https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            answer: AnswerForm::OK_EMPTY,
            ..hmac("x-xero-signature")
        },
    },
    Preset {
        name: "quickbooks",
        title: "QuickBooks Online",
        documentation: "https://developer.intuit.com/app/developer/qbo/docs/develop/webhooks",
        weakness: None,
        build: || Scheme { encoding: Encoding::Base64, ..hmac("intuit-signature") },
    },
    Preset {
        name: "moneybird",
        title: "Moneybird",
        documentation: "https://developer.moneybird.com/webhooks/verifying-signatures",
        weakness: None,
        build: || Scheme { kind: at("/action"), ..labelled("moneybird-signature", ',', "t", &["v1"]) },
    },
];
