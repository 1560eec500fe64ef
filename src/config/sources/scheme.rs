//! The scheme of a source: a row of the table, and the fields that describe what is different.

use serde_json::Value;

use super::fields::{Fields, shown};
use crate::signature::scheme::{
    Algorithm, Encoding, Family, KeyEncoding, Label, Layout, Scheme, Signed, Time, TimeUnit,
};

impl Fields {
    /// Takes the scheme and its fields.
    pub(super) fn scheme(&mut self) -> Option<Scheme> {
        if !self.has("scheme") {
            self.mistakes.add("scheme", format!("is required: {}", known()));
        }
        let name = self.string("scheme")?;
        let Some(mut scheme) = Scheme::named(&name) else {
            self.mistakes.add_value("scheme", &name, format!("is not known: it must be {}", known()));
            return None;
        };
        // Duffel's form is known, and what depends on it is more than its signature.
        if scheme.name != "duffel" {
            self.describe(&mut scheme);
        }
        Some(scheme)
    }

    /// Takes the fields of a description, each of which replaces what the row of the table says.
    fn describe(&mut self, scheme: &mut Scheme) {
        if let Some(signatures) = self.headers("signature_header") {
            let like = scheme.families.first().cloned().unwrap_or_default();
            let family = |signature| Family { signature, ..like.clone() };
            scheme.families = signatures.into_iter().map(family).collect();
        }
        if let Some(encoding) = self.one_of("encoding", &Encoding::NAMES) {
            scheme.encoding = encoding;
        }
        if let Some(encoding) = self.one_of("secret_encoding", &KeyEncoding::NAMES) {
            scheme.key.encoding = encoding;
        }
        let algorithm = self.one_of("algorithm", &Algorithm::NAMES);
        self.layout(scheme, algorithm);
        if let Some(unit) = self.one_of("timestamp_unit", &TimeUnit::NAMES) {
            scheme.time_unit = unit;
            if scheme.time == Time::Nowhere && !self.has("timestamp_header") && !self.has("timestamp_label") {
                self.mistakes.add("timestamp_unit", "needs timestamp_header or timestamp_label");
            }
        }
        self.time(scheme);
        self.signed(scheme);
        self.event_fields(scheme);
    }

    fn layout(&mut self, scheme: &mut Scheme, algorithm: Option<Algorithm>) {
        if let Some(algorithm) = algorithm {
            scheme.key.algorithm = algorithm;
            if let Layout::Labelled { labels, .. } = &mut scheme.layout {
                for label in labels {
                    label.algorithm = algorithm;
                }
            }
            if algorithm == Algorithm::Token {
                scheme.layout = Layout::Plain { separator: None, prefix: "".into() };
                scheme.encoding = Encoding::Text;
            }
        }
        if scheme.encoding == Encoding::Text && scheme.key.algorithm != Algorithm::Token {
            self.mistakes.add("encoding", "\"text\" is for the algorithm token only");
        }
        let separator = self.separator();
        if let Some(names) = self.strings("signature_labels") {
            let algorithm = scheme.key.algorithm;
            let labels = names.into_iter().map(|name| Label::new(name, algorithm)).collect();
            let (assign, time) = ('=', None);
            let separator = ',';
            scheme.layout = match std::mem::replace(&mut scheme.layout, Layout::plain("")) {
                Layout::Labelled { separator, assign, time, .. } => {
                    Layout::Labelled { separator, assign, time, labels }
                }
                Layout::Plain { .. } => Layout::Labelled { separator, assign, time, labels },
            };
        }
        if let Some(name) = self.string("timestamp_label") {
            match &mut scheme.layout {
                Layout::Labelled { time, .. } => {
                    *time = Some(name.into());
                    scheme.time = Time::Element;
                }
                Layout::Plain { .. } => self.mistakes.add("timestamp_label", "needs signature_labels"),
            }
        }
        if let Some(given) = self.string("prefix") {
            match &mut scheme.layout {
                Layout::Plain { separator, prefix } => {
                    if separator.is_some_and(|separator| given.contains(separator)) {
                        let what = "has a comma, which separates signatures";
                        self.mistakes.add_value("prefix", &given, what);
                    }
                    *prefix = given.into();
                }
                Layout::Labelled { .. } => {
                    self.mistakes.add("prefix", "must not be set: signatures of this scheme have labels");
                }
            }
        }
        match (separator, &mut scheme.layout) {
            (None, _) => {}
            (Some(given), Layout::Labelled { separator, .. }) => *separator = given,
            (Some(given), Layout::Plain { separator, .. }) => *separator = Some(given),
        }
    }

    /// Takes the character between signatures, which may be a space.
    fn separator(&mut self) -> Option<char> {
        let value = self.take("separator")?;
        let mut characters = value.as_str().unwrap_or_default().chars();
        match (characters.next(), characters.next()) {
            (Some(separator), None) if !separator.is_alphanumeric() => Some(separator),
            _ => {
                let what = "is not one character, other than a letter or a digit";
                self.mistakes.add("separator", format!("{} {what}", shown(&value)));
                None
            }
        }
    }

    fn time(&mut self, scheme: &mut Scheme) {
        let Some(name) = self.header("timestamp_header") else { return };
        for family in &mut scheme.families {
            family.time = Some(name.clone().into());
        }
        if scheme.time == Time::Element {
            self.mistakes.add("timestamp_header", "must not be set: the time is in the signature's header");
        }
        // The one form that needs no further field.
        if scheme.time == Time::Nowhere && scheme.signed == Signed::BODY {
            scheme.signed = Signed::TIME_BODY;
        }
        scheme.time = Time::Header;
    }

    fn signed(&mut self, scheme: &mut Scheme) {
        match self.take("signed_timestamp") {
            None | Some(Value::Bool(true)) if scheme.time != Time::Nowhere => {}
            Some(Value::Bool(false)) => scheme.signed = Signed::BODY,
            None => {}
            Some(Value::Bool(true)) => self.mistakes.add("signed_timestamp", "needs timestamp_header"),
            Some(value) => {
                self.mistakes.add("signed_timestamp", format!("{} is not true or false", shown(&value)));
            }
        }
        let given = self.string("signed");
        if let Some(text) = &given {
            match text.parse() {
                Ok(signed) => scheme.signed = signed,
                Err(error) => self.mistakes.add_value("signed", text, error.to_string()),
            }
        }
        if let Some(url) = self.string("url") {
            if !scheme.signed.needs_url() {
                self.mistakes.add("url", "must not be set: the signature does not cover it");
            } else if url.starts_with("https://") || url.starts_with("http://") {
                scheme.signed = scheme.signed.at_url(&url);
            } else {
                self.mistakes.add_value("url", &url, "is not the URL at which the provider delivers");
            }
        } else if scheme.signed.needs_url() && !self.url_may_follow {
            let what = "is required: the signature covers the URL at which the provider delivers";
            self.mistakes.add("url", what);
            scheme.signed = scheme.signed.at_url("https://");
        }
        if let Err(error) = scheme.signed.check(scheme.time_unit) {
            self.mistakes.add_value("signed", &scheme.signed.to_string(), error.to_string());
        }
        if scheme.signed.covers_time() && scheme.time == Time::Nowhere {
            self.mistakes.add("signed", "has {time}, which needs timestamp_header or timestamp_label");
        }
        let all_token = scheme.key.algorithm == Algorithm::Token;
        if all_token && given.is_some() {
            self.mistakes.add("signed", "must not be set: a token signs nothing");
        }
    }
}

fn known() -> String {
    format!("one of {}, or another name that `duffel-hooks schemes` lists", Scheme::NAMES.join(", "))
}
