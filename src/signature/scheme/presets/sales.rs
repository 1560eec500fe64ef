//! Presets of providers of customer relations.

use super::{ONLY_ID_NOT_SIGNED, TOKEN, at, hmac, key, several, text, timed, token};
use crate::signature::scheme::{
    Algorithm, Encoding, Family, FieldLocation, KeyEncoding, Preset, Scheme, TimeUnit,
};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "hubspot",
        title: "HubSpot",
        documentation: "https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            time_unit: TimeUnit::Milliseconds,
            ..timed("x-hubspot-signature-v3", "x-hubspot-request-timestamp", "POST{url}{body}{time}")
        },
    },
    Preset {
        name: "attio",
        title: "Attio",
        documentation: "https://docs.attio.com/rest-api/guides/webhooks",
        weakness: Some(ONLY_ID_NOT_SIGNED),
        build: || Scheme {
            families: vec![
                Family {
                    signature: text("attio-signature"),
                    id: Some(text("idempotency-key")),
                    ..Family::default()
                },
                Family {
                    signature: text("x-attio-signature"),
                    id: Some(text("idempotency-key")),
                    ..Family::default()
                },
            ],
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("attio-signature")
        },
    },
    Preset {
        name: "close",
        title: "Close",
        documentation: "https://developer.close.com/topics/webhooks/",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha256, KeyEncoding::Hex),
            tolerance: None,
            kind: at("/event/object_type"),
            id: at("/event/id"),
            idempotency_key: at("/event/id"),
            ..timed("close-sig-hash", "close-sig-timestamp", "{time}{body}")
        },
    },
    Preset {
        name: "pipedrive",
        title: "Pipedrive",
        documentation: "https://pipedrive.readme.io/docs/guide-for-webhooks-v2",
        weakness: Some(TOKEN),
        build: || Scheme {
            kind: at("/meta/entity"),
            id: at("/meta/id"),
            idempotency_key: several(&["/meta/id", "/meta/timestamp"]),
            ..token("authorization", "Basic ")
        },
    },
];
