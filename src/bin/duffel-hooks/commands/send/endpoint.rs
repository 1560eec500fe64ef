//! The endpoint of a receiver, as its provider calls it.

use std::time::Duration;

use http::{StatusCode, Uri};

use crate::shared::{
    Result,
    query::{divide, with_query},
};

/// A receiver responds within 10 s, and a gateway within 30 s.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A receiver's URL, and the connection to it.
pub(crate) struct Endpoint {
    agent: ureq::Agent,
    url: String,
}

impl Endpoint {
    pub(crate) fn new(url: &str) -> Self {
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT)).build();
        Self { agent: config.new_agent(), url: url.to_owned() }
    }

    /// Delivers a body with these headers, of which those whose name begins with a question mark go into the query.
    /// Returns the status and the body of the response.
    pub(crate) fn post(&self, headers: &[(String, String)], body: &[u8]) -> Result<(StatusCode, String)> {
        let Self { agent, url } = self;
        let (headers, query) = divide(headers.to_vec());
        let request = agent.post(with_query(url, &query)).header("Content-Type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let explain = |error| match error {
            ureq::Error::Timeout(_) => format!("no response from {url} within {} s", TIMEOUT.as_secs()),
            error => format!("no response from {url} ({error}): is the receiver running there?"),
        };
        let mut response = request.send(body).map_err(explain)?;
        let text = response.body_mut().read_to_string().map_err(explain)?;
        Ok((response.status(), text))
    }
}

/// Returns a question about the reason for a refusal, to follow the status; empty if the status says enough.
pub(crate) fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => ": is WEBHOOK_SECRET the receiver's?",
        StatusCode::NOT_FOUND => ": does the URL end in /webhooks/NAME?",
        _ => "",
    }
}

pub(crate) fn parse_url(text: &str) -> std::result::Result<String, String> {
    if !text.contains("://") {
        return Err(format!("it is not a valid URL: did you mean http://{text}?"));
    }
    let uri: Uri = text.parse().map_err(|error| format!("it is not a valid URL ({error})"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") if cfg!(feature = "https") => {}
        Some("https") => {
            return Err("this build has no HTTPS support: build without --no-default-features".to_owned());
        }
        _ => return Err("it must begin with http:// or https://".to_owned()),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err("it has no host".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_urls_with_a_host_are_accepted() {
        assert!(parse_url("http://[::1]:4567/webhooks/duffel").is_ok());
        for (url, reason) in [
            ("localhost:4567/webhooks/duffel", "did you mean http://localhost:4567/webhooks/duffel?"),
            ("http://", "not a valid URL"),
            ("ftp://example.com/", "must begin with http:// or https://"),
            ("http://:4567/", ""),
        ] {
            let error = parse_url(url).unwrap_err();
            assert!(error.contains(reason), "{url}: {error}");
        }
    }
}
