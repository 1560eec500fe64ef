//! Schemes: how a provider signs, which parts of a delivery its signature covers, and where its events have their
//! fields.

mod algorithm;
mod answer;
mod handshake;
mod layout;
mod preset;
mod presets;
mod signed;
mod time;

use std::{borrow::Cow, time::Duration};

pub(in crate::signature) use self::signed::Joined;
pub use self::{
    algorithm::{Algorithm, Encoding, KeyEncoding, KeyForm},
    answer::{AcceptedStatus, AnswerForm},
    handshake::{ChallengeMethod, Condition, Handshake},
    layout::{Label, Layout},
    preset::Preset,
    signed::{Signed, SignedError},
    time::{Time, TimeUnit},
};

/// A name or a JSON pointer, mostly a constant.
pub type Text = Cow<'static, str>;

/// The description of how a provider signs and where its events have their fields, as in [`Scheme::duffel`]; the rows of
/// the table are [`Preset`]s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    pub name: &'static str,
    /// The headers of a signature, one family for each form in which it may come. A delivery is verified by one family.
    pub families: Vec<Family>,
    pub layout: Layout,
    pub encoding: Encoding,
    pub key: KeyForm,
    pub time: Time,
    pub time_unit: TimeUnit,
    /// The parts that the signature covers, of id, time and body.
    pub signed: Signed,
    /// The default of the tolerance, the greatest age of a signature; `None` is the deduplication window.
    pub tolerance: Option<Duration>,
    /// The location of the type. [`FieldLocation::is_signed`] says whether the signature covers it, as for the next
    /// three.
    pub kind: FieldLocation,
    pub id: FieldLocation,
    pub idempotency_key: FieldLocation,
    /// The location of the mode: a JSON boolean, `true` for live mode.
    pub live_mode: FieldLocation,
    /// Rejects a body without a type, or with neither an id nor an idempotency key.
    pub requires_type_and_id: bool,
    pub key_names: KeyNames,
    /// Adds unsigned headers to the identity: the delivery id, or else the type and the shop.
    ///
    /// Without them a provider that sends one body for several topics or shops would lose all events but one, and
    /// losing an event is worse than forwarding it twice. The price: an attacker who captured a genuine delivery can
    /// have its body forwarded again under another delivery id (a replay attack). A forged body is refused
    /// nevertheless.
    pub unsigned_identity: bool,
    /// The handshake that the provider makes before it delivers.
    pub handshake: Option<Handshake>,
    /// The form of answers that the provider insists on.
    pub answer: AnswerForm,
}

/// Headers that belong together. A header of one family says nothing about a signature in another family.
///
/// Names are in lower case. A name after `?` is that of a parameter in the query of the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    pub signature: Text,
    /// Required by [`Time::Header`].
    pub time: Option<Text>,
    /// The delivery's or the event's id; required, and signed, if [`Signed::covers_id`].
    pub id: Option<Text>,
    /// The event's type; never signed.
    pub kind: Option<Text>,
    /// The shop in which the event happened; never signed.
    pub shop: Option<Text>,
}

impl Family {
    fn names(&self) -> impl Iterator<Item = &Text> {
        let Self { signature, time, id, kind, shop } = self;
        [Some(signature), time.as_ref(), id.as_ref(), kind.as_ref(), shop.as_ref()].into_iter().flatten()
    }
}

/// The location of a field of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldLocation {
    Nowhere,
    /// At a JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) into the body.
    Body(Text),
    /// In the family's header of that field, which the signature covers.
    SignedHeader,
    /// In the family's header of that field, which anybody may change.
    UnsignedHeader,
    /// At each of these JSON pointers; the field is the list of the values that are there.
    Several(Vec<Text>),
}

impl FieldLocation {
    /// Returns `true` unless the field is in a header that anybody may change.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        !matches!(self, Self::UnsignedHeader)
    }
}

/// The thing that an idempotency key names. It decides whether the key alone identifies an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyNames {
    /// The event itself.
    Event,
    /// The object that the event is about. The types in `once` happen once for each object, so the key identifies the
    /// event; for every other type the event's id counts too.
    ///
    /// Only a type that is known to happen once belongs in the list. A wrong entry loses events: the object's second
    /// event is acknowledged as a duplicate. A missing entry only forwards an event twice, if the provider ever gives
    /// one event two ids.
    Object { once: &'static [&'static str] },
    /// Nothing: each delivery is an event of its own, also one that is sent again. For notices that have the same bytes
    /// each time, where a repetition looks like a new one.
    Nothing,
}

impl Scheme {
    /// Returns the row of the table with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Preset::named(name).map(Preset::scheme)
    }

    /// Returns the names of all headers that the scheme needs, each of them once.
    pub fn headers(&self) -> impl Iterator<Item = &Text> {
        let names = |families: &[Family], name: &Text| {
            families.iter().any(|family| family.names().any(|n| n == name))
        };
        self.families.iter().enumerate().flat_map(move |(index, family)| {
            family.names().filter(move |name| !names(&self.families[..index], name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_says_what_its_signature_covers() {
        let rows = Scheme::NAMES.map(|name| Scheme::named(name).unwrap());
        let covered = rows.each_ref().map(|row| {
            let fields = [&row.kind, &row.id, &row.idempotency_key].map(FieldLocation::is_signed);
            (row.name, row.signed.covers_id(), row.signed.covers_time(), fields)
        });
        let expected = [
            ("duffel", false, true, [true, true, true]),
            ("standard-webhooks", true, true, [true, true, true]),
            ("stripe", false, true, [true, true, true]),
            ("github", false, false, [false, false, true]),
            ("shopify", false, false, [false, false, true]),
            ("hmac-sha256", false, false, [true, true, true]),
        ];
        assert_eq!(covered, expected);
    }

    #[test]
    fn a_signed_header_is_the_id_that_the_signature_covers() {
        for row in Preset::all().map(Preset::scheme) {
            for field in [&row.kind, &row.id, &row.idempotency_key, &row.live_mode] {
                assert!(*field != FieldLocation::SignedHeader || row.signed.covers_id(), "{}", row.name);
            }
            assert!(row.kind != FieldLocation::SignedHeader && row.live_mode != FieldLocation::SignedHeader);
            let is_signed = row.id.is_signed() && row.kind.is_signed();
            assert_eq!(row.unsigned_identity, !is_signed, "{}", row.name);
        }
    }
}
