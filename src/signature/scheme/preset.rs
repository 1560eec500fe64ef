//! Presets: the rows of the table of schemes, each named after its provider.

use super::{Algorithm, Scheme, presets};

/// A row of the table: a provider and its scheme. There is no code of a provider besides its row.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The name in a configuration, as in `paddle`.
    pub name: &'static str,
    /// The name of the provider or the product, as in `Paddle Billing`.
    pub title: &'static str,
    /// The page on which the provider describes its signatures.
    pub documentation: &'static str,
    /// What a signature of this provider does not protect although others do; `None` if there is nothing of the kind.
    pub weakness: Option<&'static str>,
    pub(super) build: fn() -> Scheme,
}

impl Preset {
    /// Returns all rows, in the order of the table.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        presets::TABLES.iter().copied().flatten()
    }

    /// Returns the row with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|preset| preset.name == name)
    }

    /// Returns the scheme of the row.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        Scheme { name: self.name, ..(self.build)() }
    }
}

impl Scheme {
    /// What a signature of this scheme does not protect although others do, as its row says; also of a token that only
    /// the configuration makes one.
    #[must_use]
    pub fn weakness(&self) -> Option<&'static str> {
        let of_row = Preset::named(self.name).and_then(|preset| preset.weakness);
        of_row.or((self.key.algorithm == Algorithm::Token).then_some(presets::TOKEN))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::signature::scheme::{FieldLocation, Layout, Time};

    #[test]
    fn names_are_unique_and_plain() {
        let mut names = HashSet::new();
        for Preset { name, title, documentation, .. } in Preset::all() {
            assert!(names.insert(name), "{name} is there twice");
            assert!(name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{name}");
            assert!(!title.is_empty() && documentation.starts_with("https://"), "{name}");
        }
    }

    #[test]
    fn every_row_is_a_valid_description() {
        for preset in Preset::all() {
            let (name, scheme) = (preset.name, preset.scheme());
            let has_time = scheme.time != Time::Nowhere;
            assert_eq!(scheme.signed.check(scheme.time_unit), Ok(()), "{name}");
            assert!(
                has_time || !scheme.signed.covers_time(),
                "{name}: it signs a time that it does not have"
            );
            assert!(!scheme.families.is_empty(), "{name}");
            for family in &scheme.families {
                assert_eq!(family.time.is_some(), scheme.time == Time::Header, "{name}");
                assert!(family.id.is_some() || !scheme.signed.covers_id(), "{name}");
                let in_header = |field: &FieldLocation| {
                    matches!(field, FieldLocation::SignedHeader | FieldLocation::UnsignedHeader)
                };
                assert!(family.kind.is_some() || !in_header(&scheme.kind), "{name}");
                assert!(family.id.is_some() || !in_header(&scheme.id), "{name}");
                assert!(scheme.headers().all(|header| *header == header.to_lowercase()), "{name}");
            }
            let time_label = matches!(&scheme.layout, Layout::Labelled { time: Some(_), .. });
            assert_eq!(time_label, scheme.time == Time::Element, "{name}");
        }
    }

    #[test]
    fn a_row_says_what_is_weak() {
        for preset in Preset::all() {
            let scheme = preset.scheme();
            let is_weak = scheme.key.algorithm == Algorithm::Token || scheme.unsigned_identity;
            assert!(!is_weak || preset.weakness.is_some(), "{}", preset.name);
        }
    }
}
