//! The search in headers and bodies.

use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::commands::serve::inspector::{
    Inspector,
    delivery::{Content, is_confidential},
};

/// Returns the numbers of the deliveries, newest first, whose body or a header that is shown contains the text `q`.
/// ASCII letters match in both cases.
pub(super) async fn search(inspector: &Inspector, request: &Parts) -> Value {
    let mut pairs = request.uri.query().unwrap_or_default().split('&');
    let text = pairs.find_map(|pair| pair.strip_prefix("q=")).unwrap_or_default();
    let text: Vec<_> = percent_decode_str(text).collect();
    let kept = inspector.journal.before(u64::MAX, usize::MAX).deliveries;
    // Up to 64 MiB are searched, and deliveries must not wait for it.
    let found = spawn_blocking(move || {
        let is_found = |content: &Content| content.contains(&text);
        let found = kept.iter().filter(|delivery| delivery.content.as_deref().is_some_and(is_found));
        found.map(|delivery| delivery.facts.summary.number).collect::<Vec<_>>()
    });
    // The search neither panics nor is cancelled.
    json!({ "numbers": found.await.unwrap_or_default() })
}

impl Content {
    fn contains(&self, text: &[u8]) -> bool {
        let headers = self.headers.iter().filter(|(name, _)| !is_confidential(name.as_str()));
        contains(&self.body, text) || headers.into_iter().any(|(_, value)| contains(value.as_bytes(), text))
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    let Some(first) = text.first() else { return true };
    let cases = [first.to_ascii_lowercase(), first.to_ascii_uppercase()];
    let is_at =
        |at: usize| bytes.get(at..at + text.len()).is_some_and(|part| part.eq_ignore_ascii_case(text));
    bytes.iter().enumerate().any(|(at, byte)| cases.contains(byte) && is_at(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_either_case_and_at_both_ends() {
        let is_found = |text: &str| contains("Grüße, Öl and oil".as_bytes(), text.as_bytes());
        for text in ["", "g", "grüSSE".strip_suffix("SSE").unwrap(), "OIL", "Öl and OIL", "Grüße, Öl and oil"]
        {
            assert!(is_found(text), "{text}");
        }
        for text in ["öl", "oils", "x", "Grüße, Öl and oil."] {
            assert!(!is_found(text), "{text}");
        }
    }
}
