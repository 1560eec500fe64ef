//! Values at JSON pointers (RFC 6901), read in one pass over the text; everything else is skipped.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A reason why the values in a text cannot be determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    NotJson,
    /// A key on the path of a pointer appears twice, so readers may disagree on the value there.
    DuplicateKey,
}

/// A byte order mark, which a reader may skip (RFC 8259, 8.1).
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads the values at JSON pointers ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)); `None` if a pointer leads to
/// no value.
pub(crate) fn read<'de, const N: usize>(
    text: &'de [u8],
    pointers: [Option<&str>; N],
) -> Result<[Option<&'de RawValue>; N], JsonError> {
    let mut found = [None; N];
    let wanted: Vec<_> =
        (0..N).filter_map(|index| Some((index, pointers[index]?.strip_prefix('/')?))).collect();
    let mut duplicate = false;
    let reader = PointerReader { wanted, found: &mut found, duplicate: &mut duplicate };
    let mut deserializer = serde_json::Deserializer::from_slice(text.strip_prefix(MARK).unwrap_or(text));
    reader
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|_| JsonError::NotJson)?;
    if duplicate { Err(JsonError::DuplicateKey) } else { Ok(found) }
}

/// A reader of one value with the pointers that lead into it: each with its index and the rest of its tokens.
struct PointerReader<'p, 'f, 'de> {
    wanted: Vec<(usize, &'p str)>,
    found: &'f mut [Option<&'de RawValue>],
    duplicate: &'f mut bool,
}

impl<'de> PointerReader<'_, '_, 'de> {
    fn wants(&self, name: &str) -> bool {
        // Called for every key of a body: most differ in their first character, unless it is an escape.
        let first = name.as_bytes().first();
        let may = |pointer: &str| {
            let found = pointer.as_bytes().first();
            found == first || matches!(found, None | Some(b'~' | b'/')) || first.is_none()
        };
        self.wanted.iter().any(|(_, pointer)| may(pointer) && leads_to(pointer, name).is_some())
    }

    /// Takes the value under a name, for pointers that end there and for those that go on below it.
    fn take(&mut self, name: &str, value: &'de RawValue) -> serde_json::Result<()> {
        let mut below = Vec::new();
        for (index, pointer) in &self.wanted {
            match leads_to(pointer, name) {
                Some("") => self.found[*index] = Some(value),
                Some(rest) => below.push((*index, &rest[1..])),
                None => {}
            }
        }
        let is_nested = matches!(value.get().as_bytes().first(), Some(b'{' | b'['));
        if below.is_empty() || !is_nested {
            return Ok(());
        }
        let reader = PointerReader { wanted: below, found: self.found, duplicate: self.duplicate };
        reader.deserialize(&mut serde_json::Deserializer::from_str(value.get()))
    }
}

/// Returns the rest of a pointer, from its `/` on, if its first token is this name.
fn leads_to<'p>(pointer: &'p str, name: &str) -> Option<&'p str> {
    // It avoids the search if it can.
    if !name.bytes().any(|byte| matches!(byte, b'/' | b'~')) {
        return pointer.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    }
    let (token, rest) = pointer.split_at(pointer.find('/').unwrap_or(pointer.len()));
    (token.replace("~1", "/").replace("~0", "~") == name).then_some(rest)
}

impl<'de> DeserializeSeed<'de> for PointerReader<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PointerReader<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        // At most as many as there are pointers; duplicate keys elsewhere do not matter here.
        let mut seen = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.wants(&name) {
                self.take(&name, map.next_value()?).map_err(A::Error::custom)?;
                if seen.contains(&name) {
                    *self.duplicate = true;
                } else {
                    seen.push(name);
                }
            } else {
                // It may be invalid UTF-8, nested too deeply or too large a number for us, and still be signed.
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        for index in 0.. {
            let name = usize::to_string(&index);
            if self.wants(&name) {
                let Some(value) = seq.next_element()? else { break };
                self.take(&name, value).map_err(A::Error::custom)?;
            } else if seq.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'a>(text: &'a str, pointer: &str) -> Result<Option<&'a str>, JsonError> {
        read(text.as_bytes(), [Some(pointer)]).map(|[found]| found.map(RawValue::get))
    }

    #[test]
    fn values_are_found_as_rfc_6901_defines() {
        let text = r#"{"a":{"b":[10,{"c":"x"}]},"m~n":8,"a/b":1,"":0}"#;
        let cases = [("/a/b/0", "10"), ("/a/b/1/c", "\"x\""), ("/m~0n", "8"), ("/a~1b", "1"), ("/", "0")];
        for (pointer, value) in cases {
            assert_eq!(at(text, pointer), Ok(Some(value)), "{pointer}");
        }
        assert_eq!(at(r#"{"a/b":1,"a":{"b":2}}"#, "/a/b"), Ok(Some("2")));
        for pointer in ["/x", "/a/x", "/a/b/2", "/a/b/x", "/m~0n/x"] {
            assert_eq!(at(text, pointer), Ok(None), "{pointer}");
        }
    }

    #[test]
    fn a_pointer_and_one_below_it_are_both_found() {
        let found = read(br#"{"a":{"b":1}}"#, [Some("/a"), None, Some("/a/b")]);
        assert_eq!(
            found.unwrap().map(|found| found.map(RawValue::get)),
            [Some(r#"{"b":1}"#), None, Some("1")]
        );
    }

    #[test]
    fn a_duplicate_key_on_the_path_is_an_error() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1},"\u0061":2}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{"a":{"b":1,"x":{"a":1}},"a":{"b":1}}"#,
        ] {
            assert_eq!(at(text, "/a/b"), Err(JsonError::DuplicateKey), "{text}");
        }
    }

    #[test]
    fn a_duplicate_key_elsewhere_is_not_an_error() {
        for text in [
            r#"{"a":1,"elsewhere":{"b":1,"b":1}}"#,
            r#"{"x":1,"a":1,"\u0078":2}"#,
            r#"{"x":{"a":2},"a":1,"x":{"a":3}}"#,
        ] {
            assert_eq!(at(text, "/a"), Ok(Some("1")), "{text}");
        }
        assert_eq!(at(r#"{"a":{"x":1,"b":2,"x":3}}"#, "/a/b"), Ok(Some("2")));
    }

    #[test]
    fn a_byte_order_mark_is_skipped_once() {
        assert_eq!(at("\u{feff}{\"a\":1}", "/a"), Ok(Some("1")));
        for text in ["\u{feff}", "\u{feff}\u{feff}{\"a\":1}", " \u{feff}{\"a\":1}", "{\"a\":1}\u{feff}"] {
            assert_eq!(at(text, "/a"), Err(JsonError::NotJson), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_json_is_an_error() {
        for text in ["", "{", "nah", r#"{"a":1} x"#, r#"{"a":1,}"#] {
            assert_eq!(at(text, "/a"), Err(JsonError::NotJson), "{text}");
        }
    }
}
