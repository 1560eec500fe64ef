//! Presets of payment providers.

use super::{at, hmac, key, labelled, signed, text, timed};
use crate::signature::scheme::{
    Algorithm, AnswerForm, Encoding, KeyEncoding, Label, Layout, Preset, Scheme, TimeUnit,
};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "square",
        title: "Square",
        documentation: "https://developer.squareup.com/docs/webhooks/step3validate",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            signed: signed("{url}{body}"),
            kind: at("/type"),
            id: at("/event_id"),
            idempotency_key: at("/event_id"),
            ..hmac("x-square-hmacsha256-signature")
        },
    },
    Preset {
        name: "adyen-platform",
        title: "Adyen platform webhooks",
        documentation: "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            key: key(Algorithm::HmacSha256, KeyEncoding::Hex),
            kind: at("/type"),
            ..hmac("hmacsignature")
        },
    },
    Preset {
        name: "checkout-com",
        title: "Checkout.com",
        documentation: "https://www.checkout.com/docs/developer-resources/event-notifications/receive-webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("cko-signature")
        },
    },
    Preset {
        name: "authorize-net",
        title: "Authorize.Net",
        documentation: "https://developer.authorize.net/api/reference/features/webhooks.html",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha512="),
            key: key(Algorithm::HmacSha512, KeyEncoding::Hex),
            kind: at("/eventType"),
            id: at("/notificationId"),
            idempotency_key: at("/notificationId"),
            ..hmac("x-anet-signature")
        },
    },
    Preset {
        name: "affirm",
        title: "Affirm",
        documentation: "https://docs.affirm.com/developers/v1.1-developer-reference/docs/about-webhooks",
        weakness: None,
        build: || Scheme {
            layout: Layout::Labelled {
                separator: ',',
                assign: '=',
                time: Some(text("t")),
                labels: vec![Label::new("v0", Algorithm::HmacSha512)],
            },
            key: key(Algorithm::HmacSha512, KeyEncoding::Raw),
            tolerance: None,
            ..labelled("x-affirm-signature", ',', "t", &["v0"])
        },
    },
    Preset {
        name: "mollie",
        title: "Mollie",
        documentation: "https://docs.mollie.com/reference/webhooks-new",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha256="),
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-mollie-signature")
        },
    },
    Preset {
        name: "gocardless",
        title: "GoCardless",
        documentation: "https://developer.gocardless.com/getting-started/stay-up-to-date-with-webhooks-v2/",
        weakness: None,
        build: || Scheme {
            id: at("/meta/webhook_id"),
            idempotency_key: at("/meta/webhook_id"),
            ..hmac("webhook-signature")
        },
    },
    Preset {
        name: "airwallex",
        title: "Airwallex",
        documentation: "https://www.airwallex.com/docs/developer-tools/webhooks/listen-for-webhook-events",
        weakness: None,
        build: || Scheme {
            time_unit: TimeUnit::Milliseconds,
            tolerance: None,
            kind: at("/name"),
            id: at("/id"),
            idempotency_key: at("/id"),
            answer: AnswerForm::OK,
            ..timed("x-signature", "x-timestamp", "{time}{body}")
        },
    },
    Preset {
        name: "revolut",
        title: "Revolut",
        documentation: "https://developer.revolut.com/docs/guides/manage-accounts/webhooks/verify-the-payload-signature",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("v1="),
            time_unit: TimeUnit::Milliseconds,
            kind: at("/event"),
            ..timed("revolut-signature", "revolut-request-timestamp", "v1.{time}.{body}")
        },
    },
    Preset {
        name: "worldline-connect",
        title: "Worldline Connect",
        documentation: "https://docs.connect.worldline-solutions.com/documentation/webhooks/event-structure/",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-gcs-signature")
        },
    },
    Preset {
        name: "worldline-direct",
        title: "Worldline Direct",
        documentation: "https://docs.direct.worldline-solutions.com/en/integration/api-developer-guide/webhooks",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-gcs-signature")
        },
    },
    Preset {
        name: "helcim",
        title: "Helcim",
        documentation: "https://devdocs.helcim.com/docs/webhooks",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha256, KeyEncoding::Base64),
            ..Scheme::standard_webhooks()
        },
    },
    Preset {
        name: "dwolla",
        title: "Dwolla",
        documentation: "https://developers.dwolla.com/docs/balance/webhooks/process-validate",
        weakness: None,
        build: || Scheme {
            kind: at("/topic"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-request-signature-sha-256")
        },
    },
    Preset {
        name: "fastspring",
        title: "FastSpring",
        documentation: "https://developer.fastspring.com/docs/message-security",
        weakness: None,
        build: || Scheme { encoding: Encoding::Base64, answer: AnswerForm::OK, ..hmac("x-fs-signature") },
    },
];
