//! Presets of providers of documents and of signatures on them.

use std::time::Duration;

use super::{at, hmac, labelled, several, signature, text, timed};
use crate::signature::scheme::{Encoding, Family, Handshake, KeyNames, Preset, Scheme, TimeUnit};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "box",
        title: "Box",
        documentation: "https://developer.box.com/guides/webhooks/v2/signatures-v2",
        weakness: None,
        build: || Scheme {
            families: vec![
                Family {
                    signature: text("box-signature-primary"),
                    time: Some(text("box-delivery-timestamp")),
                    ..Family::default()
                },
                Family {
                    signature: text("box-signature-secondary"),
                    time: Some(text("box-delivery-timestamp")),
                    ..Family::default()
                },
            ],
            encoding: Encoding::Base64,
            time_unit: TimeUnit::Rfc3339,
            tolerance: Some(Duration::from_mins(10)),
            kind: at("/trigger"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..timed("box-signature-primary", "box-delivery-timestamp", "{body}{time}")
        },
    },
    Preset {
        name: "dropbox",
        title: "Dropbox",
        documentation: "https://www.dropbox.com/developers/reference/webhooks",
        weakness: None,
        build: || Scheme {
            key_names: KeyNames::Nothing,
            handshake: Handshake::named("dropbox"),
            ..hmac("x-dropbox-signature")
        },
    },
    Preset {
        name: "docusign",
        title: "DocuSign Connect",
        documentation: "https://developers.docusign.com/platform/webhooks/connect/validate/",
        weakness: None,
        build: || Scheme {
            families: (1..=10).map(|number| signature(format!("x-docusign-signature-{number}"))).collect(),
            encoding: Encoding::Base64,
            kind: at("/event"),
            idempotency_key: several(&[
                "/event",
                "/generatedDateTime",
                "/data/envelopeId",
                "/data/recipientId",
            ]),
            ..hmac("x-docusign-signature-1")
        },
    },
    Preset {
        name: "pandadoc",
        title: "PandaDoc",
        documentation: "https://developers.pandadoc.com/docs/webhook-verification",
        weakness: None,
        build: || hmac("?signature"),
    },
    Preset {
        name: "boldsign",
        title: "BoldSign",
        documentation: "https://developers.boldsign.com/webhooks/verification/",
        weakness: None,
        build: || Scheme {
            kind: at("/event/eventType"),
            id: at("/event/id"),
            idempotency_key: at("/event/id"),
            ..labelled("x-boldsign-signature", ',', "t", &["s0", "s1"])
        },
    },
];
