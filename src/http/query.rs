//! Parameters in the query of a URL.
//!
//! <https://url.spec.whatwg.org/#application/x-www-form-urlencoded>

/// A parameter that appears twice, or whose value cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadParameter;

/// Returns the decoded value of a parameter; `None` if there is no such parameter.
pub(super) fn parameter(query: &str, name: &str) -> Result<Option<String>, BadParameter> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = pairs.filter(|(key, _)| decode(key).as_deref() == Some(name)).map(|(_, value)| value);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(BadParameter);
    }
    decode(value).map(Some).ok_or(BadParameter)
}

/// Decodes `%` with two hex digits, and `+`, which is a space.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, following @ ..] = rest {
        rest = following;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let (digits, following) = rest.split_at_checked(2)?;
                rest = following;
                *hex::decode(digits).ok()?.first()?
            }
            byte => *byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_decoded() {
        let query = "a=1&hub.mode=subscribe&t=Validation%3a+Request-Id%3A+%C3%A9&%63=x=y&empty=&bare";
        for (name, value) in [
            ("a", "1"),
            ("hub.mode", "subscribe"),
            ("t", "Validation: Request-Id: é"),
            ("c", "x=y"),
            ("empty", ""),
            ("bare", ""),
        ] {
            assert_eq!(parameter(query, name), Ok(Some(value.to_owned())), "{name}");
        }
        for name in ["A", "hub", "x", "%63"] {
            assert_eq!(parameter(query, name), Ok(None), "{name}");
        }
        assert_eq!(parameter("", "a"), Ok(None));
    }

    #[test]
    fn a_parameter_that_readers_may_read_differently_is_refused() {
        for query in ["a=1&a=1", "a=1&%61=2", "a=%", "a=%4", "a=%zz", "a=%ff", "a=%+1"] {
            assert_eq!(parameter(query, "a"), Err(BadParameter), "{query}");
        }
    }
}
