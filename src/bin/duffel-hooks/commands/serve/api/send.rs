//! Deliveries that the page asks for: a sample, or one that was received, as it was or with a mistake.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use duffel_webhook_receiver::{
    signature::{
        scheme::{KeyForm, Scheme, Time},
        secret::Key,
        sign::{Signing, sign},
    },
    time::unix_seconds,
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri,
    header::{CONTENT_TYPE, USER_AGENT},
};
use serde::Deserialize;

use super::Refused;
use crate::{
    NAME,
    commands::serve::inspector::{
        Inspector, KnownSource,
        delivery::{Content, Delivery},
    },
    shared::{
        made_up,
        query::{divide, with_query},
        samples::{
            catalogue::{self, new_id_header},
            ids::new_signed_id,
            renew::renew,
        },
    },
};

/// The age of a stale signature beyond the tolerance.
const BEYOND: Duration = Duration::from_mins(1);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    source: Option<String>,
    /// The type of a sample.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// The number of a delivery.
    delivery: Option<u64>,
    #[serde(rename = "as", default)]
    form: Form,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// Another event, with new ids.
    #[default]
    New,
    /// The same bytes with the same headers.
    Same,
    /// The same body, signed again.
    Resigned,
    /// Changed after it was signed.
    Tampered,
    /// Signed too long ago.
    Stale,
    /// Signed with a secret that is not active.
    OtherSecret,
}

/// A delivery before it is signed.
struct Draft {
    body: Bytes,
    headers: HeaderMap,
    /// The query of the URL, where some schemes have the signature.
    query: String,
    id: Option<String>,
}

/// Makes the request that the page asks for in JSON, and returns the number of the delivery that it is made from.
pub(super) fn request(inspector: &Inspector, order: &[u8]) -> Result<(Request<Bytes>, Option<u64>), Refused> {
    let order: Order = serde_json::from_slice(order).map_err(|error| unprocessable(error.to_string()))?;
    let original = order.delivery.map(|number| {
        let delivery = inspector.journal.find(number).ok_or_else(Refused::not_found)?;
        let content = delivery.content.clone().ok_or_else(gone)?;
        Ok::<_, Refused>((delivery, content))
    });
    let original = original.transpose()?;
    if let (Form::Same, Some((delivery, content))) = (order.form, &original) {
        return Ok((again(delivery, content)?, order.delivery));
    }
    let name = order.source.as_deref().or(original.as_ref().and_then(|(delivery, _)| delivery.source()));
    let name = name.ok_or_else(|| unprocessable("give a source: the delivery had none"))?;
    let source = inspector.source(name).ok_or_else(|| unprocessable(format!("there is no source {name}")))?;
    let mut draft = match (&order.kind, &original) {
        (Some(kind), None) => sample(&source.scheme, kind)?,
        (None, Some((_, content))) => repetition(&source.scheme, content, order.form)?,
        _ => return Err(unprocessable("give either type or delivery")),
    };
    match order.form {
        Form::Same => return Err(unprocessable("a sample cannot be sent again: give a delivery")),
        Form::Tampered => {
            // What was received keeps its signature, which needs no secret.
            if original.is_none() {
                draft.sign(source, &own_key(source)?, Duration::ZERO)?;
            }
            draft.body = tampered(&draft.body);
        }
        Form::Stale if source.scheme.time == Time::Nowhere => {
            return Err(unprocessable(format!(
                "signatures of the scheme {} have no time",
                source.scheme.name
            )));
        }
        Form::Stale => draft.sign(source, &own_key(source)?, source.tolerance + BEYOND)?,
        Form::OtherSecret => draft.sign(source, &other_key(source.scheme.key)?, Duration::ZERO)?,
        Form::New | Form::Resigned => draft.sign(source, &own_key(source)?, Duration::ZERO)?,
    }
    Ok((draft.request(name)?, order.delivery))
}

/// Signs the body of a delivery again, for a command that sends it.
pub(super) fn signed_again(source: &KnownSource, content: &Content) -> Result<HeaderMap, Refused> {
    let mut draft = repetition(&source.scheme, content, Form::Resigned)?;
    draft.sign(source, &own_key(source)?, Duration::ZERO)?;
    Ok(draft.headers)
}

/// Repeats a request as it was received.
fn again(delivery: &Delivery, content: &Content) -> Result<Request<Bytes>, Refused> {
    let method = Method::from_bytes(delivery.facts.summary.method.as_bytes());
    let mut request = Request::new(content.body.clone());
    *request.method_mut() = method.map_err(|_| unprocessable("its method is too long to repeat it"))?;
    *request.uri_mut() = content.uri.clone();
    *request.headers_mut() = content.headers.clone();
    Ok(request)
}

fn sample(scheme: &Scheme, kind: &str) -> Result<Draft, Refused> {
    let unknown =
        || unprocessable(format!("there is no sample of the type {kind} with the scheme {}", scheme.name));
    let sample = catalogue::find(Some(scheme.name), kind).ok_or_else(unknown)?;
    let made = sample.make(scheme, SystemTime::now());
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(NAME));
    let mut draft =
        Draft { body: made.body.to_string().into(), headers, query: String::new(), id: Some(made.id) };
    draft.set(made.headers)?;
    Ok(draft)
}

fn repetition(scheme: &Scheme, content: &Content, form: Form) -> Result<Draft, Refused> {
    let id = scheme.families.iter().filter_map(|family| family.id.as_deref());
    let id = id.filter_map(|name| content.headers.get(name));
    let id = id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()).next();
    let mut draft =
        Draft { body: content.body.clone(), headers: content.headers.clone(), query: String::new(), id };
    if form == Form::New {
        draft.body = renew(&content.body, scheme).map_err(unprocessable)?.body.into();
        draft.id = None;
        draft.set(new_id_header(scheme).into_iter().collect())?;
    }
    Ok(draft)
}

impl Draft {
    /// Signs the body, as of some time ago.
    fn sign(&mut self, source: &KnownSource, key: &Key, ago: Duration) -> Result<(), Refused> {
        let scheme = &source.scheme;
        let fits = |id: &String| match scheme.signed.id_width() {
            Some(width) => id.len() == width,
            None => !id.contains('.'),
        };
        let id = self.id.clone().filter(fits).unwrap_or_else(|| new_signed_id(scheme));
        let seconds = unix_seconds(SystemTime::now()).saturating_sub(ago.as_secs());
        let signing = Signing { label: None, id: &id, seconds };
        let signed = sign(scheme, key, signing, &self.body)
            .map_err(|_| unprocessable("it cannot be signed with this secret"))?;
        for family in &scheme.families {
            let signed_id = family.id.as_ref().filter(|_| scheme.signed.covers_id());
            for name in [Some(&family.signature), family.time.as_ref(), signed_id].into_iter().flatten() {
                self.headers.remove(name.as_ref());
            }
        }
        let (headers, query) = divide(signed);
        self.query = query;
        self.set(headers)
    }

    fn set(&mut self, headers: Vec<(String, String)>) -> Result<(), Refused> {
        for (name, value) in headers {
            let name =
                HeaderName::try_from(name).map_err(|_| unprocessable("a header's name is not valid"))?;
            let value = HeaderValue::try_from(value).map_err(|_| unprocessable("a header is not valid"))?;
            self.headers.insert(name, value);
        }
        Ok(())
    }

    fn request(self, source: &str) -> Result<Request<Bytes>, Refused> {
        let uri = Uri::try_from(with_query(&format!("/webhooks/{source}"), &self.query));
        let mut request = Request::new(self.body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.map_err(|_| unprocessable("the source's name is not valid in a path"))?;
        *request.headers_mut() = self.headers;
        Ok(request)
    }
}

fn own_key(source: &KnownSource) -> Result<Key, Refused> {
    let unknown = || {
        Refused::new(StatusCode::CONFLICT, format!("no secret of {} is known here to sign with", source.name))
    };
    source.signing_key().ok_or_else(unknown)
}

/// Makes a key that is not active anywhere.
fn other_key(form: KeyForm) -> Result<Key, Refused> {
    let secret = made_up::secret(form).and_then(|secret| secret.signing_key(form));
    secret.map_err(|error| unprocessable(error.to_string()))
}

/// Changes the last letter or digit.
fn tampered(body: &Bytes) -> Bytes {
    let mut bytes = body.to_vec();
    match bytes.iter_mut().rfind(|byte| byte.is_ascii_alphanumeric()) {
        Some(byte) => *byte = if matches!(*byte, b'z' | b'Z' | b'9') { *byte - 1 } else { *byte + 1 },
        None => bytes.push(b'0'),
    }
    bytes.into()
}

pub(super) fn gone() -> Refused {
    Refused::new(StatusCode::GONE, "the content of the delivery was dropped to keep newer ones")
}

fn unprocessable(reason: impl Into<String>) -> Refused {
    Refused::new(StatusCode::UNPROCESSABLE_ENTITY, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tampered_body_differs_in_one_letter_or_digit() {
        let tamper = |body: &'static str| tampered(&Bytes::from_static(body.as_bytes()));
        assert_eq!(tamper("{\"id\":\"az\"}"), "{\"id\":\"ay\"}");
        assert_eq!(tamper("[19]"), "[18]");
        assert_eq!(tamper("[0]"), "[1]");
        assert_eq!(tamper("{}"), "{}0");
    }
}
