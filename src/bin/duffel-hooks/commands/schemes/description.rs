//! A scheme in words.

use std::fmt;

use duffel_webhook_receiver::signature::scheme::{Algorithm, Preset};
use serde::Serialize;

use super::words;

/// A preset in words, for people and, as JSON, for programs.
#[derive(Serialize)]
pub(super) struct Description {
    name: &'static str,
    provider: &'static str,
    documentation: &'static str,
    /// The names of each family of headers, with what they have.
    headers: Vec<Vec<Header>>,
    signed_text: String,
    algorithm: String,
    encoding: String,
    secret: &'static str,
    time: String,
    #[serde(rename = "type")]
    kind: String,
    id: String,
    key: String,
    pub(super) signature_covers: Vec<&'static str>,
    not_covered: Vec<&'static str>,
    protects: Vec<String>,
    does_not_protect: Vec<String>,
    weakness: Option<&'static str>,
    /// The name of the handshake, which docs/handshakes.md describes.
    handshake: Option<&'static str>,
    answer: Option<String>,
    /// Whether a source must have the field `url`.
    needs_url: bool,
}

#[derive(Serialize)]
struct Header {
    name: String,
    has: &'static str,
}

impl Description {
    pub(super) fn of(preset: &Preset) -> Self {
        let scheme = &preset.scheme();
        let needs_url = scheme.signed.needs_url();
        let covers = words::covers(scheme, needs_url);
        let headers = scheme.families.iter().map(|family| {
            let headers = words::headers(scheme, family);
            headers.into_iter().map(|(name, has)| Header { name, has }).collect()
        });
        let signed_text = if scheme.key.algorithm == Algorithm::Token {
            "none: the header is the secret".to_owned()
        } else {
            scheme.signed.to_string().replace('\n', "\\n")
        };
        Self {
            name: preset.name,
            provider: preset.title,
            documentation: preset.documentation,
            headers: headers.collect(),
            signed_text,
            algorithm: words::algorithm(scheme),
            encoding: words::encoding(scheme),
            secret: words::secret(scheme),
            time: words::time(scheme),
            kind: words::place(scheme, &scheme.kind, |family| family.kind.as_ref()),
            id: words::place(scheme, &scheme.id, |family| family.id.as_ref()),
            key: words::key(scheme),
            not_covered: words::not_covered(scheme, &covers),
            protects: words::protects(scheme, &covers),
            does_not_protect: words::does_not_protect(scheme, &covers),
            signature_covers: covers,
            weakness: preset.weakness,
            handshake: words::handshake(scheme),
            answer: words::answer(scheme),
            needs_url,
        }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({})\n", self.provider, self.name)?;
        let mut line = |label: &str, value: &str| writeln!(f, "{label:<18}{value}");
        line("Documentation", self.documentation)?;
        for (index, family) in self.headers.iter().enumerate() {
            let headers: Vec<_> =
                family.iter().map(|header| format!("{} ({})", header.name, header.has)).collect();
            line(if index == 0 { "Headers" } else { "  or" }, &headers.join(", "))?;
        }
        line("Signed text", &self.signed_text)?;
        line("Algorithm", &self.algorithm)?;
        line("Encoding", &self.encoding)?;
        line("Secret", self.secret)?;
        line("Time", &self.time)?;
        line("Type", &self.kind)?;
        line("Id", &self.id)?;
        line("Key", &self.key)?;
        for (label, list) in [("Protects", &self.protects), ("Does not protect", &self.does_not_protect)] {
            for (index, entry) in list.iter().enumerate() {
                line(if index == 0 { label } else { "" }, entry)?;
            }
        }
        if let Some(weakness) = self.weakness {
            line("Weakness", weakness)?;
        }
        if let Some(handshake) = self.handshake {
            line("Handshake", handshake)?;
        }
        if let Some(answer) = &self.answer {
            line("Answer", answer)?;
        }
        if self.needs_url {
            line(
                "Field url",
                "required: the URL at which the provider delivers, exactly as it is registered there",
            )?;
        }
        Ok(())
    }
}
