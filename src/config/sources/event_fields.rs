//! The places of an event's type and id, and of what identifies it.

use std::collections::HashSet;

use serde_json::Value;

use super::fields::{Fields, Place};
use crate::signature::scheme::{FieldLocation, KeyNames, Scheme};

impl Fields {
    /// Takes the places of type, id and key.
    pub(super) fn event_fields(&mut self, scheme: &mut Scheme) {
        if let Some(place) = self.place("type") {
            match place {
                Place::Body(pointer) => scheme.kind = FieldLocation::Body(pointer),
                Place::Header(name) => {
                    scheme.families.iter_mut().for_each(|family| family.kind = Some(name.clone()));
                    scheme.kind = FieldLocation::UnsignedHeader;
                }
            }
        }
        let id = self.place("id");
        let has_id = id.is_some();
        if let Some(place) = id {
            put_id(scheme, place);
        }
        match self.key() {
            None => {}
            Some(Key::Nothing) => {
                scheme.key_names = KeyNames::Nothing;
                scheme.idempotency_key = FieldLocation::Nowhere;
            }
            Some(Key::Body) => {
                scheme.idempotency_key = FieldLocation::Nowhere;
                if scheme.id != FieldLocation::UnsignedHeader {
                    scheme.id = FieldLocation::Nowhere;
                }
            }
            Some(Key::Places(places)) => self.places(scheme, places, has_id),
        }
        if scheme.signed.covers_id() && scheme.families.iter().any(|family| family.id.is_none()) {
            self.mistakes
                .add("signed", "has {id}, which needs an id in a header, such as {\"header\":\"X-Id\"}");
        }
    }

    fn places(&mut self, scheme: &mut Scheme, places: Vec<Place>, has_id: bool) {
        scheme.key_names = KeyNames::Event;
        let mut pointers = Vec::new();
        let mut headers = HashSet::new();
        for place in places {
            match place {
                Place::Body(pointer) => pointers.push(pointer),
                Place::Header(name) => {
                    headers.insert(name);
                }
            }
        }
        let known = |scheme: &Scheme| scheme.families.first().and_then(|family| family.id.clone());
        let is_in_header =
            has_id && matches!(scheme.id, FieldLocation::SignedHeader | FieldLocation::UnsignedHeader);
        if headers.len() > 1
            || headers.iter().any(|name| is_in_header && known(scheme).as_ref() != Some(name))
        {
            self.mistakes.add("key", "names more than one header, together with id");
        }
        scheme.idempotency_key = match &pointers[..] {
            [] => FieldLocation::Nowhere,
            [pointer] => FieldLocation::Body(pointer.clone()),
            _ => FieldLocation::Several(pointers.clone()),
        };
        if let Some(name) = headers.into_iter().next() {
            put_id(scheme, Place::Header(name));
            if scheme.signed.covers_id() && pointers.is_empty() {
                scheme.idempotency_key = FieldLocation::SignedHeader;
            }
        } else if !has_id && let [pointer] = &pointers[..] {
            scheme.id = FieldLocation::Body(pointer.clone());
        }
    }

    /// Takes the places whose values identify an event.
    fn key(&mut self) -> Option<Key> {
        match self.take("key")? {
            Value::String(text) if text == "body" => Some(Key::Body),
            Value::String(text) if text == "none" => Some(Key::Nothing),
            Value::Array(values) if !values.is_empty() && values.len() <= MAX_PLACES => {
                let places: Option<_> = values.iter().map(|value| self.place_of("key", value)).collect();
                places.map(Key::Places)
            }
            value => self.place_of("key", &value).map(|place| Key::Places(vec![place])),
        }
    }
}

/// Reads the id of an event from another place.
fn put_id(scheme: &mut Scheme, place: Place) {
    scheme.id = match place {
        Place::Body(pointer) => FieldLocation::Body(pointer),
        Place::Header(name) => {
            scheme.families.iter_mut().for_each(|family| family.id = Some(name.clone()));
            if scheme.signed.covers_id() {
                FieldLocation::SignedHeader
            } else {
                scheme.unsigned_identity = true;
                FieldLocation::UnsignedHeader
            }
        }
    };
}

/// The most places of one key.
const MAX_PLACES: usize = 8;

/// What identifies an event.
enum Key {
    Places(Vec<Place>),
    /// The hash of the body.
    Body,
    Nothing,
}
