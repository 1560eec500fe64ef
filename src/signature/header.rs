//! The parser of a signature's header: signatures with their labels and, in some schemes, the time.

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

use super::scheme::{Algorithm, Encoding, Layout, Scheme, Text};

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
    pub(crate) bytes: Vec<u8>,
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
        let bytes = match encoding {
            Encoding::Hex => hex::decode(text).ok(),
            Encoding::Base64 => STANDARD.decode(text).ok(),
            Encoding::Base64Url => BASE64_URL.decode(text).ok(),
            Encoding::Text => Some(text.as_bytes().to_vec()),
        };
        let is_one_too_many = |signatures: &[Signature]| {
            algorithm.is_public()
                && signatures.iter().filter(|signature| signature.algorithm == algorithm).count()
                    >= MAX_PUBLIC
        };
        if let Some(bytes) = bytes.filter(|bytes| algorithm.accepts(bytes.len()))
            && !is_one_too_many(&self.signatures)
        {
            self.signatures.push(Signature { label, algorithm, bytes });
        }
    }
}
