//! The changes to a body that editors, tools and frameworks make.

use serde_json::{Serializer, Value, value::RawValue};

/// Returns the body with such a change, each with what is changed, as it follows "the body".
pub(super) fn variants(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let shorter = body.strip_suffix(b"\r\n").or_else(|| body.strip_suffix(b"\n"));
    let lines = || body.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let is_json = serde_json::from_slice::<&RawValue>(body).is_ok();
    let json = |change: &dyn Fn(&[u8]) -> Vec<u8>| is_json.then(|| change(body));
    [
        ("without its last newline", shorter.map(<[u8]>::to_vec)),
        ("with a newline at its end", Some([body, b"\n"].concat())),
        ("with LF for each CRLF", Some(lines().collect::<Vec<_>>().join(&b'\n'))),
        ("with CRLF for each LF", Some(lines().collect::<Vec<_>>().join(&b"\r\n"[..]))),
        ("without the white space between its JSON tokens", Some(spaced(body, b":", b","))),
        ("with a space after each colon and comma of its JSON", json(&|body| spaced(body, b": ", b", "))),
        ("with its JSON in lines with an indent of 2", json(&indented)),
        ("with non-ASCII characters escaped in its JSON", json(&escaped)),
        ("with non-ASCII characters not escaped in its JSON", json(&unescaped)),
        ("with slashes escaped in its JSON", json(&|body| replaced(body, b"/", b"\\/"))),
        ("with slashes not escaped in its JSON", json(&|body| replaced(body, b"\\/", b"/"))),
        ("without its byte order mark", body.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec)),
        ("if it were empty", Some(Vec::new())),
    ]
    .into_iter()
    .filter_map(|(what, variant)| Some((what, variant.filter(|variant| variant != body)?)))
    .collect()
}

/// Replaces the white space outside the strings of JSON: none, but for what follows each colon and comma.
fn spaced(body: &[u8], colon: &[u8], comma: &[u8]) -> Vec<u8> {
    let (mut in_string, mut escaped) = (false, false);
    let mut spaced = Vec::with_capacity(body.len());
    for byte in body {
        match byte {
            b':' if !in_string => spaced.extend(colon),
            b',' if !in_string => spaced.extend(comma),
            byte if in_string || !byte.is_ascii_whitespace() => spaced.push(*byte),
            _ => {}
        }
        in_string ^= *byte == b'"' && !escaped;
        escaped = in_string && *byte == b'\\' && !escaped;
    }
    spaced
}

/// Writes JSON in lines; in the order of its members only if that is the alphabetical one.
fn indented(body: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let value: Option<Value> = serde_json::from_slice(body).ok();
    let written = value.map(|value| serde::Serialize::serialize(&value, &mut Serializer::pretty(&mut text)));
    if matches!(written, Some(Ok(()))) { text } else { Vec::new() }
}

/// Escapes each character that is not ASCII, which occurs within strings only.
fn escaped(body: &[u8]) -> Vec<u8> {
    let mut escaped = String::with_capacity(body.len());
    for character in String::from_utf8_lossy(body).chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            let mut units = [0; 2];
            let units = character.encode_utf16(&mut units);
            escaped.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    escaped.into_bytes()
}

/// Replaces the escapes of characters that are not ASCII.
fn unescaped(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let mut unescaped = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = rest.find('\\') {
        unescaped.push_str(&rest[..at]);
        let escape = &rest[at..];
        let units = || {
            let texts = escape.split("\\u").skip(1).map_while(|text| text.get(..4));
            texts.map_while(|digits| u16::from_str_radix(digits, 16).ok())
        };
        let character = escape.starts_with("\\u").then(|| char::decode_utf16(units()).next()).flatten();
        match character {
            Some(Ok(character)) if !character.is_ascii() => {
                unescaped.push(character);
                rest = &escape[6 * character.len_utf16()..];
            }
            _ => {
                // The escaped character is not the start of another escape.
                let end = 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
                unescaped.push_str(&escape[..end]);
                rest = &escape[end..];
            }
        }
    }
    unescaped.push_str(rest);
    unescaped.into_bytes()
}

fn replaced(body: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(body)
        .replace(&*String::from_utf8_lossy(old), &String::from_utf8_lossy(new))
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_outside_strings_is_changed() {
        let pretty = br#"{ "a b": "\\\" c\\", "d": [ 1 ,
            "" ] }"#;
        assert_eq!(spaced(pretty, b":", b","), br#"{"a b":"\\\" c\\","d":[1,""]}"#);
        assert_eq!(spaced(br#"{"a:,":[1,2]}"#, b": ", b", "), br#"{"a:,": [1, 2]}"#);
    }

    #[test]
    fn each_change_is_found() {
        let change = |received: &str, signed: &str| {
            let variants = variants(received.as_bytes());
            variants.into_iter().find(|(_, body)| body == signed.as_bytes()).map(|(change, _)| change)
        };
        for (received, signed, expected) in [
            ("{}\n", "{}", "without its last newline"),
            ("{}", "{}\n", "with a newline at its end"),
            ("{\r\n}", "{\n}", "with LF for each CRLF"),
            (r#"{"a":[1,2]}"#, r#"{"a": [1, 2]}"#, "with a space after each colon and comma of its JSON"),
            (r#"{"a": 1}"#, r#"{"a":1}"#, "without the white space between its JSON tokens"),
            (r#"{"a":1}"#, "{\n  \"a\": 1\n}", "with its JSON in lines with an indent of 2"),
            (
                r#"{"a":"é😀"}"#,
                r#"{"a":"\u00e9\ud83d\ude00"}"#,
                "with non-ASCII characters escaped in its JSON",
            ),
            (
                r#"{"a":"\\u00e9\u00e9\n\ud83d\ude00"}"#,
                r#"{"a":"\\u00e9é\n😀"}"#,
                "with non-ASCII characters not escaped in its JSON",
            ),
            (r#"{"a":"x/y"}"#, r#"{"a":"x\/y"}"#, "with slashes escaped in its JSON"),
            (r#"{"a":"x\/y"}"#, r#"{"a":"x/y"}"#, "with slashes not escaped in its JSON"),
            ("\u{feff}{}", "{}", "without its byte order mark"),
            ("{}", "", "if it were empty"),
        ] {
            assert_eq!(change(received, signed), Some(expected), "{received}");
        }
        assert_eq!(change("{}", "{}"), None);
    }
}
