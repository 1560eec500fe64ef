//! `verify`: checks a delivery's signature, and finds out what is wrong as far as that is possible.

use std::{
    borrow::Cow,
    io::{self, Write},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use clap::Args;
use duffel_webhook_receiver::{
    config::DEFAULT_WINDOW,
    signature::{
        Delivery, SignatureError, Verified, Verifier,
        scheme::{Encoding, Label, Layout, Preset, Scheme, Text, Time, TimeUnit},
    },
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    commands::sign::{SECRET_HELP, SchemeArgument, keys, parse_header, secrets},
    shared::{
        Result,
        diagnosis::{self, Known, Mistake, Part, Request},
        input::read_body,
        output::count,
        query::query,
    },
};

/// Checks a signature header against a body, and reports what is wrong
#[derive(Args)]
#[command(after_help = SECRET_HELP)]
pub(crate) struct Arguments {
    /// The file with the exact bytes that were signed, or - for the standard input
    body: PathBuf,
    /// The signature's header, such as X-Duffel-Signature: its value or the whole line. If the scheme has
    /// the signature in the query of the URL, its value
    #[arg(long, value_name = "VALUE")]
    signature: String,
    /// Another header that the scheme needs, such as 'webhook-id: 7'; may be repeated. A name after ? is a
    /// parameter in the query of the URL
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    #[command(flatten)]
    scheme: SchemeArgument,
    /// The maximum age of the signature [default: that of the receiver]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    tolerance: Option<Duration>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let now = SystemTime::now();
    let scheme = &arguments.scheme.read()?;
    let tolerance = arguments.tolerance.or(scheme.tolerance).unwrap_or(DEFAULT_WINDOW);
    let secrets = secrets()?;
    let verifier = Verifier::new("", scheme.clone(), keys(scheme, &secrets)?, tolerance);
    let mut headers: Vec<_> =
        arguments.headers.iter().map(|(name, value)| (Cow::from(name.clone()), value.clone())).collect();
    headers.extend(signature(scheme, &arguments.signature));
    let body: Bytes = read_body(&arguments.body)?.into();
    let delivery = Delivery { headers: headers.clone(), body: body.clone(), ..Delivery::default() };
    let found = verifier.verify(delivery, now).map_err(|error| {
        let this = Known { name: "", scheme, secrets: &secrets };
        let parameters = headers.iter().filter(|(name, _)| name.starts_with('?'));
        let query = query(parameters.map(|(name, value)| (&**name, value.as_str())));
        let map = header_map(&headers);
        let request = Request { headers: &map, query: Some(&query), body: &body };
        let mistake = diagnosis::find(&this, &[], &request);
        explain(scheme, error, mistake.as_ref(), secrets.len())
    })?;
    print(scheme, &found)
}

/// Describes what is wrong, as far as that was found out.
fn explain(scheme: &Scheme, error: SignatureError, mistake: Option<&Mistake>, secrets: usize) -> String {
    match (error, mistake) {
        (_, Some(mistake)) if mistake.part == Part::Body => format!(
            "the secret is right and the body is not: the signature is that of the body {}. Verify the exact bytes that \
             were received",
            mistake.change
        ),
        (SignatureError::Malformed, Some(mistake)) => {
            format!("{error}: its form is {}; {}", form(scheme), mistake.hint())
        }
        (SignatureError::Malformed, None) => format!("{error}: its form is {}", form(scheme)),
        (SignatureError::Mismatch, Some(mistake)) => format!("{}; {}", mistake.what(), mistake.hint()),
        (SignatureError::Mismatch, None) => {
            let were = if secrets == 1 { "was" } else { "were" };
            let secrets = count(secrets, "secret");
            format!(
                "{error}: either the secret, the body or the header is wrong. {secrets} {were} tried, also with the \
                 usual mistakes in secret, body, time and form"
            )
        }
        (_, Some(mistake)) => format!("{error}; {}", mistake.hint()),
        (_, None) => error.to_string(),
    }
}

/// The headers as a request has them. A name or a value that no request can have is left out.
fn header_map(headers: &[(Cow<'static, str>, String)]) -> HeaderMap {
    let header = |(name, value): &(Cow<'static, str>, String)| {
        Some((HeaderName::try_from(name.as_ref()).ok()?, HeaderValue::try_from(value).ok()?))
    };
    headers.iter().filter_map(header).collect()
}

/// Reads the signature's header from its value or its whole line. For a value alone, the other headers determine which
/// of the scheme's header families it belongs to.
fn signature(scheme: &Scheme, text: &str) -> Vec<(Cow<'static, str>, String)> {
    let named = text.split_once(':').and_then(|(name, value)| {
        let is_known = |known: &Text| known.eq_ignore_ascii_case(name.trim());
        let own = scheme.families.iter().map(|family| family.signature.clone()).find(is_known);
        let of_another = || {
            let others = Preset::all().flat_map(|preset| preset.scheme().families);
            others.map(|family| family.signature).find(is_known)
        };
        Some(vec![(own.or_else(of_another)?, value.trim().to_owned())])
    });
    let unnamed =
        || scheme.families.iter().map(|family| (family.signature.clone(), text.to_owned())).collect();
    named.unwrap_or_else(unnamed)
}

/// The form of the headers.
fn form(scheme: &Scheme) -> String {
    let encoding = match scheme.encoding {
        Encoding::Hex => "HEX",
        Encoding::Base64 => "BASE64",
        Encoding::Base64Url => "BASE64URL",
        Encoding::Text => "TOKEN",
    };
    let unit = match scheme.time_unit {
        TimeUnit::Seconds => "SECONDS",
        TimeUnit::Milliseconds => "MILLISECONDS",
        TimeUnit::Rfc3339 => "DATE",
    };
    let value = match &scheme.layout {
        Layout::Plain { prefix, .. } => format!("{prefix}{encoding}"),
        Layout::Labelled { separator, assign, time, labels } => {
            let of_secrets = |label: &&Label| label.algorithm == scheme.key.algorithm;
            let label = labels.iter().rfind(of_secrets).map(|label| &*label.name).unwrap_or_default();
            let time = time.as_ref().map(|time| format!("{time}{assign}{unit}{separator}"));
            format!("{}{label}{assign}{encoding}", time.unwrap_or_default())
        }
    };
    let family = scheme.families.first();
    let id = family.and_then(|family| family.id.as_ref()).filter(|_| scheme.signed.covers_id());
    let time = family.and_then(|family| family.time.as_ref()).filter(|_| scheme.time == Time::Header);
    let others = id.into_iter().map(|name| (name, "ID")).chain(time.map(|name| (name, unit)));
    let others = others.map(|(name, value)| format!(" --header '{name}: {value}'"));
    format!("--signature '{value}'{}", others.collect::<String>())
}

fn print(scheme: &Scheme, found: &Verified) -> Result<()> {
    let label = Some(found.label()).filter(|label| !label.is_empty()).unwrap_or(scheme.name);
    match found.timestamp() {
        Some(seconds) => {
            let signed_at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            writeln!(io::stdout(), "valid: {label} of {}", humantime::format_rfc3339_seconds(signed_at))?;
        }
        None if scheme.time == Time::Nowhere => {
            writeln!(io::stdout(), "valid: {label}, which has no time")?;
        }
        None => writeln!(io::stdout(), "valid: {label}, whose time is not signed")?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_may_come_with_its_name() {
        let scheme = &Scheme::standard_webhooks();
        let read = |text| signature(scheme, text);
        assert_eq!(read("Svix-Signature:  v1,abc="), [("svix-signature".into(), "v1,abc=".to_owned())]);
        assert_eq!(read("v1,abc=")[0], ("webhook-signature".into(), "v1,abc=".to_owned()));
        assert_eq!(read("v1,abc=")[1], ("svix-signature".into(), "v1,abc=".to_owned()));
        assert_eq!(read("X: v1,abc=")[0], ("webhook-signature".into(), "X: v1,abc=".to_owned()));
    }
}
