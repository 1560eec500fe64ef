//! Presets of providers of forms and surveys.

use super::{at, hmac, key};
use crate::signature::scheme::{Algorithm, Encoding, KeyEncoding, Layout, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "typeform",
        title: "Typeform",
        documentation: "https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha256="),
            encoding: Encoding::Base64,
            kind: at("/event_type"),
            id: at("/event_id"),
            idempotency_key: at("/event_id"),
            ..hmac("typeform-signature")
        },
    },
    Preset {
        name: "tally",
        title: "Tally",
        documentation: "https://tally.so/help/webhooks",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            kind: at("/eventType"),
            id: at("/eventId"),
            idempotency_key: at("/eventId"),
            ..hmac("tally-signature")
        },
    },
    Preset {
        name: "surveymonkey",
        title: "SurveyMonkey",
        documentation: "https://developer.surveymonkey.com/api/v3/#webhook-callbacks",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            kind: at("/event_type"),
            id: at("/event_id"),
            idempotency_key: at("/event_id"),
            ..hmac("sm-signature")
        },
    },
    Preset {
        name: "formstack",
        title: "Formstack",
        documentation: "https://developers.formstack.com/docs/webhooks",
        weakness: None,
        build: || Scheme { layout: Layout::plain("sha256="), ..hmac("x-fs-signature") },
    },
];
