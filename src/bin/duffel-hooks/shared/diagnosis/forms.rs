//! The mistakes with the form of a signature: its encoding, its algorithm, its unit of time, and its header.

use duffel_webhook_receiver::{
    http::delivery,
    signature::scheme::{Algorithm, Encoding, Layout, Preset, Scheme, Signed, Time, TimeUnit},
};

use super::{Mistake, Part, Request, contents, signer};

/// Returns the schemes that a mistake makes of a scheme, each with what is changed.
pub(super) fn variants(scheme: &Scheme) -> Vec<(String, Scheme)> {
    let mut variants = Vec::new();
    if scheme.key.algorithm != Algorithm::Token {
        variants.extend(encodings(scheme));
        variants.extend(contents::variants(scheme));
        variants.extend(without_time(scheme));
        variants.extend(algorithms(scheme));
        variants.extend(units(scheme));
    }
    variants.extend(prefixes(scheme));
    variants
}

fn encodings(scheme: &Scheme) -> impl Iterator<Item = (String, Scheme)> {
    let own = scheme.encoding.name();
    let others = Encoding::NAMES.into_iter().filter(|(_, other)| *other != Encoding::Text);
    others.filter(|(_, other)| *other != scheme.encoding).map(move |(other, encoding)| {
        (format!("in {other}: the scheme has {own}"), Scheme { encoding, ..scheme.clone() })
    })
}

/// The signature is that of a scheme without a time in its header.
fn without_time(scheme: &Scheme) -> Vec<(String, Scheme)> {
    if scheme.signed == Signed::BODY {
        return Vec::new();
    }
    let labels = scheme.layout.labels().iter().map(|label| format!("{}=", label.name));
    let prefixes = [String::new(), "sha256=".to_owned()].into_iter().chain(labels);
    let without = prefixes.map(|prefix| Scheme {
        layout: Layout::plain(prefix),
        time: Time::Nowhere,
        signed: Signed::BODY,
        ..scheme.clone()
    });
    without.map(|without| ("without a time: the scheme has one".to_owned(), without)).collect()
}

fn algorithms(scheme: &Scheme) -> Vec<(String, Scheme)> {
    let own = scheme.key.algorithm;
    if own.is_public() {
        return Vec::new();
    }
    let own_name = own.name();
    let is_other =
        |(_, other): &(&str, Algorithm)| !other.is_public() && *other != Algorithm::Token && *other != own;
    let with = |(name, algorithm): (&str, Algorithm)| {
        let mut other = scheme.clone();
        other.key.algorithm = algorithm;
        match &mut other.layout {
            Layout::Labelled { labels, .. } => {
                labels.iter_mut().filter(|label| label.algorithm == own).for_each(|label| {
                    label.algorithm = algorithm;
                });
            }
            Layout::Plain { prefix, .. } => {
                // As in `sha256=`.
                let named = |name: &str| name.replace("hmac-", "");
                *prefix = prefix.replace(&named(own_name), &named(name)).into();
            }
        }
        (format!("by {name}: the scheme has {own_name}"), other)
    };
    Algorithm::NAMES.into_iter().filter(is_other).map(with).collect()
}

fn units(scheme: &Scheme) -> Vec<(String, Scheme)> {
    if scheme.time == Time::Nowhere {
        return Vec::new();
    }
    let own = unit_in_words(scheme.time_unit);
    let others = TimeUnit::NAMES.into_iter().filter(|(_, other)| *other != scheme.time_unit);
    let with = |(_, time_unit)| {
        let other = unit_in_words(time_unit);
        (format!("with a time in {other}: the scheme has {own}"), Scheme { time_unit, ..scheme.clone() })
    };
    others.map(with).collect()
}

/// The name of a unit, as it follows "in".
pub(crate) fn unit_in_words(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Seconds => "seconds",
        TimeUnit::Milliseconds => "milliseconds",
        TimeUnit::Rfc3339 => "the form of RFC 3339",
    }
}

fn prefixes(scheme: &Scheme) -> Vec<(String, Scheme)> {
    let Layout::Plain { prefix, separator } = &scheme.layout else { return Vec::new() };
    let others: &[&str] = match (scheme.key.algorithm, prefix.is_empty()) {
        (_, false) => &[""],
        (Algorithm::Token, true) => &["Bearer ", "Basic "],
        (_, true) => &["sha256="],
    };
    let with = |other: &&'static str| {
        let change = match other.trim() {
            "" => "without its prefix".to_owned(),
            other => format!("after {other}: the scheme has no prefix"),
        };
        let layout = Layout::Plain { separator: *separator, prefix: (*other).into() };
        (change, Scheme { layout, ..scheme.clone() })
    };
    others.iter().map(with).collect()
}

/// The most schemes that are named.
const MAX_NAMED: usize = 4;

/// Finds the scheme whose signature a request has instead: one that a secret of the source matches, or else those with
/// its header.
pub(super) fn of_another_scheme(this: &super::Known<'_>, request: &Request<'_>) -> Option<Mistake> {
    if let Some(mistake) = matching(this, request) {
        return Some(mistake);
    }
    let (mut header, mut names) = (None, Vec::new());
    for preset in Preset::all() {
        let scheme = preset.scheme();
        let found = scheme.families.iter().map(|family| &family.signature).find(|name| request.has(name));
        // The first header counts, and all schemes that have it.
        if let Some(found) = found
            && *header.get_or_insert_with(|| found.clone()) == *found
        {
            names.push(preset.name);
        }
    }
    let header = header?;
    let shown = names[..names.len().min(MAX_NAMED)].join(", ");
    let schemes = match names.len() {
        1 => format!("the scheme {shown}"),
        0..=MAX_NAMED => format!("the schemes {shown}"),
        more => format!("the schemes {shown} and {} more", more - MAX_NAMED),
    };
    Some(Mistake::new(Part::Source, format!("it has the header {header} of {schemes}")))
}

/// Finds another preset by which a secret of the source signed a request.
pub(super) fn matching(this: &super::Known<'_>, request: &Request<'_>) -> Option<Mistake> {
    let signed = |scheme: &Scheme| {
        let has_header = scheme.families.iter().any(|family| request.has(&family.signature));
        let delivery = || delivery(scheme, request.headers, request.query, request.body.clone(), None);
        scheme.name != this.scheme.name && has_header && signer(scheme, this.secrets, &delivery()).is_some()
    };
    let found = Preset::all().map(Preset::scheme).find(signed)?;
    Some(Mistake::new(Part::Form, format!("by the scheme {}", found.name)))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;
    use crate::shared::diagnosis::Known;

    #[test]
    fn a_header_of_another_scheme_is_named() {
        let mut headers = HeaderMap::new();
        let scheme = Scheme::duffel();
        let known = Known { name: "", scheme: &scheme, secrets: &[] };
        let body = Bytes::from_static(b"{}");
        let find =
            |headers: &HeaderMap| of_another_scheme(&known, &Request { headers, query: None, body: &body });
        assert_eq!(find(&headers), None);
        headers.insert("stripe-signature", http::HeaderValue::from_static("t=1"));
        assert_eq!(find(&headers).unwrap().change, "it has the header stripe-signature of the scheme stripe");
    }

    #[test]
    fn no_variant_is_the_scheme_itself() {
        for scheme in Preset::all().map(Preset::scheme) {
            assert!(variants(&scheme).iter().all(|(_, variant)| *variant != scheme), "{}", scheme.name);
        }
    }
}
