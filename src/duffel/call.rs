//! Calls to Duffel: the retry policy, the deadline and the rate limit.

use std::{
    io, thread,
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderMap, Method, Request, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use ureq::{SendBody, Timeout};

use super::{Client, error::ApiError, response::Response};

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A ping takes as long as the endpoint's response.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);
/// The maximum size of a response: far more than 200 events have.
const MAX_RESPONSE_BYTES: u64 = 32 * 1024 * 1024;
const MAX_ATTEMPTS: u32 = 4;
/// The first wait if Duffel does not ask for one; each may be twice as long as the one before.
const BACKOFF: Duration = Duration::from_millis(500);
/// The longest wait that Duffel can ask for; a longer one is reported in the error instead.
const MAX_PAUSE: Duration = Duration::from_mins(2);

/// The retry policy of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// After every transient error: the call is idempotent.
    Always,
    /// As [`Retry::Always`]; a 404 on a retry counts as success: an earlier attempt deleted it.
    Delete,
    /// Only if the previous attempt certainly had no effect.
    OnlyIfNotSent,
}

impl Client {
    pub(super) fn call(
        &self,
        method: &Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
        retry: Retry,
    ) -> Result<Response, ApiError> {
        let mut uri = format!("{}{path}", self.url);
        for (index, (name, value)) in query.iter().enumerate() {
            uri.push(if index == 0 { '?' } else { '&' });
            uri.extend(utf8_percent_encode(name, NON_ALPHANUMERIC));
            uri.push('=');
            uri.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        let body = body.map(Value::to_string);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (mut error, asked) = match self.attempt(method, &uri, body.as_deref()) {
                Ok(answer) if answer.status.is_success() => return Ok(answer),
                Ok(answer) if attempt > 1 && retry == Retry::Delete && answer.status == 404 => {
                    return Ok(answer);
                }
                Ok(answer) => (answer.refusal(), answer.pause(SystemTime::now())),
                Err(error) => (error, None),
            };
            if attempt == MAX_ATTEMPTS || !may_retry(&error, retry) {
                return Err(error);
            }
            let pause = match asked {
                Some(asked) if asked > MAX_PAUSE => {
                    if let ApiError::Refused { retry_after, .. } = &mut error {
                        *retry_after = Some(asked);
                    }
                    return Err(error);
                }
                // HTTP dates have whole seconds, and other clients wait for the same one.
                Some(asked) => asked + Duration::from_millis(fastrand::u64(50..=500)),
                None => BACKOFF.mul_f64(fastrand::f64() * f64::from(1 << (attempt - 1))),
            };
            if self.deadline.is_some_and(|deadline| Instant::now() + pause >= deadline) {
                return Err(error);
            }
            (self.on_wait)(&error, pause);
            thread::sleep(pause);
        }
    }

    fn attempt(&self, method: &Method, uri: &str, body: Option<&str>) -> Result<Response, ApiError> {
        let left = match self.deadline {
            None => CALL_TIMEOUT,
            Some(deadline) => match deadline.saturating_duration_since(Instant::now()) {
                Duration::ZERO => return Err(ApiError::Deadline),
                left => left.min(CALL_TIMEOUT),
            },
        };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header("Duffel-Version", "v2")
            .header(header::ACCEPT, "application/json");
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let has_body = body.is_some() || *method == Method::POST;
        let answer = if has_body {
            let request = request.body(body.unwrap_or_default()).map_err(|_| ApiError::Url("not a URL"))?;
            let request = self.agent.configure_request(request).timeout_global(Some(left)).build();
            self.agent.run(request)
        } else {
            let request = request.body(SendBody::none()).map_err(|_| ApiError::Url("not a URL"))?;
            let request = self.agent.configure_request(request).timeout_global(Some(left)).build();
            self.agent.run(request)
        };
        let (parts, mut body) = answer.map_err(failure)?.into_parts();
        let read = body.with_config().limit(MAX_RESPONSE_BYTES).read_to_vec().map_err(failure)?;
        let (status, headers): (StatusCode, HeaderMap) = (parts.status, parts.headers);
        if status.is_success() {
            return Ok(Response::new(status, headers, &read));
        }
        // A refusal may quote the request, and is shown.
        let bearer = self.authorization.to_str().unwrap_or_default();
        let token = bearer.trim_start_matches("Bearer ");
        let redacted = String::from_utf8_lossy(&read).replace(token, "(token)");
        Ok(Response::new(status, headers, redacted.as_bytes()))
    }
}

/// Duffel asks not to retry after 500 or 502.
fn may_retry(error: &ApiError, retry: Retry) -> bool {
    match error {
        ApiError::Refused { status, .. } if *status == StatusCode::TOO_MANY_REQUESTS => true,
        ApiError::Refused { status, .. } => {
            let may_pass = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT].contains(status);
            may_pass && retry != Retry::OnlyIfNotSent
        }
        ApiError::Unreachable(_) => true,
        ApiError::ConnectionLost(_) | ApiError::TimedOut => retry != Retry::OnlyIfNotSent,
        _ => false,
    }
}

fn failure(error: ureq::Error) -> ApiError {
    match error {
        ureq::Error::HostNotFound => ApiError::Unreachable("its host name cannot be resolved".to_owned()),
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            ApiError::Unreachable("the connection timed out".to_owned())
        }
        ureq::Error::Timeout(_) => ApiError::TimedOut,
        ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => {
            ApiError::Unreachable(error.to_string())
        }
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            ApiError::Unreachable("the connection was refused".to_owned())
        }
        ureq::Error::BodyExceedsLimit(_) => ApiError::TooLong,
        error => ApiError::ConnectionLost(error.to_string()),
    }
}
