//! The fields of one source, each taken once.

use serde_json::Value;

use crate::{
    config::error::{Mistakes, quoted},
    json::members::Members,
    signature::scheme::Text,
};

/// The maximum number of headers, each of which is read; no provider has more keys in use at once.
const MAX_SIGNATURE_HEADERS: usize = 10;

/// The fields that nobody took yet, and the mistakes in those that were taken.
pub(super) struct Fields {
    remaining: Members<Value>,
    /// Whether the URL of the endpoint may be added later.
    pub(super) url_may_follow: bool,
    pub(super) mistakes: Mistakes,
}

impl Fields {
    pub(super) fn new(fields: Members<Value>) -> Self {
        Self { remaining: fields, url_may_follow: false, mistakes: Mistakes::default() }
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.remaining.0.iter().any(|(name, _)| name == field)
    }

    pub(super) fn take(&mut self, field: &str) -> Option<Value> {
        let index = self.remaining.0.iter().position(|(name, _)| name == field)?;
        Some(self.remaining.0.remove(index).1)
    }

    pub(super) fn string(&mut self, field: &str) -> Option<String> {
        match self.take(field)? {
            Value::String(text) if !text.trim().is_empty() => Some(text),
            value => {
                self.wrong_value(field, &value, "is not a string, or is blank");
                None
            }
        }
    }

    /// Takes a string, or a list of them.
    pub(super) fn strings(&mut self, field: &str) -> Option<Vec<String>> {
        let given = self.take(field)?;
        let values = match &given {
            Value::Array(values) if !values.is_empty() => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        let text = |value: &Value| match value {
            Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
            _ => None,
        };
        let texts: Option<Vec<_>> = values.iter().map(text).collect();
        if texts.is_none() {
            self.wrong_value(field, &given, "is not a string or a list of strings, none of them blank");
        }
        texts
    }

    fn wrong_value(&mut self, field: &str, value: &Value, what: &str) {
        if field.starts_with("secret") {
            self.mistakes.add(field, what);
        } else {
            self.mistakes.add(field, format!("{} {what}", shown(value)));
        }
    }

    pub(super) fn parse<T>(
        &mut self,
        field: &str,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let text = self.string(field)?;
        parse(&text).map_err(|what| self.mistakes.add_value(field, &text, what)).ok()
    }

    pub(super) fn header(&mut self, field: &str) -> Option<String> {
        self.parse(field, header_name)
    }

    /// Takes the name of a header, or a list of them.
    pub(super) fn headers(&mut self, field: &str) -> Option<Vec<Text>> {
        let texts = self.strings(field)?;
        if texts.len() > MAX_SIGNATURE_HEADERS {
            self.mistakes.add(field, format!("has more than {MAX_SIGNATURE_HEADERS} names"));
        }
        let name = |text: &String| header_name(text).map(Text::from).map_err(|what| (text.clone(), what));
        let names: Result<Vec<_>, _> = texts.iter().map(name).collect();
        names.map_err(|(text, what)| self.mistakes.add_value(field, &text, what)).ok()
    }

    /// Takes the value that one of these names stands for.
    pub(super) fn one_of<T: Copy>(&mut self, field: &str, names: &[(&'static str, T)]) -> Option<T> {
        let text = self.string(field)?;
        let found = names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
            self.mistakes.add_value(field, &text, format!("is not one of {}", names.join(", ")));
        }
        found
    }

    /// Takes the place of a value of an event: a JSON pointer, or an object with the name of a header.
    pub(super) fn place(&mut self, field: &str) -> Option<Place> {
        let value = self.take(field)?;
        self.place_of(field, &value)
    }

    pub(super) fn place_of(&mut self, field: &str, value: &Value) -> Option<Place> {
        let place = match value {
            Value::String(text) if is_pointer(text) => Ok(Place::Body(text.clone().into())),
            Value::Object(object) if object.len() == 1 => match object.get("header") {
                Some(Value::String(name)) => header_name(name).map(|name| Place::Header(name.into())),
                _ => Err("is not an object such as {\"header\":\"X-Event-Id\"}"),
            },
            _ => Err("is not a JSON pointer, such as /data/id"),
        };
        place.map_err(|what| self.mistakes.add(field, format!("{} {what}", shown(value)))).ok()
    }

    /// Reports the fields that nobody took: misspelt ones, and those that the scheme does not have.
    pub(super) fn reject_others(&mut self) {
        for (name, _) in std::mem::take(&mut self.remaining.0) {
            self.mistakes.add(&name, "is not a field of this scheme, or appears twice");
        }
    }
}

/// A JSON value as it is quoted in a message.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        value => value.to_string().chars().take(100).collect(),
    }
}

/// The place of a value of an event.
pub(super) enum Place {
    /// At a JSON pointer.
    Body(Text),
    /// In a header.
    Header(Text),
}

/// Reads the name of a header, or of a parameter in the query after `?`.
fn header_name(text: &str) -> Result<String, &'static str> {
    if let Some(parameter) = text.strip_prefix('?') {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_name = !parameter.is_empty() && parameter.bytes().all(is_plain);
        return if is_name { Ok(text.to_owned()) } else { Err("is not the name of a parameter") };
    }
    let name = http::HeaderName::from_bytes(text.as_bytes()).map_err(|_| "is not the name of a header")?;
    Ok(name.as_str().to_owned())
}

/// RFC 6901: a tilde is always part of an escape. No body is nested so deeply that it needs more than 32 steps.
fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    text.starts_with('/') && escapes && text.matches('/').count() <= 32
}
