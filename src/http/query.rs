//! Parameters in the query of a URL.

use percent_encoding::percent_decode_str;

/// Returns the value of a parameter that occurs exactly once.
///
/// A plus sign stands for itself, because base64 has it
/// ([RFC 3986, 3.4](https://www.rfc-editor.org/rfc/rfc3986#section-3.4)).
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    let value = percent_decode_str(values.next()?).decode_utf8().ok()?;
    // Of several, other readers may take another one.
    values.next().is_none().then(|| value.into_owned())
}

/// Returns `true` if a parameter occurs, whatever its value.
pub(super) fn has(query: &str, name: &str) -> bool {
    query.split('&').any(|pair| pair.split_once('=').map_or(pair, |(known, _)| known) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_occurs_once() {
        for (query, expected) in [
            ("signature=ab", Some("ab")),
            ("a=1&signature=a%2Bb+c%3D&b", Some("a+b+c=")),
            ("signature=", Some("")),
            ("signature", None),
            ("xsignature=ab", None),
            ("signature=a&signature=b", None),
            ("signature=%ff", None),
        ] {
            assert_eq!(parameter(query, "signature").as_deref(), expected, "{query}");
        }
    }

    #[test]
    fn a_parameter_may_occur_without_a_value() {
        for query in ["a", "a=", "b=1&a=%ff", "a=1&a=2"] {
            assert!(has(query, "a"), "{query}");
        }
        for query in ["", "b=a", "aa=1", "%61=1"] {
            assert!(!has(query, "a"), "{query}");
        }
    }
}
