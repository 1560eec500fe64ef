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
