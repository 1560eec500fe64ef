//! Presets of providers of recruiting, personnel and payroll.

use super::{ONLY_ID_NOT_SIGNED, at, hmac, key, signed, text, with_headers};
use crate::signature::scheme::{
    Algorithm, Encoding, Family, FieldLocation, KeyEncoding, Layout, Preset, Scheme,
};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "greenhouse",
        title: "Greenhouse",
        documentation: "https://developers.greenhouse.io/webhooks.html#authentication",
        weakness: Some(ONLY_ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("signature", Some("greenhouse-event-id"), None),
            layout: Layout::plain("sha256 "),
            kind: at("/action"),
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("signature")
        },
    },
    Preset {
        name: "ashby",
        title: "Ashby",
        documentation: "https://developers.ashbyhq.com/docs/authenticating-webhooks",
        weakness: None,
        build: || Scheme { layout: Layout::plain("sha256="), kind: at("/action"), ..hmac("ashby-signature") },
    },
    Preset {
        name: "workable",
        title: "Workable",
        documentation: "https://workable.readme.io/reference/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/event_type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-workable-signature")
        },
    },
    Preset {
        name: "checkr",
        title: "Checkr",
        documentation: "https://docs.checkr.com/#section/Webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-checkr-signature")
        },
    },
    Preset {
        name: "finch",
        title: "Finch",
        documentation: "https://developer.tryfinch.com/docs/webhooks/securing-webhooks",
        weakness: None,
        build: || Scheme {
            families: vec![Family {
                signature: text("finch-signature"),
                time: Some(text("finch-timestamp")),
                id: Some(text("finch-event-id")),
                ..Family::default()
            }],
            key: key(Algorithm::HmacSha256, KeyEncoding::Base64),
            kind: at("/event_type"),
            ..Scheme::standard_webhooks()
        },
    },
    Preset {
        name: "merge",
        title: "Merge",
        documentation: "https://docs.merge.dev/basics/webhooks/",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64Url,
            kind: at("/hook/event"),
            ..hmac("x-merge-webhook-signature")
        },
    },
    Preset {
        name: "gusto",
        title: "Gusto",
        documentation: "https://docs.gusto.com/app-integrations/docs/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/event_type"),
            id: at("/uuid"),
            idempotency_key: at("/uuid"),
            ..hmac("x-gusto-signature")
        },
    },
    Preset {
        name: "deel",
        title: "Deel",
        documentation: "https://developer.deel.com/docs/security",
        weakness: None,
        build: || Scheme {
            signed: signed("POST{body}"),
            kind: at("/data/meta/event_type"),
            ..hmac("x-deel-signature")
        },
    },
];
