//! The layout of signatures in their header.

use super::{Algorithm, Text};

/// The layout of signatures in their header. White space around an element, a label or a value has no meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `…, …`: each signature follows this prefix.
    Plain {
        /// The character between signatures; `None` if the header is one signature.
        separator: Option<char>,
        prefix: Text,
    },
    /// `t=1616202842,v1=…,v1=…`, or `v1,… v1a,…`: each value follows its label. Other labels are ignored.
    Labelled {
        /// The character between elements.
        separator: char,
        /// The character between label and value.
        assign: char,
        /// The label of the time.
        time: Option<Text>,
        labels: Vec<Label>,
    },
}

/// A label of signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub name: Text,
    pub algorithm: Algorithm,
}

impl Layout {
    /// A list with commas of signatures after a prefix.
    #[must_use]
    pub fn plain(prefix: impl Into<Text>) -> Self {
        Self::Plain { separator: Some(','), prefix: prefix.into() }
    }

    /// A list of elements such as `t=1616202842,v1=…`, where each of these labels has an HMAC-SHA256.
    #[must_use]
    pub fn labelled(separator: char, time: &'static str, labels: &[&'static str]) -> Self {
        let label = |name: &&'static str| Label::new(*name, Algorithm::HmacSha256);
        Self::Labelled {
            separator,
            assign: '=',
            time: Some(time.into()),
            labels: labels.iter().map(label).collect(),
        }
    }

    /// The labels of signatures; none if signatures have no label.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        match self {
            Self::Plain { .. } => &[],
            Self::Labelled { labels, .. } => labels,
        }
    }
}

impl Label {
    /// Makes a label.
    #[must_use]
    pub fn new(name: impl Into<Text>, algorithm: Algorithm) -> Self {
        Self { name: name.into(), algorithm }
    }
}
