//! The catalogue of events that can be made: new ones, with new ids each time.

mod duffel;
mod others;

use std::time::SystemTime;

use duffel_webhook_receiver::signature::scheme::{FieldLocation, Scheme};
use serde_json::Value;
use uuid::Uuid;

use super::{edit::set, ids::new_signed_id};

/// The domain of Shopify's samples.
const SHOP: &str = "example.myshopify.com";

/// A type of event that can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// The name of the scheme.
    pub(crate) scheme: &'static str,
    /// The type.
    pub(crate) kind: &'static str,
    pub(crate) basis: Basis,
}

/// What is known of the payload of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Basis {
    /// The provider documents it.
    Documented,
    /// It was observed in traffic.
    Observed,
    /// Public integrations read it, or it is assumed to be that of a similar type.
    Reported,
    /// Nothing.
    Unknown,
    /// Nothing, and the type is not in Duffel's list of types, or not any more.
    Unlisted,
    /// A part of what the provider documents.
    Excerpt,
    /// The scheme has no provider of its own.
    Example,
}

impl Basis {
    /// A word for a table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Observed => "observed",
            Self::Reported => "reported",
            Self::Unknown => "unknown",
            Self::Unlisted => "unlisted",
            Self::Excerpt => "excerpt",
            Self::Example => "example",
        }
    }
}

/// A new event.
pub(crate) struct Made {
    /// The event's own id, or the delivery's where the scheme has it in a header. It is the id to sign, if the scheme
    /// signs one.
    pub(crate) id: String,
    pub(crate) body: Value,
    /// The headers that are not signed: type, id and shop, with the schemes that have them there.
    pub(crate) headers: Vec<(String, String)>,
}

/// Returns the catalogue: Duffel's types first.
pub(crate) fn all() -> impl Iterator<Item = Sample> {
    let duffel = duffel::KINDS.into_iter().map(|(kind, basis)| Sample { scheme: "duffel", kind, basis });
    let others = others::KINDS.into_iter().map(|(scheme, kind)| {
        let has_provider = ["stripe", "github", "shopify"].contains(&scheme);
        Sample { scheme, kind, basis: if has_provider { Basis::Excerpt } else { Basis::Example } }
    });
    duffel.chain(others)
}

/// Finds a type of a scheme, or, without a scheme, the first of this name. A scheme without types of its own has those of
/// `hmac-sha256`.
pub(crate) fn find(scheme: Option<&'static str>, kind: &str) -> Option<Sample> {
    let Some(scheme) = scheme else { return all().find(|sample| sample.kind == kind) };
    of_scheme(scheme).find(|sample| sample.kind == kind)
}

/// Returns the first type of a scheme.
pub(crate) fn first(scheme: &'static str) -> Sample {
    let example = Sample { scheme, kind: "example.created", basis: Basis::Example };
    of_scheme(scheme).next().unwrap_or(example)
}

fn of_scheme(scheme: &'static str) -> impl Iterator<Item = Sample> {
    let with_types = if all().any(|sample| sample.scheme == scheme) { scheme } else { "hmac-sha256" };
    all().filter(move |sample| sample.scheme == with_types).map(move |sample| Sample { scheme, ..sample })
}

impl Sample {
    /// Returns a sentence on what is not known of the payload; `None` if it is documented.
    pub(crate) fn caveat(self) -> Option<String> {
        let Self { scheme, kind, basis } = self;
        Some(match basis {
            Basis::Documented => return None,
            Basis::Observed => {
                format!("Duffel does not document the payload of {kind}: its ids are as observed in traffic.")
            }
            Basis::Reported => format!(
                "Duffel does not document the payload of {kind}: its ids are as a public integration reads them, \
                 or as in a similar type."
            ),
            Basis::Unknown => {
                format!("Duffel does not document the payload of {kind}: the sample has an id only.")
            }
            Basis::Unlisted => {
                format!("{kind} is not in Duffel's list of types, and its payload is not documented.")
            }
            Basis::Excerpt => {
                format!(
                    "The payload of {kind} is an excerpt: the documentation of {scheme} has more members."
                )
            }
            Basis::Example => {
                format!(
                    "The payload of {kind} is an example: real ones of the scheme {scheme} have other members."
                )
            }
        })
    }

    /// Makes a new event, in test mode, with its fields where this scheme has them: the sample's own, or one that is
    /// configured from it.
    pub(crate) fn make(self, scheme: &Scheme, now: SystemTime) -> Made {
        let (mut id, mut body) = match self.scheme {
            "duffel" => duffel::make(self.kind, now),
            _ => others::make(self.scheme, self.kind, now),
        };
        if scheme.signed.id_width().is_some() {
            id = new_signed_id(scheme);
        }
        if !all().any(|sample| sample.scheme == self.scheme) && has_list(scheme) {
            body = Value::Array(vec![body]);
        }
        for (location, value) in [(&scheme.kind, self.kind), (&scheme.id, &id)] {
            put(&mut body, location, &value.into(), |_| true);
        }
        for (location, value) in
            [(&scheme.idempotency_key, id.as_str().into()), (&scheme.live_mode, false.into())]
        {
            put(&mut body, location, &value, |known| known.is_none());
        }
        let family = scheme.families.first().cloned().unwrap_or_default();
        let is_unsigned = |location: &FieldLocation| *location == FieldLocation::UnsignedHeader;
        let headers = [
            family.kind.filter(|_| is_unsigned(&scheme.kind)).map(|name| (name, self.kind)),
            family.id.filter(|_| is_unsigned(&scheme.id)).map(|name| (name, &*id)),
            family.shop.map(|name| (name, SHOP)),
        ];
        let headers = headers.into_iter().flatten();
        let headers = headers.map(|(name, value)| (name.into_owned(), value.to_owned())).collect();
        Made { id, body, headers }
    }
}

/// Says whether the body of a scheme is a list.
fn has_list(scheme: &Scheme) -> bool {
    let is_list = |pointer: &str| pointer == "/0" || pointer.starts_with("/0/");
    [&scheme.kind, &scheme.id, &scheme.idempotency_key]
        .into_iter()
        .any(|location| matches!(location, FieldLocation::Body(pointer) if is_list(pointer)))
}

/// Sets a field of a body wherever a scheme has it, if what is there `may_change`.
fn put(
    body: &mut Value,
    location: &FieldLocation,
    value: &Value,
    may_change: impl Fn(Option<&Value>) -> bool,
) {
    let pointers = match location {
        FieldLocation::Body(pointer) => std::slice::from_ref(pointer),
        FieldLocation::Several(pointers) => pointers,
        _ => &[],
    };
    for pointer in pointers {
        if may_change(body.pointer(pointer)) {
            // A configured pointer into something else than an object has no place for the field.
            let _ = set(body, pointer, value.clone());
        }
    }
}

/// Returns the header with a new delivery id, if the scheme has an id that is in a header and not signed.
pub(crate) fn new_id_header(scheme: &Scheme) -> Option<(String, String)> {
    let name = scheme.families.first()?.id.clone()?;
    (scheme.id == FieldLocation::UnsignedHeader).then(|| (name.into_owned(), Uuid::new_v4().to_string()))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use duffel_webhook_receiver::consume::event::Payload;

    use super::*;

    #[test]
    fn every_scheme_has_types_and_a_type_has_one_scheme() {
        let schemes: BTreeSet<_> = all().map(|sample| sample.scheme).collect();
        assert_eq!(schemes, BTreeSet::from(Scheme::NAMES));
        let kinds: BTreeSet<_> = all().map(|sample| sample.kind).collect();
        assert_eq!(kinds.len(), all().count());
        for kind in Payload::KINDS {
            assert_eq!(find(None, kind), find(Some("duffel"), kind));
            assert!(find(None, kind).is_some(), "{kind}");
        }
    }

    #[test]
    fn two_events_of_a_type_share_no_id() {
        for sample in all() {
            let scheme = Scheme::named(sample.scheme).unwrap();
            let now = SystemTime::now();
            let [one, two] = [sample.make(&scheme, now), sample.make(&scheme, now)];
            assert_ne!(one.id, two.id);
            assert_ne!(one.body, two.body, "{}", sample.kind);
            assert_eq!(one.headers.len(), two.headers.len());
        }
    }

    #[test]
    fn fields_are_where_a_configured_scheme_has_them() {
        let mut scheme = Scheme::hmac_sha256();
        scheme.kind = FieldLocation::Body("/meta/event".into());
        scheme.id = FieldLocation::Body("/meta/event_id".into());
        let sample = find(Some("hmac-sha256"), "example.created").unwrap();
        let made = sample.make(&scheme, SystemTime::now());
        assert_eq!(made.body["meta"]["event"], "example.created");
        assert_eq!(made.body["meta"]["event_id"], made.id.as_str());
    }

    /// The last cell of a type's row in `contract/README.md` says on what the payload is based.
    #[test]
    fn the_basis_of_each_type_is_that_of_the_contract() {
        let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/contract/README.md")).unwrap();
        let mut before = String::new();
        let mut compared = 0;
        for line in readme.lines() {
            let Some((kind, row)) = line.strip_prefix("| `").and_then(|line| line.split_once("` | ")) else {
                continue;
            };
            if !Payload::KINDS.contains(&kind) {
                continue;
            }
            let (schema, payload) = row.strip_suffix(" |").unwrap().split_once(" |").unwrap();
            let payload = if payload.trim() == "the same" { before.clone() } else { payload.to_owned() };
            let expected = match payload.as_str() {
                _ if schema.contains("newest list") || schema.contains("2021") => Basis::Unlisted,
                text if text.contains("integration") || text.contains("assumed") => Basis::Reported,
                text if text.contains("observed") => Basis::Observed,
                text if text.contains("documented") || text.contains("nothing") => Basis::Documented,
                text if text.trim().is_empty() => Basis::Unknown,
                text => panic!("{kind}: {text}"),
            };
            assert_eq!(find(None, kind).unwrap().basis, expected, "{kind}");
            before = payload;
            compared += 1;
        }
        assert_eq!(compared, Payload::KINDS.len());
    }
}
