//! Presets of payment gateways of a region.

use super::{ONLY_ID_NOT_SIGNED, TOKEN, at, hmac, key, labelled, timed, token, with_headers};
use crate::signature::scheme::{
    Algorithm, AnswerForm, Encoding, FieldLocation, KeyEncoding, Preset, Scheme, TimeUnit,
};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "razorpay",
        title: "Razorpay",
        documentation: "https://razorpay.com/docs/webhooks/validate-test/",
        weakness: Some(ONLY_ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-razorpay-signature", Some("x-razorpay-event-id"), None),
            kind: at("/event"),
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("x-razorpay-signature")
        },
    },
    Preset {
        name: "cashfree",
        title: "Cashfree Payments",
        documentation: "https://www.cashfree.com/docs/payments/online/webhooks/signature-verification",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            time_unit: TimeUnit::Milliseconds,
            kind: at("/type"),
            answer: AnswerForm::OK,
            ..timed("x-webhook-signature", "x-webhook-timestamp", "{time}{body}")
        },
    },
    Preset {
        name: "portone",
        title: "PortOne",
        documentation: "https://developers.portone.io/opi/ko/integration/webhook/readme-v2",
        weakness: None,
        build: Scheme::standard_webhooks,
    },
    Preset {
        name: "komoju",
        title: "KOMOJU",
        documentation: "https://doc.komoju.com/docs/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-komoju-signature")
        },
    },
    Preset {
        name: "payjp",
        title: "PAY.JP",
        documentation: "https://pay.jp/docs/webhook",
        weakness: Some(TOKEN),
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..token("x-payjp-webhook-token", "")
        },
    },
    Preset {
        name: "omise",
        title: "Omise",
        documentation: "https://docs.omise.co/api-webhooks",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha256, KeyEncoding::Base64),
            tolerance: None,
            kind: at("/key"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..timed("omise-signature", "omise-signature-timestamp", "{time}.{body}")
        },
    },
    Preset {
        name: "paymongo",
        title: "PayMongo",
        documentation: "https://developers.paymongo.com/docs/creating-webhook",
        weakness: None,
        build: || Scheme {
            tolerance: None,
            kind: at("/data/attributes/type"),
            id: at("/data/id"),
            idempotency_key: at("/data/id"),
            ..labelled("paymongo-signature", ',', "t", &["te", "li"])
        },
    },
    Preset {
        name: "xendit",
        title: "Xendit",
        documentation: "https://docs.xendit.co/docs/handling-webhooks",
        weakness: Some(TOKEN),
        build: || Scheme { kind: at("/event"), ..token("x-callback-token", "") },
    },
    Preset {
        name: "paystack",
        title: "Paystack",
        documentation: "https://paystack.com/docs/payments/webhooks/",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha512, KeyEncoding::Raw),
            kind: at("/event"),
            answer: AnswerForm::OK,
            ..hmac("x-paystack-signature")
        },
    },
    Preset {
        name: "flutterwave",
        title: "Flutterwave",
        documentation: "https://developer.flutterwave.com/docs/webhooks",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            kind: at("/type"),
            answer: AnswerForm::OK,
            ..hmac("flutterwave-signature")
        },
    },
    Preset {
        name: "flutterwave-v3",
        title: "Flutterwave v3",
        documentation: "https://developer.flutterwave.com/v3.0/docs/webhooks",
        weakness: Some(TOKEN),
        build: || Scheme { kind: at("/event"), answer: AnswerForm::OK, ..token("verif-hash", "") },
    },
    Preset {
        name: "monnify",
        title: "Monnify",
        documentation: "https://developers.monnify.com/docs/webhooks",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha512, KeyEncoding::Raw),
            kind: at("/eventType"),
            answer: AnswerForm::OK,
            ..hmac("monnify-signature")
        },
    },
    Preset {
        name: "yoco",
        title: "Yoco",
        documentation: "https://developer.yoco.com/guides/online-payments/webhooks/verifying-the-events",
        weakness: None,
        build: Scheme::standard_webhooks,
    },
    Preset {
        name: "fedapay",
        title: "FedaPay",
        documentation: "https://docs.fedapay.com/integration-api/fr/webhooks-fr",
        weakness: None,
        build: || Scheme { kind: at("/name"), ..labelled("x-fedapay-signature", ',', "t", &["s"]) },
    },
    Preset {
        name: "chargily",
        title: "Chargily Pay",
        documentation: "https://dev.chargily.com/pay-v2/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("signature")
        },
    },
];
