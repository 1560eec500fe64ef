//! The parser of a signature's header: signatures with their labels and, in some schemes, the time.

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

use super::{
    scheme::{Algorithm, Encoding, Layout, Scheme, Text},
    secret::token_fingerprint,
};

/// The longest header that is parsed. It bounds the number of signatures as well: some sixty HMACs, each compared in a
/// few nanoseconds.
const MAX_HEADER_BYTES: usize = 4096;

/// The most signatures with a public key that are checked: each costs a pass over the body, forged or not. A rotation
/// needs two.
const MAX_PUBLIC: usize = 4;

const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

static NO_LABEL: Text = Text::Borrowed("");

/// A parsed header.
pub(crate) struct Header<'a> {
    pub(crate) time: Option<&'a str>,
    pub(crate) signatures: Vec<Signature<'a>>,
}

/// A signature with its label, which is empty if the scheme has no labels. A key is only compared with those of its own
/// algorithm.
pub(crate) struct Signature<'a> {
    pub(crate) label: &'a Text,
    pub(crate) algorithm: Algorithm,
    bytes: [u8; MAX_SIGNATURE_BYTES],
    length: usize,
}

/// The longest signature: ECDSA over P-256 in DER.
const MAX_SIGNATURE_BYTES: usize = 72;

impl Signature<'_> {
    /// Its bytes; of a token, its [fingerprint](token_fingerprint), which has the same length for each.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl<'a> Header<'a> {
    /// Parses a header of at most 4096 bytes with at least one signature and at most one time. Unknown elements are
    /// ignored, and so are values that no signature has.
    pub(crate) fn parse(text: &'a str, scheme: &'a Scheme) -> Option<Self> {
        if text.len() > MAX_HEADER_BYTES {
            return None;
        }
        let mut header = Self { time: None, signatures: Vec::new() };
        match &scheme.layout {
            Layout::Labelled { separator, assign, time, labels } => {
                for (name, value) in text.split(*separator).filter_map(|element| element.split_once(*assign))
                {
                    let (name, value) = (name.trim(), value.trim());
                    if time.as_deref() == Some(name) && header.time.replace(value).is_some() {
                        return None;
                    }
                    if let Some(label) = labels.iter().find(|label| label.name == name) {
                        header.add(&label.name, label.algorithm, value, scheme.encoding);
                    }
                }
            }
            Layout::Plain { separator, prefix } => {
                // Providers put white space before, after and within the prefix; it has no meaning.
                let prefix = prefix.trim();
                let mut add = |element: &str| {
                    if let Some(value) = element.trim().strip_prefix(prefix) {
                        header.add(&NO_LABEL, scheme.key.algorithm, value.trim(), scheme.encoding);
                    }
                };
                match separator {
                    Some(separator) => text.split(*separator).for_each(add),
                    None => add(text),
                }
            }
        }
        (!header.signatures.is_empty()).then_some(header)
    }

    /// Adds a signature whose length is one of its algorithm, and ignores anything else.
    fn add(&mut self, label: &'a Text, algorithm: Algorithm, text: &str, encoding: Encoding) {
        let mut bytes = [0; MAX_SIGNATURE_BYTES];
        let length = if algorithm == Algorithm::Token {
            decode_token(text, encoding).map(|token| {
                let fingerprint = token_fingerprint(&token);
                bytes[..fingerprint.len()].copy_from_slice(&fingerprint);
                fingerprint.len()
            })
        } else {
            decode(text, encoding, &mut bytes).filter(|length| algorithm.accepts(*length))
        };
        let Some(length) = length else { return };
        let is_alike = |signature: &&Signature| signature.algorithm == algorithm;
        if !algorithm.is_public() || self.signatures.iter().filter(is_alike).count() < MAX_PUBLIC {
            self.signatures.push(Signature { label, algorithm, bytes, length });
        }
    }
}

/// Decodes a signature, and returns its length; `None` if it does not fit.
fn decode(text: &str, encoding: Encoding, bytes: &mut [u8]) -> Option<usize> {
    match encoding {
        Encoding::Hex => {
            let bytes = bytes.get_mut(..text.len() / 2)?;
            hex::decode_to_slice(text, bytes).ok().map(|()| bytes.len())
        }
        Encoding::Base64 => STANDARD.decode_slice(text, bytes).ok(),
        Encoding::Base64Url => BASE64_URL.decode_slice(text, bytes).ok(),
        Encoding::Text => None,
    }
}

fn decode_token(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    let token = match encoding {
        Encoding::Hex => hex::decode(text).ok()?,
        Encoding::Base64 => STANDARD.decode(text).ok()?,
        Encoding::Base64Url => BASE64_URL.decode(text).ok()?,
        Encoding::Text => text.as_bytes().to_vec(),
    };
    (!token.is_empty()).then_some(token)
}
