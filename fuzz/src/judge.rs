//! The judge of descriptions: what it signs is accepted, and nothing else.

use std::time::{Duration, UNIX_EPOCH};

use duffel_webhook_receiver::{
    config::sources::read_scheme,
    signature::{Delivery, SignatureError, Verified, Verifier, scheme::Scheme, secret::Secret},
};

use super::{
    choices::{Choices, NOW, date},
    description::{Content, Description, Part},
};

const TOLERANCE: Duration = Duration::from_hours(24 * 3650);

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
            // A prefix with the separator in it would be read as two signatures.
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
