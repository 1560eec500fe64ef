//! An example of a scheme: its source, and a delivery that is signed with a made-up secret.

use std::{fmt, time::SystemTime};

use duffel_webhook_receiver::{
    signature::{
        scheme::Preset,
        sign::{Signing, sign},
    },
    time::unix_seconds,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    NAME,
    shared::{
        Result, made_up,
        output::quoted,
        query::{divide, with_query},
        samples::catalogue,
    },
};

/// A source, and a delivery to it that it accepts.
#[derive(Serialize)]
pub(super) struct Example {
    /// The value of `SOURCES`.
    sources: Value,
    /// What signs: the secret of the source, or the private key of its public key.
    signing_secret: String,
    #[serde(skip)]
    has_public_key: bool,
    /// The value of `--scheme`.
    scheme: String,
    delivery: Delivery,
}

#[derive(Serialize)]
struct Delivery {
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Example {
    pub(super) fn new(preset: &Preset) -> Result<Self> {
        let name = preset.name;
        let mut scheme = preset.scheme();
        let url = scheme.signed.needs_url().then(|| format!("https://hooks.example.com/webhooks/{name}"));
        if let Some(url) = &url {
            scheme.signed = scheme.signed.at_url(url);
        }
        let signing_secret = made_up::secret(scheme.key)?;
        let key = signing_secret.signing_key(scheme.key)?;
        let now = SystemTime::now();
        let made = catalogue::first(name).make(&scheme, now);
        let body = made.body.to_string();
        let signing = Signing { label: None, id: &made.id, seconds: unix_seconds(now) };
        let signed = sign(&scheme, &key, signing, body.as_bytes())?;
        let (headers, query) = divide(made.headers.into_iter().chain(signed).collect());
        let path = with_query(&format!("/webhooks/{name}"), &query);

        let mut fields =
            json!({ "scheme": name, "secret": signing_secret.public_half(scheme.key)?.expose() });
        let mut argument = name.to_owned();
        if let Some(url) = url {
            argument = json!({ "scheme": name, "url": &url }).to_string();
            fields["url"] = url.into();
        }
        Ok(Self {
            sources: json!({ name: fields }),
            signing_secret: signing_secret.expose().to_owned(),
            has_public_key: scheme.key.algorithm.is_public(),
            scheme: argument,
            delivery: Delivery { path, headers, body },
        })
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sources, signing_secret, delivery, .. } = self;
        let of_key = if self.has_public_key { " public key" } else { " secret" };
        writeln!(f, "A source with a made-up{of_key} (deployed, with secret_arn instead of secret):\n")?;
        writeln!(f, "  {sources}\n")?;
        writeln!(f, "A delivery to it:\n\n  POST {}", delivery.path)?;
        for (name, value) in &delivery.headers {
            writeln!(f, "  {name}: {value}")?;
        }
        writeln!(f, "\n  {}\n", delivery.body)?;
        writeln!(f, "To try it, in two terminals:\n")?;
        writeln!(f, "  SOURCES={} {NAME} serve", quoted(&sources.to_string()))?;
        let scheme = if self.scheme.starts_with('{') { quoted(&self.scheme) } else { self.scheme.clone() };
        writeln!(f, "  WEBHOOK_SECRET={} {NAME} trigger --scheme {scheme}", quoted(signing_secret))?;
        if self.has_public_key {
            writeln!(f, "\nThe secret of trigger is the private key of the source's public key.")?;
        }
        Ok(())
    }
}
