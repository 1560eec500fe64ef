//! `verify`: checks a delivery's signature, and finds out what is wrong as far as that is possible.

use std::{
    borrow::Cow,
    io::{self, Write},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use clap::Args;
use duffel_webhook_receiver::{
    config::DEFAULT_WINDOW,
    signature::{
        Delivery, SignatureError, Verified, Verifier,
        scheme::{Encoding, Layout, Scheme, Signed, Time},
    },
};

use crate::{
    commands::sign::{SECRET_HELP, SchemeArgument, keys, parse_header},
    shared::{Result, input::read_body, output::count},
};

/// Checks a signature header against a body, and reports what is wrong
#[derive(Args)]
#[command(after_help = SECRET_HELP)]
pub(crate) struct Arguments {
    /// The file with the exact bytes that were signed, or - for the standard input
    body: PathBuf,
    /// The signature's header, such as X-Duffel-Signature: its value or the whole line
    #[arg(long, value_name = "VALUE")]
    signature: String,
    /// Another header that the scheme needs, such as 'webhook-id: 7'; may be repeated
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
    let keys = keys(scheme)?;
    let secrets = keys.len();
    let verifier = Verifier::new("", scheme.clone(), keys, tolerance);
    let mut headers: Vec<_> =
        arguments.headers.iter().map(|(name, value)| (Cow::from(name.clone()), value.clone())).collect();
    headers.extend(signature(scheme, &arguments.signature));
    let body = read_body(&arguments.body)?;
    let verify = |body: &[u8]| {
        let delivery =
            Delivery { headers: headers.clone(), body: body.to_vec().into(), ..Delivery::default() };
        verifier.verify(delivery, now)
    };
    let found = verify(&body).map_err(|error| match error {
        SignatureError::Malformed => format!("{error}: its form is {}", form(scheme)),
        SignatureError::Mismatch => {
            let variants = variants(&body);
            let is_right = |body: &[u8]| is_of_body(&verify(body));
            let right = variants.iter().find(|(_, body)| is_right(body)).map(|(what, _)| *what);
            mismatch(error, right, secrets, &variants.iter().map(|(what, _)| *what).collect::<Vec<_>>())
        }
        _ => error.to_string(),
    })?;
    print(scheme, &found)
}

/// Describes what is wrong, or the attempts to find it out.
fn mismatch(error: SignatureError, right: Option<&str>, secrets: usize, tried: &[&str]) -> String {
    if let Some(what) = right {
        return format!(
            "the secret is right and the body is not: the signature is that of the body {what}. Verify the exact bytes \
             that were received"
        );
    }
    let were = if secrets == 1 { "was" } else { "were" };
    let secrets = count(secrets, "secret");
    let tried = [&["as it is"], tried].concat().join(", ");
    format!(
        "{error}: either the secret, the body or the header is wrong. {secrets} {were} tried, on the body {tried}"
    )
}

/// Reads the signature's header from its value or its whole line. For a value alone, the other headers determine which
/// of the scheme's header families it belongs to.
fn signature(scheme: &Scheme, text: &str) -> Vec<(Cow<'static, str>, String)> {
    let named = text.split_once(':').and_then(|(name, value)| {
        let mut names = scheme.families.iter().map(|family| &family.signature);
        let name = names.find(|known| known.eq_ignore_ascii_case(name.trim()))?;
        Some(vec![(name.clone(), value.trim().to_owned())])
    });
    let unnamed =
        || scheme.families.iter().map(|family| (family.signature.clone(), text.to_owned())).collect();
    named.unwrap_or_else(unnamed)
}

/// Whether the signature is that of the body, whatever its age.
fn is_of_body(outcome: &std::result::Result<Verified, SignatureError>) -> bool {
    matches!(outcome, Ok(_) | Err(SignatureError::Stale { .. } | SignatureError::Future { .. }))
}

/// The form of the headers.
fn form(scheme: &Scheme) -> String {
    let encoding = match scheme.encoding {
        Encoding::Hex => "HEX",
        Encoding::Base64 => "BASE64",
    };
    let value = match &scheme.layout {
        Layout::Labelled(labels) => {
            format!("t=SECONDS,{}={encoding}", labels.last().copied().unwrap_or_default())
        }
        Layout::Versioned => format!("v1,{encoding}"),
        Layout::Single(prefix) => format!("{prefix}{encoding}"),
    };
    let family = scheme.families.first();
    let id = family.and_then(|family| family.id.as_ref()).filter(|_| scheme.signed == Signed::IdTimeBody);
    let time = family.and_then(|family| family.time.as_ref()).filter(|_| scheme.time == Time::Header);
    let others = id.into_iter().map(|name| (name, "ID")).chain(time.map(|name| (name, "SECONDS")));
    let others = others.map(|(name, value)| format!(" --header '{name}: {value}'"));
    format!("--signature '{value}'{}", others.collect::<String>())
}

/// The body without the changes that editors and tools make, each with its description.
fn variants(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let shorter = body.strip_suffix(b"\r\n").or_else(|| body.strip_suffix(b"\n"));
    let lines = || body.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    [
        ("without its last newline", shorter.map(<[u8]>::to_vec)),
        ("with a newline at its end", Some([body, b"\n"].concat())),
        ("with LF for each CRLF", Some(lines().collect::<Vec<_>>().join(&b'\n'))),
        ("with CRLF for each LF", Some(lines().collect::<Vec<_>>().join(&b"\r\n"[..]))),
        ("without the white space between its JSON tokens", Some(compact(body))),
        ("without its byte order mark", body.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec)),
    ]
    .into_iter()
    .filter_map(|(what, variant)| Some((what, variant.filter(|variant| variant != body)?)))
    .collect()
}

/// Removes the white space outside the strings of JSON.
fn compact(body: &[u8]) -> Vec<u8> {
    let (mut in_string, mut escaped) = (false, false);
    let keep = |byte: &u8| {
        let keep = in_string || !byte.is_ascii_whitespace();
        in_string ^= *byte == b'"' && !escaped;
        escaped = in_string && *byte == b'\\' && !escaped;
        keep
    };
    body.iter().copied().filter(keep).collect()
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
    fn only_white_space_outside_strings_is_removed() {
        let pretty = br#"{ "a b": "\\\" c\\", "d": [ 1 ,
            "" ] }"#;
        assert_eq!(compact(pretty), br#"{"a b":"\\\" c\\","d":[1,""]}"#);
    }

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
