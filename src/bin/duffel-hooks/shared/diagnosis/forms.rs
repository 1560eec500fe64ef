//! The mistakes with the form of a signature: its encoding, what it covers, and its header.

use duffel_webhook_receiver::signature::scheme::{Algorithm, Encoding, Layout, Preset, Scheme, Signed, Time};
use http::HeaderMap;

use super::{Mistake, Part};

/// Returns the schemes that a mistake makes of a scheme, each with what is changed.
pub(super) fn variants(scheme: &Scheme) -> Vec<(&'static str, Scheme)> {
    if scheme.key.algorithm == Algorithm::Token {
        return Vec::new();
    }
    let (encoding, change) = match scheme.encoding {
        Encoding::Hex | Encoding::Text => (Encoding::Base64, "in base64: the scheme has hex"),
        Encoding::Base64 => (Encoding::Hex, "in hex: the scheme has base64"),
        Encoding::Base64Url => (Encoding::Hex, "in hex: the scheme has base64url"),
    };
    let mut variants = vec![(change, Scheme { encoding, ..scheme.clone() })];
    if scheme.signed != Signed::BODY {
        let body = || Scheme { signed: Signed::BODY, ..scheme.clone() };
        variants.push(("over the body alone: the scheme signs the time as well", body()));
        let mut prefixes = vec![String::new(), "sha256=".to_owned()];
        prefixes.extend(scheme.layout.labels().iter().map(|label| format!("{}=", label.name)));
        variants.extend(prefixes.into_iter().map(|prefix| {
            let without_time = Scheme { layout: Layout::plain(prefix), time: Time::Nowhere, ..body() };
            ("without a time: the scheme has one", without_time)
        }));
    }
    if scheme.signed == Signed::ID_TIME_BODY {
        let signed = Signed::TIME_BODY;
        variants.push((
            "over time and body: the scheme signs the id as well",
            Scheme { signed, ..scheme.clone() },
        ));
    }
    if let Layout::Plain { prefix, .. } = &scheme.layout {
        let change =
            if prefix.is_empty() { "after sha256=: the scheme has no prefix" } else { "without its prefix" };
        let other = if prefix.is_empty() { "sha256=" } else { "" };
        variants.push((change, Scheme { layout: Layout::plain(other), ..scheme.clone() }));
    }
    variants
}

/// Finds the scheme whose signature a request has instead.
pub(super) fn of_another_scheme(headers: &HeaderMap) -> Option<Mistake> {
    let schemes = Preset::all().map(Preset::scheme);
    let found = schemes.flat_map(|scheme| {
        let name = scheme.name;
        scheme.families.into_iter().map(move |family| (name, family.signature))
    });
    let (scheme, header) = found.into_iter().find(|(_, header)| headers.contains_key(&**header))?;
    Some(Mistake::new(Part::Source, format!("it has the header {header} of the scheme {scheme}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_another_scheme_is_named() {
        let mut headers = HeaderMap::new();
        assert_eq!(of_another_scheme(&headers), None);
        headers.insert("stripe-signature", http::HeaderValue::from_static("t=1"));
        let mistake = of_another_scheme(&headers).unwrap();
        assert_eq!(mistake.change, "it has the header stripe-signature of the scheme stripe");
    }

    #[test]
    fn no_variant_is_the_scheme_itself() {
        for scheme in Preset::all().map(Preset::scheme) {
            assert!(variants(&scheme).iter().all(|(_, variant)| *variant != scheme), "{}", scheme.name);
        }
    }
}
