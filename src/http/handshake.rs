//! Handshakes that nobody signs: answered beside the pipeline, so that nothing of them can reach the queue.

use std::time::SystemTime;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request, Response,
    header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};

use super::{delivery, header, query};
use crate::{
    json::pointer,
    receive::{
        Outcome, Refusal, Source,
        handshake::{HandshakeError, Registration, Reply},
    },
    signature::scheme::{ChallengeMethod, Handshake},
};

/// The most digits of the number in a ping.
const MAX_PING_DIGITS: usize = 20;

/// The most bytes of a body that announces a secret.
const MAX_TOKEN_BODY: usize = 4096;

/// The result of a request that is an unsigned handshake; `None` for any other request, which may be a delivery.
pub(super) fn result(
    source: &Source,
    request: &Request<Bytes>,
    now: SystemTime,
) -> Option<Result<Outcome, Refusal>> {
    let registration = source.registration.as_ref()?;
    let reply = reply(source, registration, request, now)?;
    Some(reply.map(Outcome::Handshake).map_err(Refusal::from))
}

/// Returns the methods that a source accepts.
pub(super) fn methods(source: &Source) -> &'static str {
    match source.registration.as_ref().map(|registration| &registration.handshake) {
        Some(Handshake::Query { method: ChallengeMethod::Get, .. }) => "GET, POST",
        Some(Handshake::Head) => "HEAD, POST",
        _ => "POST",
    }
}

fn reply(
    source: &Source,
    registration: &Registration,
    request: &Request<Bytes>,
    now: SystemTime,
) -> Option<Result<Reply, HandshakeError>> {
    let is_unsigned_post = || request.method() == Method::POST && !has_signature(source, request);
    match &registration.handshake {
        Handshake::Head => (request.method() == Method::HEAD).then_some(Ok(Reply::Empty)),
        Handshake::Query { method, challenge, requires, verify_token } => {
            let method = match method {
                ChallengeMethod::Get => Method::GET,
                ChallengeMethod::Post => Method::POST,
            };
            // A delivery has a body or a signature, and must not be taken for a challenge because of its URL.
            if *request.method() != method || !request.body().is_empty() || has_signature(source, request) {
                return None;
            }
            // Unlike base64 in a signature, a challenge has spaces as plus signs.
            let text = request.uri().query().unwrap_or_default().replace('+', "%20");
            let value = |name: &str| query::parameter(&text, name);
            if let Some((name, constant)) = requires
                && value(name).as_deref() != Some(constant)
            {
                return None;
            }
            let verify_token = verify_token.as_deref();
            if [Some(&**challenge), verify_token].into_iter().flatten().all(|name| !query::has(&text, name)) {
                return None;
            }
            let (challenge, verify_token) = (value(challenge), verify_token.and_then(value));
            Some(registration.reply_to_challenge(challenge.as_deref(), verify_token.as_deref()))
        }
        Handshake::Ping { prefix } => {
            (is_unsigned_post() && is_ping(request.body(), prefix)).then_some(Ok(Reply::Empty))
        }
        Handshake::Header { name } => {
            if !is_unsigned_post() {
                return None;
            }
            let secret = header(request.headers(), name)?;
            let announced = registration.announce(source.verifier.source(), &secret, now)?;
            Some(announced.map(|()| Reply::Header(name.clone(), secret)))
        }
        Handshake::Token { pointer } => {
            if !is_unsigned_post() || request.body().len() > MAX_TOKEN_BODY {
                return None;
            }
            let [secret] = pointer::read(request.body(), [Some(&**pointer)]).ok()?;
            let secret: String = serde_json::from_str(secret?.get()).ok()?;
            let announced = registration.announce(source.verifier.source(), &secret, now)?;
            Some(announced.map(|()| Reply::Empty))
        }
        // Signed ones are answered by the pipeline.
        Handshake::Signed { .. } | Handshake::Hmac { .. } => None,
    }
}

/// Returns `true` if the request has a signature of the source's scheme, so that the pipeline has to verify it.
fn has_signature(source: &Source, request: &Request<Bytes>) -> bool {
    let scheme = source.verifier.scheme();
    let delivery = delivery(scheme, request.headers(), request.uri().query(), Bytes::new(), None);
    let mut signatures = scheme.families.iter().map(|family| &family.signature);
    signatures.any(|name| delivery.headers.iter().any(|(known, _)| known == name))
}

/// Returns `true` if a body is the prefix and a number, and nothing else.
fn is_ping(body: &[u8], prefix: &str) -> bool {
    body.strip_prefix(prefix.as_bytes()).is_some_and(|number| {
        (1..=MAX_PING_DIGITS).contains(&number.len()) && number.iter().all(u8::is_ascii_digit)
    })
}

/// Puts a reply into a response, instead of the word that is there.
pub(super) fn put(reply: &Reply, response: &mut Response<String>) {
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    let text = match reply {
        Reply::Text(text) => {
            // A browser must not find HTML in it.
            set(CONTENT_TYPE, "text/plain; charset=utf-8");
            set(X_CONTENT_TYPE_OPTIONS, "nosniff");
            text.clone()
        }
        Reply::Json(text) => {
            set(X_CONTENT_TYPE_OPTIONS, "nosniff");
            text.clone()
        }
        Reply::Header(name, value) => {
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                set(name, value);
            }
            String::new()
        }
        Reply::Empty => String::new(),
    };
    if text.is_empty() {
        response.headers_mut().remove(CONTENT_TYPE);
    }
    *response.body_mut() = text;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_has_one_form() {
        for body in ["webhook_id=5", "webhook_id=12345678901234567890"] {
            assert!(is_ping(body.as_bytes(), "webhook_id="), "{body}");
        }
        for body in [
            "",
            "webhook_id=",
            "webhook_id=5 ",
            "webhook_id=5&x=1",
            "xwebhook_id=5",
            "webhook_id=-5",
            "webhook_id=5\n",
            "webhook_id=123456789012345678901",
            "WEBHOOK_ID=5",
        ] {
            assert!(!is_ping(body.as_bytes(), "webhook_id="), "{body}");
        }
    }
}
