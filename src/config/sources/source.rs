//! One source from its fields.

use std::time::Duration;

use super::{Place, fields::Fields};
use crate::{
    config::{
        environment::parse_duration,
        source::{SecretNames, Secrets, SourceConfig, check_tolerance, parse_mode},
    },
    receive::{
        filter::{Filter, Mode},
        networks::Networks,
    },
    signature::scheme::{AnswerForm, FieldLocation, KeyForm, Scheme, Time},
};

const SECRET_NAMES: SecretNames =
    SecretNames { list: "secret", arn: "secret_arn", alternative: "", place: "SOURCES" };

const STORED_NAMES: SecretNames = SecretNames { place: "SOURCES_ARN", ..SECRET_NAMES };

impl Fields {
    /// Takes all fields of the source of that name.
    pub(super) fn source(&mut self, name: &str, window: Duration, place: Place) -> Option<SourceConfig> {
        let scheme = self.scheme();
        let secrets = match place {
            Place::Variable => self.secrets(name, scheme.as_ref(), &SECRET_NAMES),
            Place::Stored => self.stored_secrets(name, scheme.as_ref()),
        };
        let default = scheme.as_ref().and_then(|scheme| scheme.tolerance).unwrap_or(window).min(window);
        let tolerance = self.parse("tolerance", parse_duration);
        if tolerance.is_some() && scheme.as_ref().is_some_and(|scheme| scheme.time == Time::Nowhere) {
            self.mistakes.add("tolerance", "must not be set: signatures of this scheme have no time");
        }
        let tolerance = tolerance.unwrap_or(default);
        if let Err(what) = check_tolerance(tolerance, window) {
            let value = humantime::format_duration(tolerance).to_string();
            self.mistakes.add_value("tolerance", &value, what);
        }
        let types = self.strings("event_types").unwrap_or_else(|| vec!["*".to_owned()]);
        if let Some(kind) = types.iter().find(|kind| kind.contains(',')) {
            self.mistakes.add_value("event_types", kind, "has a comma: several types must be a list");
        }
        let mode = self.parse("live_mode", parse_mode).unwrap_or_default();
        if mode != Mode::Any
            && scheme.as_ref().is_some_and(|scheme| scheme.live_mode == FieldLocation::Nowhere)
        {
            self.mistakes.add("live_mode", "must not be set: events of this scheme do not state their mode");
        }
        let allowed_ips = self.strings("allowed_ips").and_then(|texts| {
            let networks = Networks::read(texts.iter().map(String::as_str));
            networks.map_err(|(text, what)| self.mistakes.add_value("allowed_ips", text, what)).ok()
        });
        let registration = self.registration(name, scheme.as_ref());
        let answer = self.answer(scheme.as_ref().map_or(AnswerForm::NORMAL, |scheme| scheme.answer));
        self.reject_others();
        let filter = Filter::new(types.iter().map(|kind| kind.trim()), mode);
        let (name, scheme, secrets) = (name.to_owned(), scheme?, secrets?);
        Some(SourceConfig { name, scheme, secrets, tolerance, filter, allowed_ips, registration, answer })
    }

    /// Takes the secrets of a source that is stored together with them.
    fn stored_secrets(&mut self, source: &str, scheme: Option<&Scheme>) -> Option<Secrets> {
        if self.take("secret_arn").is_some() {
            let what =
                "must not be set where SOURCES_ARN names the sources: give the secret itself, as secret";
            self.mistakes.add("secret_arn", what);
        } else if !self.has("secret") {
            self.mistakes.add("secret", "is required");
        } else {
            return self.secrets(source, scheme, &STORED_NAMES);
        }
        None
    }

    fn secrets(&mut self, source: &str, scheme: Option<&Scheme>, names: &SecretNames) -> Option<Secrets> {
        let is_given = self.has("secret") || self.has("secret_arn");
        let found = (self.strings("secret"), self.string("secret_arn"));
        if is_given && found == (None, None) {
            // The value's own mistake is enough.
            return None;
        }
        let form = scheme.map_or(KeyForm::RAW, |scheme| scheme.key);
        names.one_of(source, form, found, &mut self.mistakes)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    fn mistakes(text: &str) -> Vec<String> {
        crate::config::sources::read(text, Duration::from_hours(24)).1
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
            ("prefix", r#""scheme":"stripe","secret":"x","prefix":"sha1=""#),
            ("prefix", r#""scheme":"duffel","secret":"x","prefix":"sha1=""#),
            ("algorithm", r#""scheme":"github","secret":"x","algorithm":"md5""#),
            ("secret_encoding", r#""scheme":"github","secret":"x","secret_encoding":"base32""#),
            ("separator", r#""scheme":"stripe","secret":"x","separator":"; ""#),
            ("separator", r#""scheme":"stripe","secret":"x","separator":"t""#),
            ("timestamp_unit", r#""scheme":"stripe","secret":"x","timestamp_unit":"h""#),
            ("timestamp_unit", r#""scheme":"github","secret":"x","timestamp_unit":"ms""#),
            ("timestamp_header", r#""scheme":"stripe","secret":"x","timestamp_header":"X-Time""#),
            ("timestamp_label", r#""scheme":"github","secret":"x","timestamp_label":"t""#),
            ("encoding", r#""scheme":"github","secret":"x","encoding":"text""#),
            ("signed", r#""scheme":"github","secret":"x","signed":"{time}""#),
            ("signed", r#""scheme":"github","secret":"x","signed":"{time}.{body}""#),
            ("signed", r#""scheme":"github","secret":"x","signed":"{id}{body}""#),
            ("signed", r#""scheme":"hmac-sha256","secret":"x","signed":"{id}.{body}""#),
            ("signed", r#""scheme":"gitlab-token","secret":"x","signed":"{body}""#),
            ("url", r#""scheme":"hmac-sha256","secret":"x","signed":"{url}{body}""#),
            ("url", r#""scheme":"github","secret":"x","url":"https://example.com""#),
            ("url", r#""scheme":"hmac-sha256","secret":"x","signed":"{url}{body}","url":"example.com""#),
            ("type", r#""scheme":"github","secret":"x","type":"kind""#),
            ("type", r#""scheme":"github","secret":"x","type":{"header":"a b"}"#),
            ("id", r#""scheme":"github","secret":"x","id":{"headers":"X-Id"}"#),
            ("key", r#""scheme":"github","secret":"x","key":["/id",{"header":"A"},{"header":"B"}]"#),
            ("key", r#""scheme":"github","secret":"x","key":[]"#),
            ("signature_header", r#""scheme":"github","secret":"x","signature_header":"?a=b""#),
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
}
