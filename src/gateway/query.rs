//! The query in an event of a gateway: as text in payload format 2.0, and decoded in format 1.0.

use std::fmt::Write;

use serde_json::value::RawValue;

use crate::json::members::Members;

/// Returns the query of an event that has it as text; `None` if it is empty, or of another type.
pub(super) fn as_text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok().filter(|query: &String| !query.is_empty())
}

/// Encodes the parameters of an event, each a string or a list of strings; `None` if there is none.
pub(super) fn from_object(raw: &RawValue) -> Option<String> {
    let Members(parameters) = serde_json::from_str::<Members<&RawValue>>(raw.get()).ok()?;
    let mut query = String::new();
    for (name, raw) in parameters {
        let text = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
        let list = serde_json::from_str::<Vec<&RawValue>>(raw.get()).unwrap_or_else(|_| vec![raw]);
        for value in list.into_iter().filter_map(text) {
            if !query.is_empty() {
                query.push('&');
            }
            encode(&name, &mut query);
            query.push('=');
            encode(&value, &mut query);
        }
    }
    Some(query).filter(|query| !query.is_empty())
}

fn encode(text: &str, query: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            query.push(byte.into());
        } else {
            let _ = write!(query, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn parameters_are_encoded() {
        for (object, query) in [
            (r#"{"hub.mode":"subscribe","t":"a: é&b=+"}"#, "hub.mode=subscribe&t=a%3A%20%C3%A9%26b%3D%2B"),
            (r#"{"a":["1","2"],"b":["3"]}"#, "a=1&a=2&b=3"),
            (r#"{"a":null,"b":7,"c":[1],"d":""}"#, "d="),
        ] {
            assert_eq!(from_object(&raw(object)).as_deref(), Some(query));
        }
        for nothing in ["{}", "null", "[]", "7", r#"{"a":[]}"#] {
            assert_eq!(from_object(&raw(nothing)), None, "{nothing}");
        }
    }

    #[test]
    fn a_text_is_taken_as_it_is() {
        assert_eq!(as_text(&raw(r#""a=%20b""#)).as_deref(), Some("a=%20b"));
        for nothing in [r#""""#, "null", "7", "{}"] {
            assert_eq!(as_text(&raw(nothing)), None, "{nothing}");
        }
    }
}
