//! The parser of a signature's header: signatures with their labels and, in some schemes, the time.

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::Signature;

use super::scheme::{Encoding, Layout, Scheme};

/// The longest header that is parsed. It bounds the number of signatures as well: some sixty HMACs, each compared in a
/// few nanoseconds.
const MAX_HEADER_BYTES: usize = 4096;

/// The most digits of a time: enough for seconds until the year 318857.
const MAX_TIMESTAMP_DIGITS: usize = 13;

/// The most Ed25519 signatures that are checked: each costs a pass over the body, forged or not. A rotation needs two.
const MAX_ED25519: usize = 4;

/// A parsed header.
pub(crate) struct Header<'a> {
    pub(crate) time: Option<&'a str>,
    pub(crate) signatures: Signatures,
}

/// Signatures with their labels. A key is only compared with those of its own kind.
#[derive(Default)]
pub(crate) struct Signatures {
    pub(crate) hmac: Vec<(&'static str, [u8; 32])>,
    pub(crate) ed25519: Vec<(&'static str, Signature)>,
}

impl Signatures {
    /// Adds a signature of 32 bytes, and ignores anything else.
    fn add(&mut self, label: &'static str, bytes: Option<Vec<u8>>) {
        self.hmac.extend(bytes.and_then(|bytes| Some((label, bytes.try_into().ok()?))));
    }

    fn add_ed25519(&mut self, label: &'static str, bytes: Option<Vec<u8>>) {
        self.ed25519.extend(bytes.and_then(|bytes| Some((label, Signature::from_slice(&bytes).ok()?))));
    }
}

impl<'a> Header<'a> {
    /// Parses a header of at most 4096 bytes with at least one signature and at most one time. Unknown elements are
    /// ignored.
    pub(crate) fn parse(text: &'a str, scheme: &Scheme) -> Option<Self> {
        if text.len() > MAX_HEADER_BYTES {
            return None;
        }
        let mut time = None;
        let mut signatures = Signatures::default();
        let decode = |text: &str| match scheme.encoding {
            Encoding::Hex => hex::decode(text).ok(),
            Encoding::Base64 => STANDARD.decode(text).ok(),
        };
        match &scheme.layout {
            Layout::Labelled(labels) => {
                for (name, value) in text.split(',').filter_map(|element| element.split_once('=')) {
                    let (name, value) = (name.trim(), value.trim());
                    if name == "t" && time.replace(value).is_some() {
                        return None;
                    }
                    if let Some(label) = labels.iter().find(|label| **label == name) {
                        signatures.add(label, decode(value));
                    }
                }
            }
            Layout::Versioned => {
                for (version, value) in text.split(' ').filter_map(|element| element.split_once(',')) {
                    match version {
                        "v1" => signatures.add("v1", decode(value)),
                        "v1a" if signatures.ed25519.len() < MAX_ED25519 => {
                            signatures.add_ed25519("v1a", decode(value));
                        }
                        _ => {}
                    }
                }
            }
            Layout::Single(prefix) => {
                // Providers put white space before, after and within the prefix; it has no meaning.
                let prefix = prefix.trim();
                for value in text.split(',').filter_map(|element| element.trim().strip_prefix(prefix)) {
                    signatures.add("", decode(value.trim()));
                }
            }
        }
        let any = !(signatures.hmac.is_empty() && signatures.ed25519.is_empty());
        any.then_some(Self { time, signatures })
    }
}

/// Parses seconds since the epoch: 1 to 13 ASCII digits and nothing else.
pub(crate) fn parse_time(text: &str) -> Option<u64> {
    let digits =
        (1..=MAX_TIMESTAMP_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}
