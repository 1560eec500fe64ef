//! Texts of handshakes: which of them may be repeated, signed or logged.

use hmac::{Hmac, KeyInit, Mac, digest::CtOutput};
use sha2::Sha256;

use crate::signature::scheme::{Algorithm, Scheme};

/// The longest text that is repeated in an answer.
const MAX_CHALLENGE_CHARS: usize = 1024;
/// The longest text that is signed.
pub(super) const MAX_SIGNED_CHARS: usize = 128;
/// The longest secret that is announced.
const MAX_ANNOUNCED_CHARS: usize = 256;

/// Compares in a time that does not depend on the texts.
pub(super) fn is_equal(one: &str, other: &str) -> bool {
    let mac = |text: &str| -> CtOutput<Hmac<Sha256>> {
        let mut mac = Hmac::new_from_slice(b"verify token").expect("HMAC accepts a key of any length");
        mac.update(text.as_bytes());
        mac.finalize()
    };
    mac(one) == mac(other)
}

/// Printable ASCII without the brackets of HTML: what an answer may repeat although nobody signed it.
pub(super) fn is_challenge(text: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'<' | b'>');
    (1..=MAX_CHALLENGE_CHARS).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Without any character that separates time, id and body in signed bytes: no HMAC of it can be a delivery's signature.
pub(super) fn is_signable(text: &str) -> bool {
    (1..=MAX_SIGNED_CHARS).contains(&text.len()) && !text.contains(is_separator)
}

/// A character that is in no text to sign.
fn is_separator(character: char) -> bool {
    !(character.is_ascii_alphanumeric() || matches!(character, '-' | '_'))
}

/// Returns `true` if no text that a handshake may have signed can be the signed content of a delivery.
pub fn is_safe_to_sign(scheme: &Scheme) -> bool {
    scheme.key.algorithm == Algorithm::HmacSha256 && scheme.signed.always_has(is_separator)
}

/// The characters of hex, base64 and tokens.
pub(super) fn is_announceable(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte);
    (1..=MAX_ANNOUNCED_CHARS).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_to_sign_has_no_separator() {
        for text in ["qgg8vlvZRS6UYooatFL8Aw", "a", "A-_9", &"a".repeat(128)] {
            assert!(is_signable(text), "{text}");
        }
        for text in ["", "v0:1795262400:{}", "a.b", "a:b", "a b", "a\n", "é", "a=", "a/b", &"a".repeat(129)]
        {
            assert!(!is_signable(text), "{text}");
        }
    }

    #[test]
    fn a_text_to_repeat_is_plain() {
        for text in ["1158201444", "Validation: Testing client application", "a&b=\"c\"", &"a".repeat(1024)] {
            assert!(is_challenge(text), "{text}");
        }
        for text in ["", "<script>", "a>b", "a\r\nSet-Cookie: x", "\u{7f}", "é", &"a".repeat(1025)] {
            assert!(!is_challenge(text), "{text}");
        }
    }

    #[test]
    fn verify_tokens_are_equal_as_a_whole() {
        assert!(is_equal("hush", "hush"));
        for other in ["", "hus", "hush ", "Hush"] {
            assert!(!is_equal("hush", other), "{other}");
        }
    }
}
