//! The meaning of a consumer's response, for an event source mapping with `ReportBatchItemFailures`.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>

use std::collections::BTreeSet;

use duffel_webhook_receiver::duffel::plain;
use http::StatusCode;
use serde_json::Value;

/// The most characters of a foreign text in a line.
const MAX_TEXT: usize = 100;

/// The response to an invocation.
pub(super) struct Response {
    pub(super) status: StatusCode,
    /// Whether the header `X-Amz-Function-Error` says that the function failed.
    pub(super) is_function_error: bool,
    pub(super) body: Vec<u8>,
}

/// The meaning of a response for the messages of its batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Handled,
    /// These messages failed, by their ids.
    Partial(BTreeSet<String>),
    /// All messages failed, for this reason.
    Failed(String),
}

impl Response {
    /// Finds out which messages of a batch with these ids failed.
    pub(super) fn verdict(&self, ids: &[&str]) -> Verdict {
        let body = self.body.trim_ascii();
        let parsed = serde_json::from_slice::<Value>(body).ok();
        if !self.status.is_success() {
            let error = error_of(parsed.as_ref()).unwrap_or_else(|| self.beginning());
            return Verdict::Failed(if error.is_empty() { self.status.to_string() } else { error });
        }
        if self.is_function_error {
            let error = error_of(parsed.as_ref()).unwrap_or_else(|| self.beginning());
            return Verdict::Failed(if error.is_empty() { "the function failed".to_owned() } else { error });
        }
        match parsed {
            None if body.is_empty() => Verdict::Handled,
            None => Verdict::Failed(format!("the response is not valid JSON: {}", self.beginning())),
            Some(Value::Null) => Verdict::Handled,
            Some(Value::Object(response)) => {
                let Some(failures) = response.get("batchItemFailures").filter(|failures| !failures.is_null())
                else {
                    // Runtime emulators have this form of an error, and no header for it.
                    let error = error_of(Some(&Value::Object(response)));
                    return error.map_or(Verdict::Handled, Verdict::Failed);
                };
                match failed(failures, ids) {
                    Ok(failed) if failed.is_empty() => Verdict::Handled,
                    Ok(failed) => Verdict::Partial(failed),
                    Err(reason) => Verdict::Failed(reason),
                }
            }
            Some(_) => Verdict::Failed(format!("the response is not a JSON object: {}", self.beginning())),
        }
    }

    fn beginning(&self) -> String {
        plain(&String::from_utf8_lossy(&self.body[..self.body.len().min(4 * MAX_TEXT)]), MAX_TEXT)
    }
}

/// Returns the error of a function, as Lambda reports it.
fn error_of(body: Option<&Value>) -> Option<String> {
    let error = body?;
    let (kind, message) = (error["errorType"].as_str()?, error["errorMessage"].as_str()?);
    // The type of an error in Rust is a long path, which says less than the message.
    let is_name = kind.chars().all(|c| c.is_ascii_alphanumeric() || "._".contains(c));
    Some(plain(&if is_name { format!("{kind}: {message}") } else { message.to_owned() }, MAX_TEXT))
}

/// Reads `batchItemFailures`. What Lambda does not understand fails the whole batch.
fn failed(failures: &Value, ids: &[&str]) -> Result<BTreeSet<String>, String> {
    let failures = failures.as_array().ok_or("batchItemFailures is not a list")?;
    let id = |failure: &Value| match failure["itemIdentifier"].as_str() {
        None => Err("an entry of batchItemFailures has no itemIdentifier".to_owned()),
        Some("") => Err("an itemIdentifier of batchItemFailures is empty".to_owned()),
        Some(id) if !ids.contains(&id) => Err(format!(
            "batchItemFailures names {}, which is not a message of the batch",
            plain(id, MAX_TEXT)
        )),
        Some(id) => Ok(id.to_owned()),
    };
    failures.iter().map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, is_function_error: bool, body: &str) -> Verdict {
        let (status, body) = (StatusCode::from_u16(status).unwrap(), body.as_bytes().to_vec());
        Response { status, is_function_error, body }.verdict(&["a", "b", "c"])
    }

    #[test]
    fn a_response_without_failures_is_a_success() {
        for body in ["", " \n", "null", "{}", r#"{"batchItemFailures":null}"#, r#"{"batchItemFailures":[]}"#]
        {
            assert_eq!(verdict(200, false, body), Verdict::Handled, "{body}");
        }
        assert_eq!(verdict(204, false, ""), Verdict::Handled);
        assert_eq!(verdict(200, false, r#"{"errorType":"x"}"#), Verdict::Handled);
    }

    #[test]
    fn the_named_messages_fail() {
        let body =
            r#"{"batchItemFailures":[{"itemIdentifier":"c"},{"itemIdentifier":"a"},{"itemIdentifier":"c"}]}"#;
        let failed = ["a", "c"].map(str::to_owned).into();
        assert_eq!(verdict(200, false, body), Verdict::Partial(failed));
    }

    #[test]
    fn what_lambda_does_not_understand_fails_the_whole_batch() {
        for (body, reason) in [
            ("ok", "the response is not valid JSON: ok"),
            (r#""ok""#, "the response is not a JSON object: \"ok\""),
            (r#"{"batchItemFailures":{}}"#, "batchItemFailures is not a list"),
            (r#"{"batchItemFailures":[{"id":"a"}]}"#, "an entry of batchItemFailures has no itemIdentifier"),
            (
                r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
                "an entry of batchItemFailures has no itemIdentifier",
            ),
            (r#"{"batchItemFailures":["a"]}"#, "an entry of batchItemFailures has no itemIdentifier"),
            (
                r#"{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":""}]}"#,
                "an itemIdentifier of batchItemFailures is empty",
            ),
            (
                r#"{"batchItemFailures":[{"itemIdentifier":"d"}]}"#,
                "batchItemFailures names d, which is not a message of the batch",
            ),
        ] {
            assert_eq!(verdict(200, false, body), Verdict::Failed(reason.to_owned()), "{body}");
        }
    }

    #[test]
    fn an_error_fails_the_whole_batch_whatever_the_body_says() {
        let failed = |reason: &str| Verdict::Failed(reason.to_owned());
        let error = r#"{"errorType":"KeyError","errorMessage":"'order'\n","stackTrace":[]}"#;
        assert_eq!(verdict(200, true, error), failed("KeyError: 'order'"));
        assert_eq!(verdict(200, false, error), failed("KeyError: 'order'"), "an emulator without the header");
        assert_eq!(verdict(200, true, r#"{"batchItemFailures":[]}"#), failed(r#"{"batchItemFailures":[]}"#));
        let rust = r#"{"errorType":"&alloc::boxed::Box<dyn Error>","errorMessage":"boom"}"#;
        assert_eq!(verdict(500, false, rust), failed("boom"), "as cargo lambda watch answers");
        assert_eq!(verdict(200, true, ""), failed("the function failed"));
        assert_eq!(verdict(500, false, r#"{"batchItemFailures":[]}"#), failed(r#"{"batchItemFailures":[]}"#));
        assert_eq!(verdict(503, false, ""), failed("503 Service Unavailable"));
        assert_eq!(verdict(302, false, ""), failed("302 Found"));
    }
}
