//! The mistakes with a secret.

use base64::{Engine, engine::general_purpose::STANDARD};
use duffel_webhook_receiver::signature::{
    scheme::{Algorithm, KeyEncoding, KeyForm},
    secret::{Key, Secret},
};

const QUOTES: [char; 2] = ['"', '\''];
const PREFIX: &str = "whsec_";

/// Returns the keys that a mistake makes of a secret, each with what is changed, as it follows "it would match".
pub(super) fn variants(secret: &Secret, form: KeyForm) -> Vec<(&'static str, Key)> {
    let text = secret.expose();
    let as_configured = |text: &str| Secret::new(text).ok()?.key(form).ok();
    let as_bytes = |bytes: &[u8]| key_of(bytes, form.algorithm);
    let decoded = |text: &str| STANDARD.decode(text).ok();
    let unquoted = text.trim_matches(QUOTES);
    let unnamed = text.split_once('=').map(|(_, value)| value.trim_matches(QUOTES)).unwrap_or_default();
    let solid: String = text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    let bare = text.strip_prefix(PREFIX);
    let is_raw = form.encoding == KeyEncoding::Raw;
    let is_hex = form.encoding == KeyEncoding::Hex;
    let own = as_configured(text);
    [
        ("without the quotes around it", as_configured(unquoted)),
        ("with quotes around it", as_bytes(format!("\"{text}\"").as_bytes())),
        ("with single quotes around it", as_bytes(format!("'{text}'").as_bytes())),
        ("with a newline at its end", as_bytes(format!("{text}\n").as_bytes())),
        ("with CR and LF at its end", as_bytes(format!("{text}\r\n").as_bytes())),
        ("with a space at its end", as_bytes(format!("{text} ").as_bytes())),
        ("without the part before its =", as_configured(unnamed)),
        ("without the white space in it", as_configured(&solid)),
        (
            "decoded from base64",
            decoded(text).filter(|_| is_raw || is_hex).and_then(|bytes| as_bytes(&bytes)),
        ),
        ("decoded from hex", hex::decode(text).ok().and_then(|bytes| as_bytes(&bytes))),
        (
            if is_hex {
                "with its characters as the key, not decoded from hex"
            } else {
                "with its characters as the key, not decoded from base64"
            },
            as_bytes(text.as_bytes()).filter(|_| !is_raw),
        ),
        (
            "with the public key that belongs to it: it is a private key",
            secret.signing_key(form).ok().filter(|_| form.algorithm.is_public()),
        ),
        (
            "without whsec_, and with its characters as the key",
            bare.and_then(|bare| as_bytes(bare.as_bytes())),
        ),
        (
            "without whsec_, and decoded from base64",
            bare.filter(|_| is_raw).and_then(decoded).and_then(|bytes| as_bytes(&bytes)),
        ),
        ("with whsec_ before it", as_bytes(format!("{PREFIX}{text}").as_bytes()).filter(|_| bare.is_none())),
    ]
    .into_iter()
    .filter_map(|(change, key)| Some((change, key?)))
    .filter(|(_, key)| own.as_ref().is_none_or(|own| !own.verifies_as(key)))
    .collect()
}

/// Makes a key of any bytes; `None` if it is a public key, which no such mistake makes.
fn key_of(bytes: &[u8], algorithm: Algorithm) -> Option<Key> {
    let form = KeyForm { algorithm, encoding: KeyEncoding::Base64 };
    let secret = Secret::new(&STANDARD.encode(bytes)).ok()?;
    secret.key(form).ok().filter(|_| !algorithm.is_public())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(ours: &str, theirs: &[u8], form: KeyForm) -> Option<&'static str> {
        let theirs = key_of(theirs, form.algorithm).unwrap();
        let variants = variants(&Secret::new(ours).unwrap(), form);
        variants.into_iter().find(|(_, key)| key.verifies_as(&theirs)).map(|(change, _)| change)
    }

    #[test]
    fn each_mistake_is_found_in_either_direction() {
        let raw = |ours, theirs: &str| change(ours, theirs.as_bytes(), KeyForm::RAW);
        assert_eq!(raw("\"hush\"", "hush"), Some("without the quotes around it"));
        assert_eq!(raw("hush", "\"hush\""), Some("with quotes around it"));
        assert_eq!(raw("hush", "hush\n"), Some("with a newline at its end"));
        assert_eq!(raw("SECRET='hush'", "hush"), Some("without the part before its ="));
        assert_eq!(raw("hu sh", "hush"), Some("without the white space in it"));
        assert_eq!(raw("aHVzaA==", "hush"), Some("decoded from base64"));
        assert_eq!(raw("68757368", "hush"), Some("decoded from hex"));
        assert_eq!(raw("whsec_aHVzaA==", "hush"), Some("without whsec_, and decoded from base64"));
        assert_eq!(raw("whsec_hush", "hush"), Some("without whsec_, and with its characters as the key"));
        assert_eq!(raw("hush", "whsec_hush"), Some("with whsec_ before it"));
        assert_eq!(raw("hush", "other"), None);
        let whsec = |ours, theirs: &str| change(ours, theirs.as_bytes(), KeyForm::WHSEC);
        let as_text = "with its characters as the key, not decoded from base64";
        assert_eq!(whsec("whsec_aHVzaA==", "whsec_aHVzaA=="), Some(as_text));
        assert_eq!(
            whsec("whsec_aHVzaA==", "aHVzaA=="),
            Some("without whsec_, and with its characters as the key")
        );
    }

    #[test]
    fn a_variant_is_never_the_secret_itself() {
        let secret = Secret::new("hush").unwrap();
        let own = secret.key(KeyForm::RAW).unwrap();
        assert!(variants(&secret, KeyForm::RAW).iter().all(|(_, key)| !key.verifies_as(&own)));
    }
}
