//! The scheme of a source: a provider's, or the generic one with the fields that configure it.

use serde_json::Value;

use super::fields::{Fields, shown};
use crate::signature::scheme::{Encoding, Family, Layout, Scheme, Signed, Text, Time};

impl Fields {
    /// Takes the scheme and its fields.
    pub(super) fn scheme(&mut self) -> Option<Scheme> {
        let names = Scheme::NAMES.join(", ");
        if !self.has("scheme") {
            self.mistakes.add("scheme", format!("is required: one of {names}"));
        }
        let name = self.string("scheme")?;
        let Some(mut scheme) = Scheme::named(&name) else {
            self.mistakes.add_value("scheme", &name, format!("is not known: it must be one of {names}"));
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
                self.mistakes.add_value("prefix", &prefix, "has a comma, which separates signatures");
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
            Some(Value::Bool(true)) => self.mistakes.add("signed_timestamp", "needs timestamp_header"),
            Some(value) => {
                self.mistakes.add("signed_timestamp", format!("{} is not true or false", shown(&value)));
            }
        }
        if let Some(pointer) = self.pointer("key") {
            (scheme.id, scheme.idempotency_key) = (pointer.clone(), pointer);
        }
        if let Some(pointer) = self.pointer("type") {
            scheme.kind = pointer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::sources::read_scheme, signature::scheme::FieldLocation};

    #[test]
    fn the_generic_scheme_is_configured_by_its_fields() {
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
}
