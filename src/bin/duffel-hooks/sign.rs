//! `sign` and `verify`: what a delivery's signature is, and whether one is right.

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use clap::Args;
use duffel_webhook_receiver::{
    config::DEFAULT_WINDOW,
    scheme::{Family, Scheme, Time},
    secret::{Key, Secret},
    sign::{self, Signing},
    signature::{Delivery, Verifier, unix_seconds},
    sources,
};
use uuid::Uuid;

use crate::{Result, read_body};

/// Prints the signature header of a body, or all headers where a scheme needs several
#[derive(Args)]
#[command(after_help = SECRET_HELP)]
pub(crate) struct SignArguments {
    /// The file with the exact bytes to sign; - for the standard input
    body: PathBuf,
    #[command(flatten)]
    signer: Signer,
}

/// Checks a signature header against a body, and says what is wrong with it
#[derive(Args)]
#[command(after_help = SECRET_HELP)]
pub(crate) struct VerifyArguments {
    /// The file with the exact bytes that were signed; - for the standard input
    body: PathBuf,
    /// The value of the signature's header, such as X-Duffel-Signature
    #[arg(long, value_name = "VALUE")]
    signature: String,
    /// Another header that the scheme needs, such as 'webhook-id: 7'; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    #[command(flatten)]
    scheme: SchemeArgument,
    /// How old the signature may be [default: as the receiver's]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    tolerance: Option<Duration>,
}

pub(crate) const SECRET_HELP: &str = "The secret is read from WEBHOOK_SECRET.";

#[derive(Args)]
struct SchemeArgument {
    /// How the provider signs: duffel, standard-webhooks, stripe, github, shopify, hmac-sha256, or
    /// the fields of a source, as in '{"scheme":"hmac-sha256","prefix":"sha256="}'
    #[arg(long, value_name = "SCHEME", default_value = "duffel")]
    scheme: String,
}

impl SchemeArgument {
    /// Not the parser's business: it would print the whole argument, and with it a secret put there by mistake.
    fn read(&self) -> Result<Scheme> {
        if self.scheme.starts_with('{') {
            return sources::read_scheme(&self.scheme)
                .map_err(|mistake| format!("--scheme: {mistake}").into());
        }
        let names = Scheme::NAMES.join(", ");
        Scheme::named(&self.scheme).ok_or_else(|| format!("--scheme: there are {names}").into())
    }
}

/// How to sign
#[derive(Args)]
pub(crate) struct Signer {
    #[command(flatten)]
    scheme: SchemeArgument,
    /// The label of the signature, where there is a choice: for Duffel v1, as its documentation has
    /// it, or v2, as live traffic has it [default: the latter]
    #[arg(long)]
    label: Option<String>,
    /// The time to sign, in seconds since the epoch [default: now]
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<u64>,
    /// The id to sign, where a scheme signs one [default: a random one]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// A header to add, unsigned, such as 'X-GitHub-Event: push'; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
}

impl Signer {
    /// Signs a body with the first secret of the environment; the signature's header comes last.
    pub(crate) fn headers(&self, body: &[u8]) -> Result<Vec<(String, String)>> {
        let scheme = &self.scheme.read()?;
        let key = keys(scheme)?.into_iter().next().ok_or("WEBHOOK_SECRET has no secret")?;
        let seconds = self.timestamp.unwrap_or_else(|| unix_seconds(SystemTime::now()));
        let id = self.id.clone().unwrap_or_else(|| format!("msg_{}", Uuid::new_v4().simple()));
        let signing = Signing { label: self.label.as_deref(), id: &id, seconds };
        let signed = sign::sign(scheme, &key, signing, body).map_err(
            |_| "it cannot be signed: a public key signs nothing, and an id is neither blank nor has dots",
        )?;
        Ok(self.headers.iter().cloned().chain(signed).collect())
    }
}

fn parse_header(text: &str) -> std::result::Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("there must be a colon after the name")?;
    Ok((name.trim().to_lowercase(), value.trim().to_owned()))
}

fn keys(scheme: &Scheme) -> Result<Vec<Key>> {
    let list = env::var("WEBHOOK_SECRET").map_err(
        |_| "WEBHOOK_SECRET is not set: give it the webhook's secret, or the one that `serve` printed",
    )?;
    let key = |text| Secret::new(text)?.key(scheme.key);
    let keys: std::result::Result<_, _> = list.split(',').map(key).collect();
    keys.map_err(|error| format!("WEBHOOK_SECRET: {error}").into())
}

pub(crate) fn sign(arguments: &SignArguments) -> Result<()> {
    let headers = arguments.signer.headers(&read_body(&arguments.body)?)?;
    if let [(_, value)] = &headers[..] {
        writeln!(io::stdout(), "{value}")?;
    } else {
        for (name, value) in headers {
            writeln!(io::stdout(), "{name}: {value}")?;
        }
    }
    Ok(())
}

pub(crate) fn verify(arguments: &VerifyArguments) -> Result<()> {
    let now = SystemTime::now();
    let scheme = &arguments.scheme.read()?;
    let tolerance = arguments.tolerance.or(scheme.tolerance).unwrap_or(DEFAULT_WINDOW);
    let verifier = Verifier::new("", scheme.clone(), keys(scheme)?, tolerance);
    // The other headers say which of the families is meant.
    let signature = |family: &Family| (family.signature.to_string(), arguments.signature.clone());
    let headers = arguments.headers.iter().cloned().chain(scheme.families.iter().map(signature));
    let headers = headers.map(|(name, value)| (name.into(), value)).collect();
    let body = read_body(&arguments.body)?.into();
    let found = verifier.verify(Delivery { headers, body, ..Delivery::default() }, now)?;
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
