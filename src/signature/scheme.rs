//! Schemes: how a provider signs, which parts of a delivery its signature covers, and where its events have their
//! fields.

mod answer;
mod handshake;
mod signed;
mod table;

use std::{borrow::Cow, time::Duration};

pub use self::{
    answer::{AcceptedStatus, AnswerForm},
    handshake::{ChallengeMethod, Condition, Handshake},
    signed::Signed,
};

/// A name or a JSON pointer, mostly a constant.
pub type Text = Cow<'static, str>;

/// A row of the table of schemes, as in [`Scheme::duffel`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    pub name: &'static str,
    /// The headers of a signature, one family for each form in which it may come. A delivery is verified by one family.
    pub families: Vec<Family>,
    pub layout: Layout,
    pub encoding: Encoding,
    pub key: KeyForm,
    pub time: Time,
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
}

/// Headers that belong together. A header of one family says nothing about a signature in another family.
///
/// Names are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    pub signature: Text,
    /// Required by [`Time::Header`].
    pub time: Option<Text>,
    /// The delivery's or the event's id; required, and signed, with [`Signed::IdTimeBody`].
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

/// The layout of signatures in their header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `t=1616202842,v1=…,v1=…`: a list with commas, with these labels.
    Labelled(&'static [&'static str]),
    /// `v1,… v1,… v1a,…`: a list with spaces; `v1` is an HMAC and `v1a` is Ed25519.
    Versioned,
    /// `…, …`: a list with commas; each signature follows this prefix, which has no comma.
    Single(Text),
}

/// The encoding of the 32 bytes of an HMAC-SHA256
/// ([RFC 2104](https://www.rfc-editor.org/rfc/rfc2104)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// In either case.
    Hex,
    /// With padding ([RFC 4648](https://www.rfc-editor.org/rfc/rfc4648#section-4)).
    Base64,
}

/// The way from a secret to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// The characters of the secret are the key.
    Raw,
    /// Base64 after `whsec_`, or an Ed25519 public key
    /// ([RFC 8032](https://www.rfc-editor.org/rfc/rfc8032)) after `whpk_`.
    Whsec,
}

/// The location of a signature's time, in seconds since the epoch (1 to 13 digits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    Nowhere,
    /// In the signature's header, as `t=`.
    Element,
    /// In the header [`Family::time`].
    Header,
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
}

impl Scheme {
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
        for row in Scheme::NAMES.map(|name| Scheme::named(name).unwrap()) {
            for field in [&row.kind, &row.id, &row.idempotency_key, &row.live_mode] {
                assert!(*field != FieldLocation::SignedHeader || row.signed.covers_id(), "{}", row.name);
            }
            assert!(row.kind != FieldLocation::SignedHeader && row.live_mode != FieldLocation::SignedHeader);
            assert_eq!(row.unsigned_identity, !row.id.is_signed(), "{}", row.name);
        }
    }
}
