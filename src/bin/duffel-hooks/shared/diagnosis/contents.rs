//! The mistakes with the content of a signature: its parts, what is between them, and the URL among them.

use duffel_webhook_receiver::signature::scheme::{Scheme, Signed};

/// The contents that providers have.
const USUAL: [&str; 9] = [
    "{time}.{body}",
    "{time}:{body}",
    "{time}{body}",
    "{time}|{body}",
    "{time}\n{body}",
    "{body}{time}",
    "v0:{time}:{body}",
    "{id}.{time}.{body}",
    "{id}.{body}",
];

/// Returns the schemes with another content, each with what is changed.
pub(super) fn variants(scheme: &Scheme) -> Vec<(String, Scheme)> {
    let own = scheme.signed.to_string();
    let mut variants = Vec::new();
    let mut add = |change: String, content: &str| {
        if let Ok(signed) = content.parse::<Signed>()
            && signed != scheme.signed
        {
            variants.push((change, Scheme { signed, ..scheme.clone() }));
        }
    };
    for (change, content) in urls(&own) {
        add(change, &content);
    }
    if scheme.signed != Signed::BODY {
        let also = match (scheme.signed.covers_time(), scheme.signed.covers_id()) {
            (true, _) => "the time",
            (false, true) => "the id",
            (false, false) => "a text",
        };
        add(format!("over the body alone: the scheme signs {also} as well"), "{body}");
    }
    if scheme.signed == Signed::ID_TIME_BODY {
        add("over time and body: the scheme signs the id as well".to_owned(), "{time}.{body}");
    }
    for usual in USUAL {
        let shown = |content: &str| content.replace('\n', "\\n");
        add(format!("over {}: the scheme signs {}", shown(usual), shown(&own)), usual);
    }
    variants
}

/// Returns a content with another spelling of the URL in it, or without it.
fn urls(content: &str) -> Vec<(String, String)> {
    let Some((start, url)) = url(content) else { return Vec::new() };
    let end = start + url.len();
    let with = |other: &str| format!("{}{other}{}", &content[..start], &content[end..]);
    let mut urls = vec![("without the URL before or after the body".to_owned(), with(""))];
    let mut add = |other: String| urls.push((format!("with the URL {other}"), with(&other)));
    add(url.strip_suffix('/').map_or_else(|| format!("{url}/"), str::to_owned));
    if let Some(rest) = url.strip_prefix("https://") {
        add(format!("http://{rest}"));
    } else if let Some(rest) = url.strip_prefix("http://") {
        add(format!("https://{rest}"));
    }
    if let Some((path, _)) = url.split_once('?') {
        add(path.to_owned());
    }
    let lower = url.to_lowercase();
    if lower != url {
        add(lower);
    }
    urls
}

/// Finds the URL in a content. It ends at a part in braces, or at a character that no URL has.
fn url(content: &str) -> Option<(usize, &str)> {
    let start = content.find("https://").or_else(|| content.find("http://"))?;
    let rest = &content[start..];
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '{' | '|' | '"')).unwrap_or(rest.len());
    Some((start, &rest[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_found_in_a_content() {
        for (content, expected) in [
            ("POSThttps://example.com/x?y=1{body}{time}", Some("https://example.com/x?y=1")),
            ("{body}http://example.com", Some("http://example.com")),
            ("https://example.com/x|{body}", Some("https://example.com/x")),
            ("{time}.{body}", None),
        ] {
            assert_eq!(url(content).map(|(_, url)| url), expected, "{content}");
        }
    }

    #[test]
    fn a_url_has_other_spellings() {
        let urls = urls("POSThttps://example.com/x?y=1{body}");
        let contents: Vec<_> = urls.iter().map(|(_, content)| content.as_str()).collect();
        for expected in [
            "POST{body}",
            "POSThttps://example.com/x?y=1/{body}",
            "POSThttp://example.com/x?y=1{body}",
            "POSThttps://example.com/x{body}",
        ] {
            assert!(contents.contains(&expected), "{expected}: {contents:?}");
        }
    }
}
