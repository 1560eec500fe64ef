//! The words for the parts of a scheme. The table of `docs/providers.md` has them too.

use std::time::Duration;

use duffel_webhook_receiver::signature::scheme::{
    AcceptedStatus, Algorithm, Family, FieldLocation, Handshake, KeyEncoding, KeyNames, Layout, Scheme, Text,
    Time, TimeUnit,
};

use crate::shared::output;

/// Joins words to a list, as in `a, b and c`.
pub(super) fn list<T: AsRef<str>>(words: &[T], last: &str) -> String {
    match words {
        [] => String::new(),
        [word] => word.as_ref().to_owned(),
        [words @ .., word] => {
            let words: Vec<_> = words.iter().map(AsRef::as_ref).collect();
            format!("{} {last} {}", words.join(", "), word.as_ref())
        }
    }
}

/// The parts of a delivery that a signature covers.
pub(super) fn covers(scheme: &Scheme, signs_url: bool) -> Vec<&'static str> {
    if scheme.key.algorithm == Algorithm::Token {
        return vec!["nothing"];
    }
    let parts =
        [("id", scheme.signed.covers_id()), ("time", scheme.signed.covers_time()), ("URL", signs_url)];
    let parts = parts.into_iter().filter_map(|(part, is_covered)| is_covered.then_some(part));
    ["body"].into_iter().chain(parts).collect()
}

/// The parts of a delivery that anybody may change, or repeat later.
pub(super) fn not_covered(scheme: &Scheme, covers: &[&'static str]) -> Vec<&'static str> {
    let parts = [
        ("body", covers.contains(&"body")),
        ("type", scheme.kind.is_signed()),
        ("id", scheme.id.is_signed()),
        ("time", covers.contains(&"time")),
    ];
    parts.into_iter().filter_map(|(part, is_covered)| (!is_covered).then_some(part)).collect()
}

/// What a change, or a repetition, of a delivery does not get through.
pub(super) fn protects(scheme: &Scheme, covers: &[&'static str]) -> Vec<String> {
    if scheme.key.algorithm == Algorithm::Token {
        return vec!["who sends: only a holder of the secret can".to_owned()];
    }
    let mut protected = vec!["the body, with every field in it".to_owned()];
    if covers.contains(&"id") {
        protected.push("the id in its header".to_owned());
    }
    if covers.contains(&"URL") {
        protected.push("the URL: a delivery to another endpoint is not valid here".to_owned());
    }
    if covers.contains(&"time") {
        let age = scheme.tolerance.map_or("DEDUP_WINDOW".to_owned(), output::duration);
        protected.push(format!("the time: a signature older than {age} is refused"));
    }
    protected
}

/// What a valid signature says nothing about.
pub(super) fn does_not_protect(scheme: &Scheme, covers: &[&'static str]) -> Vec<String> {
    let mut open = Vec::new();
    if scheme.key.algorithm == Algorithm::Token {
        open.push("the body: whoever reads one delivery has the secret, and can send anything".to_owned());
    }
    let unsigned: Vec<_> = [("type", &scheme.kind), ("id", &scheme.id)]
        .into_iter()
        .filter(|(_, location)| !location.is_signed())
        .map(|(field, _)| field)
        .collect();
    if !unsigned.is_empty() && scheme.key.algorithm != Algorithm::Token {
        let them = if unsigned.len() == 1 { "it" } else { "them" };
        open.push(format!("the {} in the headers: anybody may change {them}", list(&unsigned, "and the")));
    }
    match scheme.time {
        _ if covers.contains(&"time") => {}
        Time::Nowhere => open.push(
            "the time: a captured delivery can be sent again, and is a duplicate while the ledger remembers its event"
                .to_owned(),
        ),
        _ => open.push("the time: it is checked, but anybody may put a new one on a captured delivery".to_owned()),
    }
    open
}

/// The headers of a family, each with what it has.
pub(super) fn headers(scheme: &Scheme, family: &Family) -> Vec<(String, &'static str)> {
    let named = |name: &Option<Text>, what| name.as_ref().map(|name| (in_words(name), what));
    let kind = family.kind.as_ref().filter(|_| scheme.kind == FieldLocation::UnsignedHeader).cloned();
    let signature = Some((in_words(&family.signature), "signature"));
    [
        signature,
        named(&family.time, "time"),
        named(&family.id, "id"),
        named(&kind, "type"),
        named(&family.shop, "shop"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The name of a header, or of a parameter in the query.
fn in_words(name: &Text) -> String {
    match name.strip_prefix('?') {
        Some(parameter) => format!("parameter {parameter} in the query of the URL"),
        None => name.to_string(),
    }
}

/// The algorithm, or one for each label.
pub(super) fn algorithm(scheme: &Scheme) -> String {
    let labels = scheme.layout.labels();
    if labels.iter().all(|label| label.algorithm == scheme.key.algorithm) {
        return scheme.key.algorithm.name().to_owned();
    }
    let labels: Vec<_> =
        labels.iter().map(|label| format!("{} after {}", label.algorithm.name(), label.name)).collect();
    list(&labels, "or")
}

/// The encoding of a signature, and its place in the header.
pub(super) fn encoding(scheme: &Scheme) -> String {
    let encoding = scheme.encoding.name();
    match &scheme.layout {
        Layout::Plain { prefix, .. } if prefix.is_empty() => encoding.to_owned(),
        Layout::Plain { prefix, .. } => format!("{encoding}, after {}", prefix.trim()),
        Layout::Labelled { assign, labels, .. } => {
            let labels: Vec<_> = labels.iter().map(|label| format!("{}{assign}", label.name)).collect();
            format!("{encoding}, after {}", list(&labels, "or"))
        }
    }
}

/// The form of the secret.
pub(super) fn secret(scheme: &Scheme) -> &'static str {
    let is_public = scheme.key.algorithm.is_public();
    match (scheme.key.encoding, is_public) {
        _ if scheme.key.algorithm == Algorithm::Token => "the text that the header has",
        (KeyEncoding::Raw, false) => "its characters are the key",
        (KeyEncoding::Base64, false) => "base64 of the key",
        (KeyEncoding::Hex, false) => "hex of the key",
        (KeyEncoding::Whsec, _) => {
            "base64 of the key, also after whsec_; or an Ed25519 public key after whpk_"
        }
        (KeyEncoding::Raw | KeyEncoding::Base64, true) => "the public key in base64, or as PEM",
        (KeyEncoding::Hex, true) => "the public key in hex",
    }
}

/// The place, the unit and the greatest age of the time.
pub(super) fn time(scheme: &Scheme) -> String {
    let family = scheme.families.first();
    let place = match (&scheme.time, &scheme.layout) {
        (Time::Nowhere, _) => return "none".to_owned(),
        (Time::Element, Layout::Labelled { assign, time: Some(time), .. }) => {
            format!("after {time}{assign} in the header of the signature")
        }
        (_, _) => {
            let name = family.and_then(|family| family.time.as_ref()).map(in_words).unwrap_or_default();
            format!("in {name}")
        }
    };
    let unit = match scheme.time_unit {
        TimeUnit::Seconds => "in seconds since the epoch",
        TimeUnit::Milliseconds => "in milliseconds since the epoch",
        TimeUnit::Rfc3339 => "as 2026-11-25T12:00:00Z",
    };
    let age = scheme.tolerance.map_or("as old as DEDUP_WINDOW".to_owned(), |age: Duration| {
        format!("{} old", output::duration(age))
    });
    format!("{place}, {unit}; at most {age}")
}

/// The place of a field, such as the type.
pub(super) fn place(
    scheme: &Scheme,
    location: &FieldLocation,
    header: fn(&Family) -> Option<&Text>,
) -> String {
    let name = || {
        let names: Vec<_> = scheme.families.iter().filter_map(header).map(in_words).collect();
        list(&names, "or")
    };
    match location {
        FieldLocation::Nowhere => "none".to_owned(),
        FieldLocation::Body(pointer) => format!("{pointer} in the body"),
        FieldLocation::SignedHeader => format!("{}, signed", name()),
        FieldLocation::UnsignedHeader => format!("{}, not signed", name()),
        FieldLocation::Several(pointers) => format!("{} in the body", list(pointers, "and")),
    }
}

/// The handshake that a provider makes before it delivers, by its name in a configuration.
pub(super) fn handshake(scheme: &Scheme) -> Option<&'static str> {
    let own = scheme.handshake.as_ref()?;
    Handshake::NAMES.into_iter().find(|name| Handshake::named(name).as_ref() == Some(own))
}

/// The answer on which a provider insists.
pub(super) fn answer(scheme: &Scheme) -> Option<String> {
    let status = scheme.answer.status.and_then(|status| {
        let number = AcceptedStatus::ALL.into_iter().find(|(_, known)| *known == status)?.0;
        Some(format!("status {number}"))
    });
    let empty = scheme.answer.is_empty.then(|| "without a body".to_owned());
    let parts: Vec<_> = status.into_iter().chain(empty).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What decides whether two deliveries are one event.
pub(super) fn key(scheme: &Scheme) -> String {
    const BODY: &str = "the SHA-256 of the body";
    let id = |location| place(scheme, location, |family| family.id.as_ref());
    let is_signed = |location: &FieldLocation| *location != FieldLocation::Nowhere && location.is_signed();
    let mut places: Vec<_> = [&scheme.idempotency_key, &scheme.id]
        .into_iter()
        .filter(|location| is_signed(location))
        .map(id)
        .collect();
    places.dedup();
    places.push(BODY.to_owned());
    let signed = places.join(", or else ");
    let unsigned = match (&scheme.id, &scheme.kind) {
        (FieldLocation::UnsignedHeader, _) => Some(format!("the id: {}", id(&scheme.id))),
        (_, FieldLocation::UnsignedHeader) => Some("the type".to_owned()),
        _ => None,
    };
    match (scheme.key_names, unsigned) {
        (KeyNames::Nothing, _) => "none: each delivery is an event of its own, also a repetition".to_owned(),
        (KeyNames::Object { .. }, _) => format!("{signed}; with the id, except for types that happen once"),
        (KeyNames::Event, Some(unsigned)) if scheme.unsigned_identity => format!("{signed}, with {unsigned}"),
        (KeyNames::Event, _) => signed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_with_a_word() {
        assert_eq!(list(&["a"], "and"), "a");
        assert_eq!(list(&["a", "b", "c"], "or"), "a, b or c");
        assert_eq!(list::<&str>(&[], "or"), "");
    }

    #[test]
    fn the_first_rows_are_described_as_they_are() {
        let github = Scheme::github();
        assert_eq!(covers(&github, false), ["body"]);
        assert_eq!(time(&github), "none");
        assert_eq!(encoding(&github), "hex, after sha256=");
        assert_eq!(key(&github), "the SHA-256 of the body, with the id: x-github-delivery, not signed");
        let standard = Scheme::standard_webhooks();
        assert_eq!(covers(&standard, false), ["body", "id", "time"]);
        assert_eq!(algorithm(&standard), "hmac-sha256 after v1 or ed25519 after v1a");
        assert_eq!(key(&standard), "webhook-id or svix-id, signed, or else the SHA-256 of the body");
        assert_eq!(does_not_protect(&standard, &covers(&standard, false)), Vec::<String>::new());
    }
}
