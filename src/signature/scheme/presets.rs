//! The tables of presets by domain, and the words in which their rows are written.

mod authentication;
mod banking;
mod billing;
mod builds;
mod calls;
mod commerce;
mod content;
mod cryptocurrency;
mod development;
mod documents;
mod email;
mod first;
mod forms;
mod gateways;
mod hosting;
mod identity;
mod issues;
mod marketing;
mod messaging;
mod models;
mod operations;
mod payments;
mod people;
mod planning;
mod publishing;
mod realtime;
mod sales;
mod scheduling;
mod social;
mod support;
mod voice;

use std::{borrow::Cow, time::Duration};

use super::{
    Algorithm, AnswerForm, Encoding, Family, FieldLocation, KeyEncoding, KeyForm, KeyNames, Layout, Preset,
    Scheme, Signed, Text, Time, TimeUnit,
};

/// All tables. Their order is that of the documentation.
pub(super) const TABLES: &[&[Preset]] = &[
    first::ROWS,
    payments::ROWS,
    gateways::ROWS,
    billing::ROWS,
    banking::ROWS,
    commerce::ROWS,
    identity::ROWS,
    cryptocurrency::ROWS,
    messaging::ROWS,
    calls::ROWS,
    realtime::ROWS,
    social::ROWS,
    email::ROWS,
    marketing::ROWS,
    support::ROWS,
    sales::ROWS,
    documents::ROWS,
    forms::ROWS,
    planning::ROWS,
    scheduling::ROWS,
    people::ROWS,
    content::ROWS,
    development::ROWS,
    builds::ROWS,
    hosting::ROWS,
    operations::ROWS,
    issues::ROWS,
    models::ROWS,
    voice::ROWS,
    authentication::ROWS,
    publishing::ROWS,
];

const FIVE_MINUTES: Duration = Duration::from_mins(5);

const ID_NOT_SIGNED: &str =
    "The signature covers the body only. Type and id are in headers that anybody may change.";
const ONLY_ID_NOT_SIGNED: &str =
    "The signature covers the body only. The id is in a header that anybody may change.";
const TYPE_NOT_SIGNED: &str =
    "The signature covers the body only. The type is in a header that anybody may change.";
const TIME_NOT_CHECKED: &str =
    "The time is signed, and not checked: the documentation does not say how it is written.";
const TOKEN: &str = "The header is the secret itself. It says who sent a delivery, and nothing about its content or its time.";

/// A row on which others are built: an HMAC-SHA256 of the body in hex in this header. Type, id and key are nowhere, so
/// the hash of the body identifies an event.
fn hmac(header: &'static str) -> Scheme {
    Scheme {
        name: "",
        families: vec![signature(header)],
        layout: Layout::plain(""),
        encoding: Encoding::Hex,
        key: KeyForm::RAW,
        time: Time::Nowhere,
        time_unit: TimeUnit::Seconds,
        signed: Signed::BODY,
        tolerance: Some(FIVE_MINUTES),
        kind: FieldLocation::Nowhere,
        id: FieldLocation::Nowhere,
        idempotency_key: FieldLocation::Nowhere,
        live_mode: FieldLocation::Nowhere,
        requires_type_and_id: false,
        key_names: KeyNames::Event,
        unsigned_identity: false,
        handshake: None,
        answer: AnswerForm::NORMAL,
    }
}

/// A family of one header.
fn signature(header: impl Into<Text>) -> Family {
    Family { signature: header.into(), ..Family::default() }
}

/// The same with a time in the signature's header: `t=1616202842,v1=…`, over `{time}.{body}`.
fn labelled(header: &'static str, separator: char, time: &'static str, labels: &[&'static str]) -> Scheme {
    Scheme {
        layout: Layout::labelled(separator, time, labels),
        time: Time::Element,
        signed: Signed::TIME_BODY,
        ..hmac(header)
    }
}

/// The same with a time in a header of its own, over this content.
fn timed(header: &'static str, time: &'static str, content: &'static str) -> Scheme {
    let family = Family { signature: text(header), time: Some(text(time)), ..Family::default() };
    Scheme { families: vec![family], time: Time::Header, signed: signed(content), ..hmac(header) }
}

/// A secret in this header, after this prefix.
fn token(header: &'static str, prefix: &'static str) -> Scheme {
    Scheme {
        layout: Layout::Plain { separator: None, prefix: text(prefix) },
        encoding: Encoding::Text,
        key: KeyForm { algorithm: Algorithm::Token, encoding: KeyEncoding::Raw },
        ..hmac(header)
    }
}

/// Headers of a signature, an id and a type, where the latter two are not signed.
fn with_headers(
    signature: &'static str,
    id: Option<&'static str>,
    kind: Option<&'static str>,
) -> Vec<Family> {
    let family =
        Family { signature: text(signature), id: id.map(text), kind: kind.map(text), ..Family::default() };
    vec![family]
}

fn text(text: &'static str) -> Text {
    Cow::Borrowed(text)
}

fn at(pointer: &'static str) -> FieldLocation {
    FieldLocation::Body(text(pointer))
}

fn several(pointers: &[&'static str]) -> FieldLocation {
    FieldLocation::Several(pointers.iter().copied().map(text).collect())
}

fn signed(content: &'static str) -> Signed {
    content.parse().expect("a content of the table is valid: the tests build every row")
}

const fn key(algorithm: Algorithm, encoding: KeyEncoding) -> KeyForm {
    KeyForm { algorithm, encoding }
}
