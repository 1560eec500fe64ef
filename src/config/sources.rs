//! Who delivers? `SOURCES`, a JSON object: `{"payments":{"scheme":"stripe","secret_arn":"arn:…"}}`.

use std::{collections::HashSet, fmt, time::Duration};

use serde_json::Value;

use crate::{
    config::{NOT_AN_ARN, Secrets, SourceConfig, check_tolerance, parse_duration, parse_mode, quoted},
    json::members::Members,
    receive::filter::{Filter, Mode},
    signature::{
        scheme::{Encoding, Family, FieldLocation, KeyForm, Layout, Scheme, Signed, Text, Time},
        secret::{Secret, SecretError},
    },
};

/// No provider has more keys in use at once; each header present is read.
const MAX_SIGNATURE_HEADERS: usize = 10;

/// Reads all sources, and all mistakes in them; each mistake names its source and field.
pub(crate) fn read(text: &str, window: Duration) -> (Vec<SourceConfig>, Vec<String>) {
    let pairs: Members<Members<Value>> = match serde_json::from_str(text) {
        Ok(pairs) => pairs,
        Err(error) => return (Vec::new(), vec![not_an_object("must be a JSON object of objects", &error)]),
    };
    let mut mistakes = Vec::new();
    if pairs.0.is_empty() {
        mistakes.push("there is no source in it".to_owned());
    }
    let mut names = HashSet::new();
    let mut sources = Vec::new();
    for (name, fields) in pairs.0 {
        if name.is_empty() || !name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')) {
            mistakes
                .push(format!("{name:?} is no name for a source: lower-case letters, digits, - and _ only"));
        }
        if !names.insert(name.clone()) {
            mistakes.push(format!("{name} stands twice"));
        }
        let mut fields = Fields { fields, mistakes: Vec::new() };
        let source = fields.source(&name, window);
        mistakes.extend(fields.mistakes.into_iter().map(|mistake| format!("{name}: {mistake}")));
        mistakes.extend(source.iter().flat_map(|source| shared_secrets(source, &sources)));
        sources.extend(source);
    }
    (sources, mistakes)
}

/// A delivery to one of two such sources would be good at the other, and a second event there.
fn shared_secrets(source: &SourceConfig, others: &[SourceConfig]) -> Vec<String> {
    let field = |other: &SourceConfig| match (&source.secrets, &other.secrets) {
        (Secrets::Stored(arn), Secrets::Stored(other)) if arn == other => Some("secret_arn"),
        (Secrets::Given(keys), Secrets::Given(others)) => {
            let is_shared = keys.iter().any(|key| others.iter().any(|other| key.verifies_as(other)));
            is_shared.then_some("secret")
        }
        _ => None,
    };
    let shared = others.iter().filter_map(|other| Some((field(other)?, &other.name)));
    let mistake = |(field, other)| {
        format!("{}: {field} is that of {other} too; each source needs its own", source.name)
    };
    shared.map(mistake).collect()
}

/// Reads a scheme with its fields, as the value of one source has them.
///
/// # Errors
/// With all mistakes there are.
pub fn read_scheme(text: &str) -> Result<Scheme, String> {
    let fields =
        serde_json::from_str(text).map_err(|error| not_an_object("it must be a JSON object", &error))?;
    let mut fields = Fields { fields, mistakes: Vec::new() };
    let scheme = fields.scheme();
    fields.unknown();
    scheme.filter(|_| fields.mistakes.is_empty()).ok_or_else(|| fields.mistakes.join("; "))
}

/// Says where, but not what: the error's own words could quote a secret.
fn not_an_object(what: &str, error: &serde_json::Error) -> String {
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// The fields of one source, each taken once.
struct Fields {
    fields: Members<Value>,
    mistakes: Vec<String>,
}

impl Fields {
    fn source(&mut self, name: &str, window: Duration) -> Option<SourceConfig> {
        let scheme = self.scheme();
        let secrets = self.secrets(name, scheme.as_ref());
        let default = scheme.as_ref().and_then(|scheme| scheme.tolerance).unwrap_or(window).min(window);
        let tolerance = self.parse("tolerance", parse_duration);
        if tolerance.is_some() && scheme.as_ref().is_some_and(|scheme| scheme.time == Time::Nowhere) {
            self.mistake("tolerance", "means nothing where signatures have no time");
        }
        let tolerance = tolerance.unwrap_or(default);
        if let Err(what) = check_tolerance(tolerance, window) {
            let value = humantime::format_duration(tolerance).to_string();
            self.refuse("tolerance", &value, what);
        }
        let types = self.strings("event_types").unwrap_or_else(|| vec!["*".to_owned()]);
        if let Some(kind) = types.iter().find(|kind| kind.contains(',')) {
            self.refuse("event_types", kind, "has a comma: several types must be a list");
        }
        let mode = self.parse("live_mode", parse_mode).unwrap_or_default();
        if mode != Mode::Any
            && scheme.as_ref().is_some_and(|scheme| scheme.live_mode == FieldLocation::Nowhere)
        {
            self.mistake("live_mode", "means nothing where events do not tell their mode");
        }
        self.unknown();
        let filter = Filter::new(types.iter().map(|kind| kind.trim()), mode);
        Some(SourceConfig { name: name.to_owned(), scheme: scheme?, secrets: secrets?, tolerance, filter })
    }

    fn scheme(&mut self) -> Option<Scheme> {
        let names = Scheme::NAMES.join(", ");
        if !self.has("scheme") {
            self.mistake("scheme", format!("is required: one of {names}"));
        }
        let name = self.string("scheme")?;
        let Some(mut scheme) = Scheme::named(&name) else {
            self.refuse("scheme", &name, format!("is not known: it must be one of {names}"));
            return None;
        };
        if scheme.name == "hmac-sha256" {
            self.configure(&mut scheme);
        }
        Some(scheme)
    }

    fn configure(&mut self, scheme: &mut Scheme) {
        let signatures = self.headers("signature_header");
        let time = self.header("timestamp_header").map(Text::from);
        let signatures = signatures
            .unwrap_or_else(|| scheme.families.iter().map(|family| family.signature.clone()).collect());
        let family = |signature| Family { signature, time: time.clone(), ..Family::default() };
        scheme.families = signatures.into_iter().map(family).collect();
        if let Some(encoding) = self.parse("encoding", |text| match text {
            "hex" => Ok(Encoding::Hex),
            "base64" => Ok(Encoding::Base64),
            _ => Err("is not hex or base64"),
        }) {
            scheme.encoding = encoding;
        }
        if let Some(prefix) = self.string("prefix") {
            if prefix.contains(',') {
                self.refuse("prefix", &prefix, "has a comma, which separates signatures");
            }
            scheme.layout = Layout::Single(prefix.into());
        }
        if time.is_some() {
            scheme.time = Time::Header;
        }
        match self.take("signed_timestamp") {
            None | Some(Value::Bool(true)) if scheme.time != Time::Nowhere => {
                scheme.signed = Signed::TimeBody;
            }
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => self.mistake("signed_timestamp", "needs timestamp_header"),
            Some(value) => {
                self.mistake("signed_timestamp", format!("{} is not true or false", shown(&value)));
            }
        }
        if let Some(pointer) = self.pointer("key") {
            (scheme.id, scheme.idempotency_key) = (pointer.clone(), pointer);
        }
        if let Some(pointer) = self.pointer("type") {
            scheme.kind = pointer;
        }
    }

    fn secrets(&mut self, source: &str, scheme: Option<&Scheme>) -> Option<Secrets> {
        let missing = !self.has("secret") && !self.has("secret_arn");
        let given = self.strings("secret");
        let stored = self.string("secret_arn");
        match (given, stored) {
            (Some(_), Some(_)) => self.mistake("secret", "and secret_arn exclude each other"),
            (None, None) if missing => self.mistake("secret", "or secret_arn is required"),
            (None, None) => {}
            (None, Some(arn)) if arn.starts_with("arn:") => return Some(Secrets::Stored(arn)),
            (None, Some(_)) => self.mistake("secret_arn", NOT_AN_ARN),
            (Some(texts), None) => {
                let form = scheme.map_or(KeyForm::Raw, |scheme| scheme.key);
                let key = |text: &String| {
                    let secret = Secret::new(text)?;
                    secret.warn(source, "SOURCES");
                    secret.key(form)
                };
                match texts.iter().map(key).collect::<Result<_, SecretError>>() {
                    Ok(keys) => return Some(Secrets::Given(keys)),
                    Err(error) => self.mistake("secret", format!("is wrong: {error}")),
                }
            }
        }
        None
    }

    fn mistake(&mut self, field: &str, what: impl fmt::Display) {
        self.mistakes.push(format!("{field} {what}"));
    }

    /// A mistake in a value that is shown; that of a secret, or of what may be one by mistake, is not.
    fn refuse(&mut self, field: &str, value: &str, what: impl fmt::Display) {
        self.mistake(field, format_args!("{} {what}", quoted(value)));
    }

    fn has(&self, field: &str) -> bool {
        self.fields.0.iter().any(|(name, _)| name == field)
    }

    fn take(&mut self, field: &str) -> Option<Value> {
        let index = self.fields.0.iter().position(|(name, _)| name == field)?;
        Some(self.fields.0.remove(index).1)
    }

    fn string(&mut self, field: &str) -> Option<String> {
        match self.take(field)? {
            Value::String(text) if !text.trim().is_empty() => Some(text),
            value => {
                self.wrong_value(field, &value, "is not a string, or blank");
                None
            }
        }
    }

    /// A string, or a list of them.
    fn strings(&mut self, field: &str) -> Option<Vec<String>> {
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
            self.mistake(field, what);
        } else {
            self.mistake(field, format!("{} {what}", shown(value)));
        }
    }

    fn parse<T>(&mut self, field: &str, parse: impl Fn(&str) -> Result<T, &'static str>) -> Option<T> {
        let text = self.string(field)?;
        parse(&text).map_err(|what| self.refuse(field, &text, what)).ok()
    }

    fn header(&mut self, field: &str) -> Option<String> {
        self.parse(field, header_name)
    }

    /// One name, or a list of them.
    fn headers(&mut self, field: &str) -> Option<Vec<Text>> {
        let texts = self.strings(field)?;
        if texts.len() > MAX_SIGNATURE_HEADERS {
            self.mistake(field, format!("has more than {MAX_SIGNATURE_HEADERS} names"));
        }
        let name = |text: &String| header_name(text).map(Text::from).map_err(|what| (text.clone(), what));
        let names: Result<Vec<_>, _> = texts.iter().map(name).collect();
        names.map_err(|(text, what)| self.refuse(field, &text, what)).ok()
    }

    fn pointer(&mut self, field: &str) -> Option<FieldLocation> {
        self.parse(field, |text| {
            if is_pointer(text) {
                Ok(FieldLocation::Body(text.to_owned().into()))
            } else {
                Err("is not a JSON pointer, such as /data/id")
            }
        })
    }

    /// What nobody took is a slip of the pen, or a field that the scheme does not have.
    fn unknown(&mut self) {
        for (name, _) in std::mem::take(&mut self.fields.0) {
            self.mistake(&name, "is not a field of this scheme, or stands twice");
        }
    }
}

/// A value of JSON for a message, quoted as it is there.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        value => value.to_string().chars().take(100).collect(),
    }
}

fn header_name(text: &str) -> Result<String, &'static str> {
    let name = http::HeaderName::from_bytes(text.as_bytes()).map_err(|_| "is not the name of a header")?;
    Ok(name.as_str().to_owned())
}

/// RFC 6901: a tilde stands for nothing by itself. No body is so deep that more than 32 steps would help.
fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    text.starts_with('/') && escapes && text.matches('/').count() <= 32
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_hours(24);

    fn mistakes(text: &str) -> Vec<String> {
        read(text, WINDOW).1
    }

    #[test]
    fn a_source_has_its_schemes_defaults() {
        let (sources, mistakes) = read(
            r#"{"duffel":{"scheme":"duffel","secret_arn":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:a"},
                "payments":{"scheme":"stripe","secret":["new","old"],"event_types":["payment_intent.*"],
                            "live_mode":"live"},
                "code_2":{"scheme":"github","secret":"with,comma"}}"#,
            WINDOW,
        );
        assert_eq!(mistakes, Vec::<String>::new());
        let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(names, ["duffel", "payments", "code_2"]);
        let tolerances: Vec<_> = sources.iter().map(|source| source.tolerance).collect();
        assert_eq!(tolerances[..2], [WINDOW, Duration::from_mins(5)]);
        let count =
            |source: &SourceConfig| matches!(&source.secrets, Secrets::Given(secrets) if secrets.len() == 1);
        assert!(count(&sources[2]));
    }

    #[test]
    fn the_generic_scheme_is_what_its_fields_say() {
        let scheme = read_scheme(
            r#"{"scheme":"hmac-sha256","signature_header":"X-Signature","encoding":"base64","prefix":"v0=",
                "timestamp_header":"X-Timestamp","key":"/data/id","type":"/event"}"#,
        )
        .unwrap();
        let expected = Scheme {
            families: vec![Family {
                signature: "x-signature".into(),
                time: Some("x-timestamp".into()),
                ..Family::default()
            }],
            encoding: Encoding::Base64,
            layout: Layout::Single("v0=".into()),
            time: Time::Header,
            signed: Signed::TimeBody,
            kind: FieldLocation::Body("/event".into()),
            id: FieldLocation::Body("/data/id".into()),
            idempotency_key: FieldLocation::Body("/data/id".into()),
            ..Scheme::hmac_sha256()
        };
        assert_eq!(scheme, expected);
        let unsigned =
            r#"{"scheme":"hmac-sha256","timestamp_header":"X-Timestamp","signed_timestamp":false}"#;
        assert_eq!(read_scheme(unsigned).unwrap().signed, Signed::Body);
    }

    #[test]
    fn every_mistake_names_source_and_field() {
        for (field, fields) in [
            ("scheme", r#""secret":"x""#),
            ("scheme", r#""scheme":"paypal","secret":"x""#),
            ("scheme", r#""scheme":1,"secret":"x""#),
            ("secret", r#""scheme":"github""#),
            ("secret", r#""scheme":"github","secret":"""#),
            ("secret", r#""scheme":"github","secret":["x"," "]"#),
            ("secret", r#""scheme":"github","secret":"x","secret_arn":"arn:x""#),
            ("secret", r#""scheme":"standard-webhooks","secret":"not base64""#),
            ("secret_arn", r#""scheme":"github","secret_arn":"x""#),
            ("tolerance", r#""scheme":"stripe","secret":"x","tolerance":300"#),
            ("tolerance", r#""scheme":"stripe","secret":"x","tolerance":"2d""#),
            ("tolerance", r#""scheme":"github","secret":"x","tolerance":"5m""#),
            ("event_types", r#""scheme":"stripe","secret":"x","event_types":[]"#),
            ("event_types", r#""scheme":"stripe","secret":"x","event_types":["a",1]"#),
            ("event_types", r#""scheme":"stripe","secret":"x","event_types":"a.*, b.*""#),
            ("live_mode", r#""scheme":"stripe","secret":"x","live_mode":true"#),
            ("live_mode", r#""scheme":"github","secret":"x","live_mode":"live""#),
            ("prefix", r#""scheme":"github","secret":"x","prefix":"sha1=""#),
            ("colour", r#""scheme":"github","secret":"x","colour":"red""#),
            ("secret", r#""scheme":"github","secret":"x","secret":"y""#),
            ("signature_header", r#""scheme":"hmac-sha256","secret":"x","signature_header":"a b""#),
            ("signature_header", r#""scheme":"hmac-sha256","secret":"x","signature_header":["a","b c"]"#),
            ("signature_header", r#""scheme":"hmac-sha256","secret":"x","signature_header":[]"#),
            (
                "signature_header",
                r#""scheme":"hmac-sha256","secret":"x","signature_header":["1","2","3","4","5","6","7","8","9","10","11"]"#,
            ),
            ("prefix", r#""scheme":"hmac-sha256","secret":"x","prefix":"v1,""#),
            ("encoding", r#""scheme":"hmac-sha256","secret":"x","encoding":"base32""#),
            ("signed_timestamp", r#""scheme":"hmac-sha256","secret":"x","signed_timestamp":true"#),
            (
                "signed_timestamp",
                r#""scheme":"hmac-sha256","secret":"x","timestamp_header":"t","signed_timestamp":"no""#,
            ),
            ("key", r#""scheme":"hmac-sha256","secret":"x","key":"id""#),
            ("key", r#""scheme":"hmac-sha256","secret":"x","key":"/a~2""#),
        ] {
            let mistakes = mistakes(&format!(r#"{{"shop":{{{fields}}}}}"#));
            assert!(!mistakes.is_empty(), "{fields}");
            assert!(mistakes.iter().all(|mistake| mistake.starts_with("shop: ")), "{mistakes:?}");
            assert!(mistakes[0].starts_with(&format!("shop: {field} ")), "{mistakes:?}");
        }
    }

    #[test]
    fn a_refused_value_is_named_unless_it_may_be_a_secret() {
        for (fields, named) in [
            (r#""scheme":"nope","secret":"x""#, r#"scheme "nope" is not known: it must be one of duffel, "#),
            (r#""scheme":["x"],"secret":"x""#, r#"scheme ["x"] is not a string"#),
            (r#""scheme":"stripe","secret":"x","tolerance":"2d""#, r#"tolerance "2days" is longer than"#),
            (r#""scheme":"stripe","secret":"x","tolerance":"soon""#, r#"tolerance "soon" is not a duration"#),
            (r#""scheme":"stripe","secret":"x","live_mode":"both""#, r#"live_mode "both" is not one of"#),
            (r#""scheme":"stripe","secret":"x","event_types":["a",1]"#, r#"event_types ["a",1] is not"#),
            (r#""scheme":"hmac-sha256","secret":"x","encoding":"base32""#, r#"encoding "base32" is not"#),
            (r#""scheme":"hmac-sha256","secret":"x","prefix":"v1,""#, r#"prefix "v1," has a comma"#),
            (r#""scheme":"hmac-sha256","secret":"x","key":"id""#, r#"key "id" is not a JSON pointer"#),
            (
                r#""scheme":"hmac-sha256","secret":"x","signature_header":["a","b c"]"#,
                r#"signature_header "b c" is not the name"#,
            ),
        ] {
            let mistakes = mistakes(&format!(r#"{{"shop":{{{fields}}}}}"#));
            assert_eq!(mistakes.len(), 1, "{mistakes:?}");
            assert!(mistakes[0].starts_with(&format!("shop: {named}")), "{mistakes:?}");
        }
        for fields in [
            r#""scheme":"github","secret_arn":"hush""#,
            r#""scheme":"github","secret_arn":["hush"]"#,
            r#""scheme":"github","secret":["x",{"hush":1}]"#,
            r#""scheme":"github","secret":"x","secrets":"hush""#,
            r#""scheme":"standard-webhooks","secret":"hush!""#,
        ] {
            let mistakes = mistakes(&format!(r#"{{"shop":{{{fields}}}}}"#));
            assert_eq!(mistakes.len(), 1, "{mistakes:?}");
            assert!(!mistakes[0].contains("hush"), "{mistakes:?}");
        }
    }

    #[test]
    fn names_are_path_segments_and_stand_once() {
        for name in ["", "Duffel", "a/b", "a b", "é", "a.b"] {
            let text = format!(r#"{{"{name}":{{"scheme":"github","secret":"x"}}}}"#);
            assert_eq!(mistakes(&text).len(), 1, "{name}");
        }
        let twice = r#"{"a":{"scheme":"github","secret":"x"},"a":{"scheme":"github","secret":"y"}}"#;
        assert_eq!(mistakes(twice), ["a stands twice"]);
        assert_eq!(mistakes("{}").len(), 1);
    }

    #[test]
    fn two_sources_have_different_secrets() {
        let two = |a: &str, b: &str| mistakes(&format!(r#"{{"a":{{{a}}},"b":{{{b}}}}}"#));
        let (github, stripe) = (r#""scheme":"github","#, r#""scheme":"stripe","#);
        for (one, other, field) in [
            (r#""secret":"hush""#, r#""secret":"hush""#, "secret"),
            (r#""secret":["x","hush"]"#, r#""secret":[" hush ","y"]"#, "secret"),
            (r#""secret_arn":"arn:x""#, r#""secret_arn":"arn:x""#, "secret_arn"),
        ] {
            for scheme in [github, stripe] {
                let mistakes = two(&format!("{github}{one}"), &format!("{scheme}{other}"));
                let [mistake] = &mistakes[..] else { panic!("{mistakes:?}") };
                assert!(mistake.starts_with(&format!("b: {field} is that of a too")), "{mistake}");
                assert!(!mistake.contains("hush") && !mistake.contains("arn:"), "{mistake}");
            }
        }
        let different =
            two(&format!(r#"{github}"secret":"hush""#), r#""scheme":"standard-webhooks","secret":"hush""#);
        assert_eq!(different, Vec::<String>::new(), "the key is another one");
        let different =
            two(&format!(r#"{github}"secret_arn":"arn:x""#), &format!(r#"{github}"secret_arn":"arn:y""#));
        assert_eq!(different, Vec::<String>::new());
    }

    #[test]
    fn all_mistakes_are_told_at_once_and_no_secret_with_them() {
        let text = r#"{"a":{"scheme":"github","secret":"hush","x":1},"B":{"scheme":"nah","secret":"hush"}}"#;
        let told = mistakes(text);
        assert_eq!(told.len(), 3, "{told:?}");
        for text in [text, r#""hush""#, r#"{"a":"hush"}"#, r#"{"a":{"scheme":"github","secret":{"hush":1}}}"#]
        {
            assert!(!mistakes(text).is_empty());
            assert!(!mistakes(text).concat().contains("hush"), "{:?}", mistakes(text));
        }
    }
}
