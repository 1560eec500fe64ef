//! Descriptions of schemes as the judge knows them, and deliveries that it signs by them. It shares no code with the
//! receiver: it joins, hashes and encodes in its own way.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use sha2::Digest;

const SIGNATURE: &str = "x-signature";
const TIME: &str = "x-time";
const ID: &str = "x-id";

/// A part of the signed content.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text(String),
    Id(Option<usize>),
    Time,
    Body,
}

/// A description as the judge knows it.
#[derive(Clone, Debug)]
pub struct Description {
    pub algorithm: &'static str,
    pub encoding: &'static str,
    pub secret_encoding: &'static str,
    pub separator: char,
    pub prefix: String,
    /// Empty if signatures have a prefix instead.
    pub labels: Vec<&'static str>,
    /// In the header of the signature, in its own, or nowhere.
    pub time: &'static str,
    pub unit: &'static str,
    pub parts: Vec<Part>,
    pub key: Vec<u8>,
}

/// A delivery before it is signed.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    pub id: String,
    pub time: String,
    pub body: Vec<u8>,
}

impl Description {
    /// The description as a source's fields.
    pub fn fields(&self) -> Value {
        let mut fields = json!({
            "scheme": "hmac-sha256",
            "signature_header": SIGNATURE,
            "algorithm": self.algorithm,
            "encoding": self.encoding,
            "secret_encoding": self.secret_encoding,
            "separator": self.separator.to_string(),
            "signed": self.signed(),
        });
        if self.labels.is_empty() {
            if !self.prefix.is_empty() {
                fields["prefix"] = json!(self.prefix);
            }
        } else {
            fields["signature_labels"] = json!(self.labels);
        }
        match self.time {
            "element" => fields["timestamp_label"] = json!("t"),
            "header" => fields["timestamp_header"] = json!(TIME),
            _ => {}
        }
        if self.time != "nowhere" {
            fields["timestamp_unit"] = json!(self.unit);
        }
        if self.parts.iter().any(|part| matches!(part, Part::Id(_))) {
            fields["id"] = json!({"header": ID});
        }
        fields
    }

    pub fn signed(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Id(None) => "{id}".to_owned(),
            Part::Id(Some(width)) => format!("{{id:{width}}}"),
            Part::Time => "{time}".to_owned(),
            Part::Body => "{body}".to_owned(),
        };
        self.parts.iter().map(part).collect()
    }

    pub fn secret(&self) -> String {
        match self.secret_encoding {
            "base64" => STANDARD.encode(&self.key),
            "hex" => hex(&self.key),
            "whsec" => format!("whsec_{}", STANDARD.encode(&self.key)),
            // Printable, and without white space, which a secret must not have at its ends.
            _ => self.raw_key(),
        }
    }

    pub fn raw_key(&self) -> String {
        self.key.iter().map(|byte| char::from(b'a' + byte % 26)).collect()
    }

    /// The bytes that are signed.
    pub fn join(&self, content: &Content) -> Vec<u8> {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone().into_bytes(),
            Part::Id(_) => content.id.clone().into_bytes(),
            Part::Time => content.time.clone().into_bytes(),
            Part::Body => content.body.clone(),
        };
        self.parts.iter().flat_map(part).collect()
    }

    /// The signature of a content, encoded.
    pub fn sign(&self, content: &Content) -> String {
        let key = if self.secret_encoding == "raw" { self.raw_key().into_bytes() } else { self.key.clone() };
        let message = self.join(content);
        let mac = match self.algorithm {
            "hmac-sha1" => hmac::<sha1::Sha1>(&key, &message, 64),
            "hmac-sha256" => hmac::<sha2::Sha256>(&key, &message, 64),
            "hmac-sha384" => hmac::<sha2::Sha384>(&key, &message, 128),
            _ => hmac::<sha2::Sha512>(&key, &message, 128),
        };
        match self.encoding {
            "hex" => hex(&mac).to_uppercase(),
            "base64" => STANDARD.encode(mac),
            _ => URL_SAFE_NO_PAD.encode(mac),
        }
    }

    pub fn headers(&self, content: &Content, signature: &str) -> Vec<(String, String)> {
        let separator = self.separator;
        let value = match self.labels.last() {
            None => format!("{}{signature}", self.prefix),
            Some(label) if self.time == "element" => {
                format!("x=1{separator}t={}{separator}{label}={signature}", content.time)
            }
            Some(label) => format!("x=1{separator}{label}={signature}"),
        };
        let mut headers = vec![(SIGNATURE.to_owned(), value), (ID.to_owned(), content.id.clone())];
        if self.time == "header" {
            headers.push((TIME.to_owned(), content.time.clone()));
        }
        headers
    }

    pub fn covers(&self, part: fn(&Part) -> bool) -> bool {
        self.parts.iter().any(part)
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// RFC 2104, from its text.
fn hmac<D: Digest>(key: &[u8], message: &[u8], block: usize) -> Vec<u8> {
    let mut padded = if key.len() > block { D::digest(key).to_vec() } else { key.to_vec() };
    padded.resize(block, 0);
    let with = |pad: u8| padded.iter().map(|byte| byte ^ pad).collect::<Vec<_>>();
    let inner = D::digest([&with(0x36), message].concat());
    D::digest([&with(0x5c)[..], &inner].concat()).to_vec()
}
