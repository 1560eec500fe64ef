//! Random descriptions of schemes, and deliveries that a judge signs by them. The judge reads a description by itself: it
//! shares no code with the receiver, and joins, hashes and encodes in its own way.

use std::time::{Duration, UNIX_EPOCH};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use duffel_webhook_receiver::{
    config::sources::read_scheme,
    signature::{Delivery, SignatureError, Verified, Verifier, scheme::Scheme, secret::Secret},
};
use serde_json::{Value, json};
use sha2::Digest;

/// The time of receipt.
pub const NOW: u64 = 1_795_262_400;
const TOLERANCE: Duration = Duration::from_hours(24 * 3650);

const SIGNATURE: &str = "x-signature";
const TIME: &str = "x-time";
const ID: &str = "x-id";

/// Choices, made of the bytes of an input; of zeros once they are used up.
pub struct Choices<'a>(pub &'a [u8]);

impl Choices<'_> {
    fn of(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn one<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.of(all.len())]
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let characters: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| characters[self.of(characters.len())]).collect()
    }
}

/// A part of the signed content.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Id(Option<usize>),
    Time,
    Body,
}

/// A description as the judge knows it.
#[derive(Clone, Debug)]
pub struct Description {
    algorithm: &'static str,
    encoding: &'static str,
    secret_encoding: &'static str,
    separator: char,
    prefix: String,
    /// Empty if signatures have a prefix instead.
    labels: Vec<&'static str>,
    /// In the header of the signature, in its own, or nowhere.
    time: &'static str,
    unit: &'static str,
    parts: Vec<Part>,
    key: Vec<u8>,
}

/// A delivery before it is signed.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    id: String,
    time: String,
    body: Vec<u8>,
}

impl Description {
    pub fn choose(choices: &mut Choices) -> Self {
        let algorithm = choices.one(&["hmac-sha256", "hmac-sha1", "hmac-sha384", "hmac-sha512"]);
        let is_labelled = choices.of(2) == 1;
        let labels = match (is_labelled, choices.of(2)) {
            (false, _) => Vec::new(),
            (true, 0) => vec!["v1"],
            (true, _) => vec!["h0", "h1"],
        };
        let time =
            choices.one(if is_labelled { &["element", "header", "nowhere"] } else { &["header", "nowhere"] });
        let mut parts = vec![Part::Body];
        if time != "nowhere" && choices.of(4) > 0 {
            let at = choices.of(2);
            parts.insert(at, Part::Time);
        }
        if choices.of(3) == 0 {
            let width = choices.one(&[None, Some(4)]);
            let at = choices.of(parts.len() + 1);
            parts.insert(at, Part::Id(width));
        }
        // A text at any place, or at none.
        for at in (0..=parts.len()).rev() {
            let text = choices.one(&["", ".", ":", "-", "v0:", "1", "a.", ".1", "{}"]);
            if !text.is_empty() && text != "{}" {
                parts.insert(at, Part::Text(text.to_owned()));
            }
        }
        Self {
            algorithm,
            encoding: choices.one(&["hex", "base64", "base64url"]),
            secret_encoding: choices.one(&["raw", "base64", "hex", "whsec"]),
            separator: choices.one(&[',', ';', ' ', '&']),
            prefix: choices.one(&["", "v0=", "sha256="]).to_owned(),
            labels,
            time,
            unit: choices.one(&["s", "ms", "rfc3339"]),
            parts,
            key: (0..=choices.of(40)).map(|_| choices.byte() ^ 0x5a).collect(),
        }
    }

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

    fn signed(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Id(None) => "{id}".to_owned(),
            Part::Id(Some(width)) => format!("{{id:{width}}}"),
            Part::Time => "{time}".to_owned(),
            Part::Body => "{body}".to_owned(),
        };
        self.parts.iter().map(part).collect()
    }

    fn secret(&self) -> String {
        match self.secret_encoding {
            "base64" => STANDARD.encode(&self.key),
            "hex" => hex(&self.key),
            "whsec" => format!("whsec_{}", STANDARD.encode(&self.key)),
            // Printable, and without white space, which a secret must not have at its ends.
            _ => self.raw_key(),
        }
    }

    fn raw_key(&self) -> String {
        self.key.iter().map(|byte| char::from(b'a' + byte % 26)).collect()
    }

    /// The bytes that are signed.
    fn join(&self, content: &Content) -> Vec<u8> {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone().into_bytes(),
            Part::Id(_) => content.id.clone().into_bytes(),
            Part::Time => content.time.clone().into_bytes(),
            Part::Body => content.body.clone(),
        };
        self.parts.iter().flat_map(part).collect()
    }

    /// The signature of a content, encoded.
    fn sign(&self, content: &Content) -> String {
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

    fn headers(&self, content: &Content, signature: &str) -> Vec<(String, String)> {
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

    fn covers(&self, part: fn(&Part) -> bool) -> bool {
        self.parts.iter().any(part)
    }

    fn content(&self, choices: &mut Choices) -> Content {
        let width = self.parts.iter().find_map(|part| match part {
            Part::Id(width) => *width,
            _ => None,
        });
        let length = width.unwrap_or(1 + choices.of(6));
        let id = choices.text("ab7", length);
        let seconds = NOW - choices.of(1000) as u64;
        let time = match self.unit {
            "s" => seconds.to_string(),
            "ms" => format!("{seconds}{:03}", choices.of(1000)),
            _ => date(seconds, choices.one(&["", ".5", ".123456789"])),
        };
        // It may look like any of the other parts.
        let length = choices.of(8);
        let start = choices.text("ab7.:-{", length);
        let middle =
            choices.one(&["", "1795262400", "17952624001234", "2026-11-21T12:00:00Z", "aaaa", "v0:", "."]);
        let length = 1 + choices.of(8);
        let body = format!("{start}{middle}{}", choices.text("ab7.:-{", length));
        Content { id, time, body: body.into_bytes() }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A date in the day of [`NOW`].
fn date(seconds: u64, fraction: &str) -> String {
    let day = seconds % 86_400;
    format!("2026-11-21T{:02}:{:02}:{:02}{fraction}Z", day / 3600, day / 60 % 60, day % 60)
}

/// RFC 2104, from its text.
fn hmac<D: Digest>(key: &[u8], message: &[u8], block: usize) -> Vec<u8> {
    let mut padded = if key.len() > block { D::digest(key).to_vec() } else { key.to_vec() };
    padded.resize(block, 0);
    let with = |pad: u8| padded.iter().map(|byte| byte ^ pad).collect::<Vec<_>>();
    let inner = D::digest([&with(0x36), message].concat());
    D::digest([&with(0x5c)[..], &inner].concat()).to_vec()
}

fn verify(
    verifier: &Verifier,
    headers: Vec<(String, String)>,
    body: &[u8],
) -> Result<Verified, SignatureError> {
    let headers = headers.into_iter().map(|(name, value)| (name.into(), value)).collect();
    let delivery = Delivery { headers, body: body.to_vec().into(), trace: None };
    verifier.verify(delivery, UNIX_EPOCH + Duration::from_secs(NOW))
}

fn verifier(scheme: &Scheme, secret: &str) -> Verifier {
    let key = Secret::new(secret).unwrap().key(scheme.key).unwrap();
    Verifier::new("it", scheme.clone(), vec![key], TOLERANCE)
}

/// Checks an input. Returns `false` if the receiver refuses the description.
pub fn check(data: &[u8]) -> bool {
    let mut choices = Choices(data);
    let description = Description::choose(&mut choices);
    let scheme = match read_scheme(&description.fields().to_string()) {
        Ok(scheme) => scheme,
        Err(mistake) => {
            assert!(!description.is_plain(), "{mistake} {}", description.fields());
            return false;
        }
    };
    let content = description.content(&mut choices);
    let signature = description.sign(&content);
    let verifier_of = verifier(&scheme, &description.secret());
    let accepts = |content: &Content, signature: &str| {
        verify(&verifier_of, description.headers(content, signature), &content.body)
    };
    let case = || format!("{} {content:?}", description.fields());
    let is_valid = description.allows(&content);
    match accepts(&content, &signature) {
        Ok(verified) => {
            assert!(is_valid, "{}", case());
            let covers_time = description.covers(|part| *part == Part::Time);
            assert_eq!(verified.timestamp().is_some(), covers_time, "{}", case());
        }
        Err(error) => assert!(!is_valid, "{error} {}", case()),
    }
    // Another content whose signed bytes are the same.
    for other in description.same_bytes(&content) {
        assert!(accepts(&other, &signature).is_err(), "{} passes for {other:?}", case());
    }
    // Another content with this signature, and this content with another signature.
    for other in description.others(&content) {
        assert!(accepts(&other, &signature).is_err(), "{} passes for {other:?}", case());
    }
    let broken = |at: usize| {
        let mut bytes = signature.clone().into_bytes();
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        String::from_utf8(bytes).unwrap()
    };
    for at in [0, signature.len() / 2] {
        assert!(accepts(&content, &broken(at)).is_err(), "{}", case());
    }
    for part in ["", &signature[..signature.len() / 2], &format!("{signature}{signature}")] {
        assert!(accepts(&content, part).is_err(), "{}", case());
    }
    for (field, other) in description.mutants() {
        // Without the field in its headers, the two descriptions are the same for this delivery.
        let Ok(scheme) = read_scheme(&other.fields().to_string()) else { continue };
        let signed = description.headers(&content, &signature);
        let as_it_is = other.headers(&content, &other.sign(&content));
        if is_valid && (field == "timestamp_unit" || as_it_is != signed) {
            let verifier = verifier(&scheme, &other.secret());
            let found = verify(&verifier, signed, &content.body);
            assert!(found.is_err(), "{} passes with another {field}", case());
        }
    }
    let mut other = description.clone();
    other.key.push(b'!');
    assert!(accepts(&content, &other.sign(&content)).is_err(), "{}", case());
    true
}

impl Description {
    /// Descriptions with another value of one field that decides whether this signature is valid.
    fn mutants(&self) -> Vec<(&'static str, Self)> {
        let mut mutants = Vec::new();
        let mut add = |field, change: &dyn Fn(&mut Self)| {
            let mut other = self.clone();
            change(&mut other);
            mutants.push((field, other));
        };
        add("algorithm", &|it| {
            it.algorithm = if it.algorithm == "hmac-sha1" { "hmac-sha256" } else { "hmac-sha1" }
        });
        add("encoding", &|it| it.encoding = if it.encoding == "hex" { "base64" } else { "hex" });
        add("secret_encoding", &|it| {
            it.secret_encoding = if it.secret_encoding == "raw" { "hex" } else { "raw" }
        });
        add("signed", &|it| it.parts.push(Part::Text("!".to_owned())));
        add("signed", &|it| it.parts.insert(0, Part::Text("!".to_owned())));
        if self.labels.is_empty() {
            add("prefix", &|it| it.prefix.push_str("x="));
        } else {
            add("signature_labels", &|it| it.labels = vec!["v7"]);
            // The elements of the header are one element then.
            add("separator", &|it| it.separator = '|');
        }
        if self.time != "nowhere" {
            add("timestamp_unit", &|it| it.unit = if it.unit == "rfc3339" { "s" } else { "rfc3339" });
        }
        mutants
    }

    /// Whether nobody could refuse it: each part ends at a text without digits, or is the body.
    fn is_plain(&self) -> bool {
        let is_separator =
            |part: Option<&Part>| matches!(part, Some(Part::Text(text)) if !text.contains(char::is_numeric));
        let body = self.parts.iter().position(|part| *part == Part::Body).unwrap();
        self.parts.len() <= 6
            && self.parts.iter().enumerate().all(|(at, part)| match part {
                Part::Id(_) | Part::Time if at < body => is_separator(self.parts.get(at + 1)),
                Part::Id(_) | Part::Time => is_separator(self.parts.get(at - 1)),
                _ => true,
            })
            // A prefix with the separator in it could not be told from two signatures.
            && !self.prefix.contains(self.separator)
    }

    /// Whether a delivery with this content can be signed: the bytes can be divided in one way only.
    fn allows(&self, content: &Content) -> bool {
        let body = self.parts.iter().position(|part| *part == Part::Body).unwrap();
        self.parts.iter().enumerate().all(|(at, part)| {
            let next = if at < body {
                self.parts.get(at + 1)
            } else {
                at.checked_sub(1).and_then(|at| self.parts.get(at))
            };
            let separator = match next {
                Some(Part::Text(text)) if at < body => text.chars().next(),
                Some(Part::Text(text)) => text.chars().next_back(),
                _ => None,
            };
            match part {
                Part::Id(None) => separator.is_some_and(|separator| !content.id.contains(separator)),
                Part::Id(Some(width)) => content.id.len() == *width,
                _ => true,
            }
        })
    }

    /// All other contents that have the same signed bytes.
    fn same_bytes(&self, content: &Content) -> Vec<Content> {
        let message = String::from_utf8(self.join(content)).unwrap();
        let mut found = Vec::new();
        let empty = Content { id: content.id.clone(), time: content.time.clone(), body: Vec::new() };
        divide(&self.parts, &message, empty, &mut found);
        found.retain(|other| other != content);
        found
    }

    /// Contents with a part changed that the signature covers.
    fn others(&self, content: &Content) -> Vec<Content> {
        let mut others = Vec::new();
        for body in [[&content.body[..], b" "].concat(), content.body[1..].to_vec(), Vec::new()] {
            others.push(Content { body, ..content.clone() });
        }
        if self.covers(|part| *part == Part::Time) {
            let time = match self.unit {
                "s" => (NOW + 1).to_string(),
                "ms" => format!("{}001", NOW + 1),
                _ => date(NOW + 1, ""),
            };
            others.push(Content { time, ..content.clone() });
        }
        if self.covers(|part| matches!(part, Part::Id(_))) {
            let id = content.id.chars().map(|c| if c == 'a' { 'b' } else { 'a' }).collect();
            others.push(Content { id, ..content.clone() });
        }
        others
    }
}

/// Divides signed bytes in every way.
fn divide(parts: &[Part], rest: &str, content: Content, found: &mut Vec<Content>) {
    let Some((first, parts)) = parts.split_first() else {
        if rest.is_empty() {
            found.push(content);
        }
        return;
    };
    if let Part::Text(text) = first {
        if let Some(rest) = rest.strip_prefix(text.as_str()) {
            divide(parts, rest, content, found);
        }
        return;
    }
    for end in 0..=rest.len() {
        let (part, rest) = rest.split_at(end);
        let mut content = content.clone();
        match first {
            Part::Id(_) => part.clone_into(&mut content.id),
            Part::Time => part.clone_into(&mut content.time),
            _ => content.body = part.as_bytes().to_vec(),
        }
        divide(parts, rest, content, found);
    }
}
