//! Signs as the providers do, so that the targets reach the code after the verification.

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::Signer;

use crate::oracle::{Kind, Provider, hmac};

pub const ID: &str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";

/// One source of each kind.
pub const PROVIDERS: [Provider; 9] = [
    provider("duffel", Kind::Duffel, b"54vFWvaSbbzYpxXPeB4YEw==", 3650 * 24 * 60 * 60),
    provider("stripe", Kind::Stripe, b"whsec_stripe", 300),
    provider("standard", Kind::StandardHmac, b"a key of the standard", 300),
    provider("public", Kind::StandardEd25519, b"a seed of thirty-two bytes, just", 300),
    provider("github", Kind::Github, b"octocat", 0),
    provider("shopify", Kind::Shopify, b"hush", 0),
    provider("plain", Kind::Plain, b"plain", 0),
    provider("timed", Kind::Timed, b"timed", 300),
    provider("loose", Kind::LooselyTimed, b"loose", 300),
];

const fn provider(name: &'static str, kind: Kind, key: &'static [u8], tolerance: u64) -> Provider {
    Provider { name, kind, key, tolerance }
}

/// The value of `SOURCES` with all of them.
pub fn sources() -> String {
    let sources = PROVIDERS.map(|provider| {
        let secret = match provider.kind {
            Kind::StandardHmac => format!("whsec_{}", STANDARD.encode(provider.key)),
            Kind::StandardEd25519 => {
                format!("whpk_{}", STANDARD.encode(provider.private_key().verifying_key().as_bytes()))
            }
            _ => String::from_utf8(provider.key.to_vec()).unwrap(),
        };
        let fields = match provider.kind {
            Kind::Duffel => r#""scheme":"duffel""#,
            Kind::Stripe => r#""scheme":"stripe""#,
            Kind::StandardHmac | Kind::StandardEd25519 => r#""scheme":"standard-webhooks""#,
            Kind::Github => r#""scheme":"github""#,
            Kind::Shopify => r#""scheme":"shopify""#,
            Kind::Plain => r#""scheme":"hmac-sha256","key":"/data/id","type":"/data/0/kind""#,
            Kind::Timed => r#""scheme":"hmac-sha256","timestamp_header":"x-time""#,
            Kind::LooselyTimed => {
                r#""scheme":"hmac-sha256","timestamp_header":"x-time","signed_timestamp":false"#
            }
        };
        format!(r#""{}":{{{fields},"secret":"{secret}"}}"#, provider.name)
    });
    format!("{{{}}}", sources.join(","))
}

/// The families of names that a kind has.
pub fn families(kind: Kind) -> Vec<[String; 3]> {
    let first = names(kind).map(str::to_owned);
    let second = match kind {
        Kind::StandardHmac | Kind::StandardEd25519 => {
            first.clone().map(|name| name.replace("webhook-", "svix-"))
        }
        Kind::Shopify => first.clone().map(|name| name.replace("x-shopify-", "shopify-")),
        _ => return vec![first],
    };
    vec![first, second]
}

/// The names of the headers for signature, time and id, as the sources here use them.
pub fn names(kind: Kind) -> [&'static str; 3] {
    match kind {
        Kind::Duffel => ["x-duffel-signature", "", ""],
        Kind::Stripe => ["stripe-signature", "", ""],
        Kind::StandardHmac | Kind::StandardEd25519 => {
            ["webhook-signature", "webhook-timestamp", "webhook-id"]
        }
        Kind::Github => ["x-hub-signature-256", "", ""],
        Kind::Shopify => ["x-shopify-hmac-sha256", "", ""],
        Kind::Plain => ["x-webhook-signature", "", ""],
        Kind::Timed | Kind::LooselyTimed => ["x-webhook-signature", "x-time", ""],
    }
}

/// The signature of a body with this time and id, in the provider's encoding.
pub fn signature(provider: &Provider, time: &str, id: &str, body: &[u8]) -> String {
    let before = match provider.kind {
        Kind::Duffel | Kind::Stripe | Kind::Timed => format!("{time}."),
        Kind::StandardHmac | Kind::StandardEd25519 => format!("{id}.{time}."),
        _ => String::new(),
    };
    let message = [before.as_bytes(), body].concat();
    match provider.kind {
        Kind::StandardEd25519 => STANDARD.encode(provider.private_key().sign(&message).to_bytes()),
        Kind::StandardHmac | Kind::Shopify => STANDARD.encode(hmac(provider.key, &message)),
        _ => hmac(provider.key, &message).iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// The value of the signature header as the provider writes it.
pub fn header(provider: &Provider, time: &str, id: &str, body: &[u8]) -> String {
    let signature = signature(provider, time, id, body);
    match provider.kind {
        Kind::Duffel => format!("t={time},v2={signature}"),
        Kind::Stripe => format!("t={time},v1={signature}"),
        Kind::StandardHmac => format!("v1,{signature}"),
        Kind::StandardEd25519 => format!("v1a,{signature}"),
        Kind::Github => format!("sha256={signature}"),
        _ => signature,
    }
}
