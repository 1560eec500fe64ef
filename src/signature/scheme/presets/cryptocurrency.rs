//! Presets of cryptocurrency payments and blockchain data.

use super::{at, hmac, key, labelled};
use crate::signature::scheme::{Algorithm, Encoding, Handshake, KeyEncoding, Layout, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "coinbase-commerce",
        title: "Coinbase Commerce",
        documentation: "https://docs.cdp.coinbase.com/commerce/api-arcitecture/webhooks-security",
        weakness: None,
        build: || Scheme {
            kind: at("/event/type"),
            id: at("/event/id"),
            idempotency_key: at("/event/id"),
            ..hmac("x-cc-webhook-signature")
        },
    },
    Preset {
        name: "coinify",
        title: "Coinify",
        documentation: "https://coinify.readme.io/docs/webhook-signature",
        weakness: None,
        build: || Scheme { kind: at("/event"), ..hmac("x-coinify-webhook-signature") },
    },
    Preset {
        name: "circle",
        title: "Circle",
        documentation: "https://developers.circle.com/wallets/webhook-notifications",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            key: key(Algorithm::EcdsaP256, KeyEncoding::Raw),
            kind: at("/notificationType"),
            id: at("/notificationId"),
            idempotency_key: at("/notificationId"),
            handshake: Some(Handshake::Head),
            ..hmac("x-circle-signature")
        },
    },
    Preset {
        name: "moonpay",
        title: "MoonPay",
        documentation: "https://dev.moonpay.com/reference/reference-webhooks-signature",
        weakness: None,
        build: || Scheme {
            tolerance: None,
            kind: at("/type"),
            ..labelled("moonpay-signature-v2", ',', "t", &["s"])
        },
    },
    Preset {
        name: "btcpay",
        title: "BTCPay Server",
        documentation: "https://docs.btcpayserver.org/Development/GreenFieldExample-NodeJS/",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha256="),
            kind: at("/type"),
            id: at("/deliveryId"),
            idempotency_key: at("/originalDeliveryId"),
            ..hmac("btcpay-sig")
        },
    },
    Preset {
        name: "strike",
        title: "Strike",
        documentation: "https://docs.strike.me/webhooks/signature-verification",
        weakness: None,
        build: || Scheme {
            kind: at("/eventType"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-webhook-signature")
        },
    },
    Preset {
        name: "alchemy",
        title: "Alchemy",
        documentation: "https://www.alchemy.com/docs/reference/notify-api-quickstart",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-alchemy-signature")
        },
    },
];
