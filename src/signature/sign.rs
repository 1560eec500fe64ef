//! Signing as a provider does, by the same schemes: for the tool and the tests.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

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
    /// The delivery's id, if the scheme signs it; without the separator after it.
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
    let time = scheme.time_unit.format(signing.seconds);
    let joined = scheme.signed.join(Some(signing.id), Some(&time), scheme.time_unit)?;
    let signature = key.sign(&joined, body).ok_or(SignatureError::Mismatch)?;
    let signature = match scheme.encoding {
        Encoding::Hex => hex::encode(signature),
        Encoding::Base64 => STANDARD.encode(signature),
        Encoding::Base64Url => URL_SAFE_NO_PAD.encode(signature),
        Encoding::Text => String::from_utf8_lossy(&signature).into_owned(),
    };
    let value = match &scheme.layout {
        Layout::Plain { prefix, .. } => format!("{prefix}{signature}"),
        Layout::Labelled { separator, assign, time: time_label, labels } => {
            let of_key = labels.iter().rfind(|label| label.algorithm == key.algorithm());
            let label = signing.label.or(of_key.map(|label| &*label.name)).unwrap_or_default();
            let time = time_label.as_ref().map(|label| format!("{label}{assign}{time}{separator}"));
            format!("{}{label}{assign}{signature}", time.unwrap_or_default())
        }
    };
    let family = scheme.families.first().cloned().unwrap_or_default();
    let id = family.id.filter(|_| scheme.signed.covers_id()).map(|name| (name, signing.id.to_owned()));
    let time = family.time.filter(|_| scheme.time == Time::Header).map(|name| (name, time));
    let headers = id.into_iter().chain(time).chain([(family.signature, value)]);
    Ok(headers.map(|(name, value)| (name.into_owned(), value)).collect())
}
