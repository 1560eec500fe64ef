//! A response of Duffel: JSON as a rule, and of anything else only an excerpt.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::{
    error::{ApiError, Problem},
    record::Record,
};

/// A response with its whole body.
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// `None` if it is not JSON.
    pub(super) body: Option<Value>,
    /// The first words of a failure that is not JSON; a success may hold a secret.
    pub(super) excerpt: String,
}

impl Response {
    pub(super) fn new(status: StatusCode, headers: HeaderMap, body: &[u8]) -> Self {
        let value = serde_json::from_slice(body).ok();
        let is_shown = value.is_none() && !status.is_success();
        let excerpt = if is_shown { first_words(body) } else { String::new() };
        Self { status, headers, body: value, excerpt }
    }

    /// The content of the envelope.
    pub(super) fn data(&self) -> Result<Value, ApiError> {
        self.body.as_ref().and_then(|body| body.get("data")).cloned().ok_or_else(|| self.unreadable())
    }

    pub(super) fn record<T: Record>(&self, raw: Value) -> Result<T, ApiError> {
        let id = raw["id"].as_str().filter(|id| !id.is_empty()).ok_or_else(|| self.unreadable())?.to_owned();
        Ok(T::read(id, raw))
    }

    /// The cursor of the next page, if there is one.
    pub(super) fn after(&self) -> Option<String> {
        let after = self.body.as_ref()?["meta"]["after"].as_str()?;
        Some(after.to_owned()).filter(|after| !after.is_empty())
    }

    /// Makes the error of a status other than 2xx.
    pub(super) fn refusal(&self) -> ApiError {
        ApiError::Refused {
            status: self.status,
            problems: self.problems(),
            excerpt: self.excerpt.clone(),
            request: self.request(),
            retry_after: None,
        }
    }

    pub(super) fn unreadable(&self) -> ApiError {
        ApiError::Unreadable { status: self.status, request: self.request() }
    }

    /// The wait before a retry that the response asks for.
    pub(super) fn pause(&self, now: SystemTime) -> Option<Duration> {
        // The clocks may differ: what counts is the difference of the response's own two times.
        let date = self.text(header::DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
        let now = date.unwrap_or(now);
        let until = |text: &str| match text.parse() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()),
        };
        let header = |name| self.text(name).and_then(until);
        // Any response may have the time of the reset, whatever is wrong with it.
        let is_limited = self.status == StatusCode::TOO_MANY_REQUESTS;
        header("retry-after").max(header("ratelimit-reset").filter(|_| is_limited))
    }

    fn text(&self, name: &str) -> Option<&str> {
        Some(self.headers.get(name)?.to_str().ok()?.trim())
    }

    /// The request's id, which Duffel's support asks for.
    pub(super) fn request(&self) -> Option<String> {
        let id = self.body.as_ref().and_then(|body| body["meta"]["request_id"].as_str());
        id.or_else(|| self.text("x-request-id")).map(|id| plain(id, 100))
    }

    /// The problems that the envelope lists.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let errors = self.body.as_ref().and_then(|body| body["errors"].as_array());
        let text = |value: &Value| value.as_str().map(|text| plain(text, 400));
        let problem = |error: &Value| Problem {
            kind: text(&error["type"]),
            title: text(&error["title"]),
            message: text(&error["message"]),
            code: text(&error["code"]),
            source: text(&error["source"]["pointer"]).or_else(|| text(&error["source"]["parameter"])),
        };
        let says_something = |problem: &Problem| *problem != Problem::default();
        errors.into_iter().flatten().map(problem).filter(says_something).collect()
    }
}

/// Makes a text fit for a terminal: without control characters and line breaks, and cut off at a length.
#[must_use]
pub fn plain(text: &str, limit: usize) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let text = words.join(" ").replace(|c: char| c.is_control(), "\u{fffd}");
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The title of an HTML page, or else its text.
fn first_words(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let lower = body.to_ascii_lowercase();
    let title = lower.find("<title>").map(|at| at + 7).and_then(|start| {
        let end = lower[start..].find("</title>")?;
        Some(plain(&body[start..start + end], 80))
    });
    title.unwrap_or_else(|| {
        let outside = body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        plain(&outside.collect::<Vec<_>>().join(" "), 80)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn pause(headers: &[(&'static str, &'static str)]) -> Option<Duration> {
        pause_at(StatusCode::TOO_MANY_REQUESTS, headers)
    }

    fn pause_at(status: StatusCode, headers: &[(&'static str, &'static str)]) -> Option<Duration> {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let now = httpdate::parse_http_date(NOW).unwrap();
        Response::new(status, headers, b"").pause(now)
    }

    #[test]
    fn a_wait_is_given_in_seconds_or_as_a_date() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(pause(&[]), None);
        assert_eq!(pause(&[("retry-after", "soon")]), None);
        assert_eq!(pause(&[("retry-after", "7")]), seconds(7));
        assert_eq!(pause(&[("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT")]), seconds(3));
        assert_eq!(pause(&[("ratelimit-reset", "Sun, 06 Nov 1994 08:50:37 GMT")]), seconds(60));
        assert_eq!(pause(&[("ratelimit-reset", "Sun, 06 Nov 1994 08:49:30 GMT")]), seconds(0));
        assert_eq!(pause(&[("ratelimit-reset", "5"), ("retry-after", "7")]), seconds(7));
        let busy = |headers: &[_]| pause_at(StatusCode::SERVICE_UNAVAILABLE, headers);
        assert_eq!(busy(&[("ratelimit-reset", "5")]), None);
        assert_eq!(busy(&[("ratelimit-reset", "5"), ("retry-after", "3")]), seconds(3));
    }

    #[test]
    fn a_date_is_measured_by_the_clock_that_wrote_it() {
        let reset = ("ratelimit-reset", "Sun, 06 Nov 1994 09:49:40 GMT");
        assert_eq!(pause(&[reset, ("date", "Sun, 06 Nov 1994 09:49:37 GMT")]), Some(Duration::from_secs(3)));
    }

    #[test]
    fn an_excerpt_of_a_page_is_its_first_words() {
        assert_eq!(first_words(b"<html><head>\n<TITLE>503  Down</TITLE>"), "503 Down");
        assert_eq!(first_words(b"<h1>Bad &amp; <b>bold</b></h1>\r\n<hr>nginx"), "Bad &amp; bold nginx");
        assert_eq!(first_words("\u{130}<title>\u{130}</title>".as_bytes()), "\u{130}");
        assert_eq!(first_words(&[b'x'; 9999]).chars().count(), 81);
        assert_eq!(first_words(b"\xff\x1b[0m"), "\u{fffd}\u{fffd}[0m");
        assert_eq!(first_words(b""), "");
    }

    #[test]
    fn the_envelope_lists_the_problems() {
        let body = br#"{"meta":{"request_id":"FsLh"},"errors":[
            {"type":"validation_error","title":"T.","message":"M","code":"c","source":{"pointer":"/data/url"}},
            {"code":5,"source":{"parameter":"limit"}}, null]}"#;
        let error = Response::new(StatusCode::UNPROCESSABLE_ENTITY, HeaderMap::new(), body).refusal();
        let text = "Duffel answered 422 Unprocessable Entity: T: M (c, /data/url); (limit) [request FsLh]";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.request_id(), Some("FsLh"));
        assert_eq!(error.problems()[0].kind.as_deref(), Some("validation_error"));
    }
}
