//! Signing as a provider does, by the same schemes: for the tool and the tests.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::Mac;

use super::{
    SignatureError,
    scheme::{Encoding, Layout, Scheme, Time},
    secret::Key,
};

/// The input of a signature besides key and body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signing<'a> {
    /// The label, if the scheme has labels; by default its last, as in `v2`.
    pub label: Option<&'a str>,
    /// The delivery's id, if the scheme signs it; without a dot.
    pub id: &'a str,
    /// The time, in seconds since the epoch.
    pub seconds: u64,
}

/// Signs a body as the scheme's provider does. Returns the headers of the scheme's first family, the signature's last.
///
/// # Errors
/// If the key is a public key, or the scheme signs an id and none is given.
///
/// # Examples
/// Signs and verifies the delivery that
/// [Duffel's Ruby library](https://github.com/duffelhq/duffel-api-ruby/blob/main/spec/duffel_api/webhook_event_spec.rb)
/// publishes with its signature:
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// use bytes::Bytes;
/// use duffel_webhook_receiver::signature::{
///     Delivery, Verifier,
///     scheme::Scheme,
///     secret::Secret,
///     sign::{Signing, sign},
/// };
///
/// let body = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/events/bodies/order.updated.json"));
/// let scheme = Scheme::duffel();
/// let key = Secret::new("a_secret")?.key(scheme.key)?;
/// let signing = Signing { label: Some("v1"), seconds: 1_641_667_496, ..Signing::default() };
/// let headers = sign(&scheme, &key, signing, body.as_bytes())?;
/// let published = "t=1641667496,v1=691f25ffb1f206c0fda5bb7b1a9d60fafe42c5f42819d44a06a7cfe09486f102";
/// assert_eq!(headers, [("x-duffel-signature".to_owned(), published.to_owned())]);
///
/// let verifier = Verifier::new("duffel", scheme, vec![key], Duration::from_hours(7 * 24));
/// let headers = headers.into_iter().map(|(name, value)| (name.into(), value)).collect();
/// let delivery = Delivery { headers, body: Bytes::from(body), trace: None };
/// let verified = verifier.verify(delivery, UNIX_EPOCH + Duration::from_secs(1_641_667_500))?;
/// assert_eq!(verified.timestamp(), Some(1_641_667_496));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn sign(
    scheme: &Scheme,
    key: &Key,
    signing: Signing<'_>,
    body: &[u8],
) -> Result<Vec<(String, String)>, SignatureError> {
    let time = signing.seconds.to_string();
    let prefix = scheme.signed.prefix(Some(signing.id), Some(&time))?;
    let [id, dot, signed_time, last_dot] = prefix.map(str::as_bytes);
    let parts = [id, dot, signed_time, last_dot, body];
    let mac = key.mac(&parts).ok_or(SignatureError::Mismatch)?.finalize().into_bytes();
    let mac = match scheme.encoding {
        Encoding::Hex => hex::encode(mac),
        Encoding::Base64 => STANDARD.encode(mac),
    };
    let value = match &scheme.layout {
        Layout::Labelled(labels) => {
            let label = signing.label.or(labels.last().copied()).unwrap_or_default();
            format!("t={time},{label}={mac}")
        }
        Layout::Versioned => format!("v1,{mac}"),
        Layout::Single(prefix) => format!("{prefix}{mac}"),
    };
    let family = scheme.families.first().cloned().unwrap_or_default();
    let id = family.id.filter(|_| scheme.signed.covers_id()).map(|name| (name, signing.id.to_owned()));
    let time = family.time.filter(|_| scheme.time == Time::Header).map(|name| (name, time));
    let headers = id.into_iter().chain(time).chain([(family.signature, value)]);
    Ok(headers.map(|(name, value)| (name.into_owned(), value)).collect())
}
