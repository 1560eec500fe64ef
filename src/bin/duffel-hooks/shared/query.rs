//! Parameters of a signature in the query of a URL, where a scheme has them instead of headers.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All characters but the unreserved ones ([RFC 3986, 2.3](https://www.rfc-editor.org/rfc/rfc3986#section-2.3)).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

type Headers = Vec<(String, String)>;

/// Divides what a signature consists of into headers and a query, which is empty if there are no parameters.
pub(crate) fn divide(signed: Headers) -> (Headers, String) {
    let (parameters, headers): (Headers, Headers) =
        signed.into_iter().partition(|(name, _)| name.starts_with('?'));
    (headers, query(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
}

/// Writes parameters as a query; each name begins with a question mark.
pub(crate) fn query<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pair = |(name, value): (&str, &str)| {
        let name = name.trim_start_matches('?');
        format!("{name}={}", utf8_percent_encode(value, RESERVED))
    };
    parameters.map(pair).collect::<Vec<_>>().join("&")
}

/// Adds a query to a URL, which may have one.
pub(crate) fn with_query(url: &str, query: &str) -> String {
    match (query, url.contains('?')) {
        ("", _) => url.to_owned(),
        (query, true) => format!("{url}&{query}"),
        (query, false) => format!("{url}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_divided_from_headers() {
        let signed = [("x-id", "1"), ("?signature", "a+b/c=")];
        let signed = signed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (headers, query) = divide(signed.to_vec());
        assert_eq!((headers.len(), &*query), (1, "signature=a%2Bb%2Fc%3D"));
        assert_eq!(with_query("http://x/y", &query), "http://x/y?signature=a%2Bb%2Fc%3D");
        assert_eq!(with_query("http://x/y?z=1", "a=b"), "http://x/y?z=1&a=b");
        assert_eq!(with_query("http://x/y", ""), "http://x/y");
    }
}
