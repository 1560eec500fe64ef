//! Presets of providers of marketing.

use super::{at, hmac, key, signed, timed, with_headers};
use crate::signature::scheme::{Algorithm, Encoding, KeyEncoding, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "customer-io",
        title: "Customer.io",
        documentation: "https://docs.customer.io/journeys/webhooks/",
        weakness: None,
        build: || Scheme {
            tolerance: None,
            kind: at("/metric"),
            id: at("/event_id"),
            idempotency_key: at("/event_id"),
            ..timed("x-cio-signature", "x-cio-timestamp", "v0:{time}:{body}")
        },
    },
    Preset {
        name: "klaviyo",
        title: "Klaviyo system webhooks",
        documentation: "https://developers.klaviyo.com/en/docs/working_with_system_webhooks",
        weakness: Some("The time is signed, and not checked: it is a date of HTTP."),
        build: || Scheme {
            families: with_headers("klaviyo-signature", Some("klaviyo-timestamp"), None),
            signed: signed("{body}{id:29}"),
            ..hmac("klaviyo-signature")
        },
    },
    Preset {
        name: "segment",
        title: "Twilio Segment",
        documentation: "https://segment.com/docs/connections/destinations/catalog/actions-webhook/",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            kind: at("/event"),
            id: at("/messageId"),
            idempotency_key: at("/messageId"),
            ..hmac("x-signature")
        },
    },
    Preset {
        name: "airship",
        title: "Airship",
        documentation: "https://docs.airship.com/developer/rest-api/connect/",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..timed("x-ua-signature", "x-ua-timestamp", "{time}:{body}")
        },
    },
    Preset {
        name: "mautic",
        title: "Mautic",
        documentation: "https://docs.mautic.org/en/5.x/configuration/webhooks.html",
        weakness: None,
        build: || Scheme { encoding: Encoding::Base64, ..hmac("webhook-signature") },
    },
];
