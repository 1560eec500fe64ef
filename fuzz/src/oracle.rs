//! The oracle of signatures: the contract implemented a second time, slowly and simply, without code of the receiver.

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The scheme with which a source signs its deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Duffel,
    Stripe,
    StandardHmac,
    StandardEd25519,
    Github,
    Shopify,
    /// `hmac-sha256` without a time.
    Plain,
    /// `hmac-sha256` with a time that is signed.
    Timed,
    /// `hmac-sha256` with a time that is not.
    LooselyTimed,
}

/// A source of deliveries.
#[derive(Clone, Copy, Debug)]
pub struct Provider {
    pub name: &'static str,
    pub kind: Kind,
    /// The bytes of the HMAC's key, or the seed of the private key.
    pub key: &'static [u8],
    /// The greatest age of a signature, in seconds.
    pub tolerance: u64,
}

impl Provider {
    /// The private key of a source with Ed25519 signatures.
    pub fn private_key(&self) -> SigningKey {
        SigningKey::from_bytes(self.key.try_into().unwrap())
    }
}

/// The values of the headers of a signature, if they are there.
#[derive(Clone, Debug, Default)]
pub struct Claim<'a> {
    pub signature: Option<&'a str>,
    pub time: Option<&'a str>,
    pub id: Option<&'a str>,
}

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Signed { label: String, time: Option<u64> },
    Missing,
    Malformed,
    Mismatch,
    Stale { age: u64 },
    Future { ahead: u64 },
}

pub fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// One signature of a header, with its label.
struct Found {
    label: &'static str,
    public: bool,
    bytes: Vec<u8>,
}

impl Found {
    /// Returns whether it has the length of its kind.
    fn is_whole(&self) -> bool {
        self.bytes.len() == if self.public { 64 } else { 32 }
    }
}

/// Verifies a signature at a time.
pub fn oracle(provider: &Provider, claim: &Claim, body: &[u8], now: u64) -> Verdict {
    let Some(header) = claim.signature else { return Verdict::Missing };
    if header.len() > 4096 {
        return Verdict::Malformed;
    }
    let (found, element) = match provider.kind {
        Kind::Duffel | Kind::Stripe => {
            let mut times = Vec::new();
            let mut found = Vec::new();
            for element in header.split(',') {
                let Some(equals) = element.find('=') else { continue };
                let (name, value) = (element[..equals].trim(), element[equals + 1..].trim());
                match name {
                    "t" => times.push(value),
                    "v1" => {
                        found.extend(from_hex(value).map(|bytes| Found { label: "v1", public: false, bytes }))
                    }
                    "v2" if provider.kind == Kind::Duffel => {
                        found.extend(from_hex(value).map(|bytes| Found {
                            label: "v2",
                            public: false,
                            bytes,
                        }));
                    }
                    _ => {}
                }
            }
            if times.len() != 1 {
                return Verdict::Malformed;
            }
            (found, Some(times[0]))
        }
        Kind::StandardHmac | Kind::StandardEd25519 => {
            let mut found = Vec::new();
            for element in header.split(' ') {
                let Some(comma) = element.find(',') else { continue };
                let (version, bytes) = (element[..comma].trim(), from_base64(element[comma + 1..].trim()));
                match version {
                    "v1" => found.extend(bytes.map(|bytes| Found { label: "v1", public: false, bytes })),
                    "v1a" if found.iter().filter(|one: &&Found| one.public && one.is_whole()).count() < 4 => {
                        found.extend(bytes.map(|bytes| Found { label: "v1a", public: true, bytes }));
                    }
                    _ => {}
                }
            }
            (found, None)
        }
        Kind::Github | Kind::Shopify | Kind::Plain | Kind::Timed | Kind::LooselyTimed => {
            let prefix = if provider.kind == Kind::Github { "sha256=" } else { "" };
            let mut found = Vec::new();
            for element in header.split(',') {
                let Some(text) = element.trim().strip_prefix(prefix) else { continue };
                let text = text.trim();
                let bytes = if provider.kind == Kind::Shopify { from_base64(text) } else { from_hex(text) };
                found.extend(bytes.map(|bytes| Found { label: "", public: false, bytes }));
            }
            (found, None)
        }
    };
    let found: Vec<_> = found.into_iter().filter(Found::is_whole).collect();
    if found.is_empty() {
        return Verdict::Malformed;
    }
    let time_text = match provider.kind {
        Kind::Duffel | Kind::Stripe => element,
        Kind::Github | Kind::Shopify | Kind::Plain => None,
        _ => match claim.time {
            Some(time) => Some(time),
            None => return Verdict::Malformed,
        },
    };
    let mut time = None;
    if let Some(text) = time_text {
        if text.is_empty() || text.len() > 13 || !text.chars().all(|c| "0123456789".contains(c)) {
            return Verdict::Malformed;
        }
        time = Some(text.parse().unwrap());
    }
    let mut message = Vec::new();
    match provider.kind {
        Kind::Duffel | Kind::Stripe | Kind::Timed => {
            message.extend(format!("{}.", time_text.unwrap()).bytes());
        }
        Kind::StandardHmac | Kind::StandardEd25519 => match claim.id {
            Some(id) if !id.is_empty() && !id.contains('.') => {
                message.extend(format!("{id}.{}.", time_text.unwrap()).bytes());
            }
            _ => return Verdict::Malformed,
        },
        Kind::Github | Kind::Shopify | Kind::Plain | Kind::LooselyTimed => {}
    }
    message.extend(body);
    let made = |one: &&Found| {
        if provider.kind != Kind::StandardEd25519 {
            return !one.public && one.bytes == hmac(provider.key, &message);
        }
        let key: VerifyingKey = provider.private_key().verifying_key();
        let signature = Signature::from_slice(&one.bytes);
        one.public && signature.is_ok_and(|signature| key.verify_strict(&message, &signature).is_ok())
    };
    let Some(one) = found.iter().find(made) else { return Verdict::Mismatch };
    if let Some(time) = time {
        if now > time && now - time > provider.tolerance {
            return Verdict::Stale { age: now - time };
        }
        if time > now && time - now > 300 {
            return Verdict::Future { ahead: time - now };
        }
    }
    let is_signed = provider.kind != Kind::LooselyTimed;
    Verdict::Signed { label: one.label.to_owned(), time: time.filter(|_| is_signed) }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect())
}

/// Accepts only base64 that encodes to the same text again.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = Vec::new();
    for c in text.trim_end_matches('=').chars() {
        let value = ALPHABET.find(c)?;
        bits.extend((0..6).rev().map(|bit| (value >> bit) as u8 & 1));
    }
    let bytes: Vec<u8> =
        bits.chunks_exact(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit)).collect();
    (STANDARD.encode(&bytes) == text).then_some(bytes)
}
