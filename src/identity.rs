//! The identity of an event: the rule by which two deliveries are one event.

use sha2::{Digest, Sha256};

use crate::signature::scheme::{KeyNames, Scheme};

/// The hash that all deliveries of one event share, and no other event's: a SHA-256 over the source, the mode, and the
/// signed type, key and id, as far as the scheme's [`KeyNames`] count them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity(String);

impl Identity {
    /// Returns the identity of an event of Duffel's API; see
    /// [`EventRecord::identity`](crate::duffel::EventRecord::identity).
    #[cfg(any(feature = "duffel", test))]
    pub(crate) fn of_duffels(
        source: &str,
        live_mode: bool,
        kind: &str,
        idempotency_key: Option<&str>,
        id: &str,
    ) -> Self {
        let parts =
            IdentityParts { source, live_mode: Some(live_mode), kind, key: idempotency_key, id: Some(id) };
        parts.identity(&Scheme::duffel(), None)
    }

    /// Returns the identities of those events of Duffel's that the key of their object identifies: of each type that
    /// happens once, in both modes.
    #[cfg(any(feature = "duffel", test))]
    #[must_use]
    pub fn of_duffels_object(source: &str, key: &str) -> Vec<Self> {
        let KeyNames::Object { once } = Scheme::duffel().key_names else { return Vec::new() };
        let of_mode = |live| once.iter().map(move |kind| Self::of_duffels(source, live, kind, Some(key), ""));
        [true, false].into_iter().flat_map(of_mode).collect()
    }

    /// Reads the text of an identity: 64 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 64 && text.bytes().all(is_hex)).then(|| Self(text.to_owned()))
    }

    /// Adds parts that the signature does not cover, where the scheme says so: the delivery id, or else type and shop.
    pub(crate) fn with_unsigned(
        self,
        scheme: &Scheme,
        id: Option<&str>,
        kind: Option<&str>,
        shop: Option<&str>,
    ) -> Self {
        match (scheme.unsigned_identity, id, kind, shop) {
            (false, ..) | (true, None, None, None) => self,
            (true, Some(id), ..) => Self::of(&[self.as_str(), id]),
            (true, None, kind, shop) => {
                Self::of(&[self.as_str(), kind.unwrap_or_default(), shop.unwrap_or_default()])
            }
        }
    }

    /// Adds the time of receipt, in milliseconds since the epoch, where no key names an event: then each delivery is an
    /// event of its own.
    pub(crate) fn at_time_of_receipt(self, scheme: &Scheme, received_at: u64) -> Self {
        if scheme.key_names != KeyNames::Nothing {
            return self;
        }
        Self::of(&[self.as_str(), &received_at.to_string()])
    }

    /// Hashes each part with its length, so that none runs over into the next.
    fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hex::encode(hash.finalize()))
    }

    /// Returns 64 lower-case hex digits, as in the message's attribute `identity`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The parts of an event that distinguish it from others, as far as they are signed.
pub(crate) struct IdentityParts<'a> {
    pub(crate) source: &'a str,
    pub(crate) live_mode: Option<bool>,
    /// The type, as far as it is signed; else empty.
    pub(crate) kind: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
}

impl IdentityParts<'_> {
    /// Says whether the id is a part of the identity: not if the key alone identifies the event.
    fn id_counts(&self, scheme: &Scheme) -> bool {
        let key_identifies = match scheme.key_names {
            KeyNames::Event | KeyNames::Nothing => true,
            KeyNames::Object { once } => once.contains(&self.kind),
        };
        self.key.is_none() || !key_identifies
    }

    /// Says whether nothing signed names the event, so that the hash of its body must.
    pub(crate) fn need_the_body(&self, scheme: &Scheme) -> bool {
        self.id_counts(scheme) && self.id.is_none()
    }

    /// Returns the identity, of which the body's hash is a part if one is given.
    pub(crate) fn identity(&self, scheme: &Scheme, hash: Option<&str>) -> Identity {
        let mode = self.live_mode.map_or("", |live| if live { "live" } else { "test" });
        let mut parts = vec![self.source, mode, self.kind, self.key.unwrap_or_default()];
        parts.extend(self.id.filter(|_| self.id_counts(scheme)));
        parts.extend(hash.iter().flat_map(|hash| ["", hash]));
        Identity::of(&parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duffels(kind: &str, key: Option<&str>, id: &str) -> Identity {
        Identity::of_duffels("duffel", true, kind, key, id)
    }

    #[test]
    fn the_key_identifies_an_event_whose_type_happens_once() {
        let created = duffels("order.created", Some("ord_1"), "wev_1");
        assert_eq!(created, duffels("order.created", Some("ord_1"), "wev_2"));
        assert_ne!(created, duffels("order.created", Some("ord_2"), "wev_1"));
    }

    #[test]
    fn the_id_counts_for_every_other_type_and_without_a_key() {
        assert_ne!(
            duffels("order.updated", Some("ord_1"), "wev_1"),
            duffels("order.updated", Some("ord_1"), "wev_2")
        );
        assert_ne!(duffels("order.created", None, "wev_1"), duffels("order.created", None, "wev_2"));
    }

    #[test]
    fn the_identities_of_an_object_are_those_of_its_events_of_types_that_happen_once() {
        let all = Identity::of_duffels_object("duffel", "ord_1");
        assert_eq!(all.len(), 22);
        assert!(all.contains(&duffels("order.created", Some("ord_1"), "wev_1")));
        assert!(!all.contains(&duffels("order.updated", Some("ord_1"), "wev_1")));
    }

    #[test]
    fn the_text_of_an_identity_can_be_read_again() {
        let identity = duffels("order.created", Some("ord_1"), "wev_1");
        assert_eq!(Identity::parse(identity.as_str()), Some(identity));
        for text in ["", "wev_1", &"A".repeat(64), &"0".repeat(63)] {
            assert_eq!(Identity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn parts_do_not_run_over_into_each_other() {
        assert_ne!(Identity::of(&["ab", "c"]), Identity::of(&["a", "bc"]));
        assert_ne!(Identity::of(&["a"]), Identity::of(&["a", ""]));
    }
}
