//! `sign`: prints the signature of a body. The other commands that sign or verify share its options.

use std::{
    env,
    error::Error,
    io::{self, Write},
    path::PathBuf,
    time::SystemTime,
};

use clap::Args;
use duffel_webhook_receiver::{
    config::sources,
    signature::{
        scheme::Scheme,
        secret::{Key, Secret, SecretError},
        sign::{self, Signing},
    },
    time::unix_seconds,
};
use http::{HeaderName, HeaderValue};

use crate::shared::{
    Result, WrongUsage,
    input::read_body,
    offer::offering_schemes,
    samples::{self, ids::new_signed_id},
};

/// Prints the signature header of a body, or all headers if the scheme has several
#[derive(Args)]
#[command(after_help = body_help())]
pub(crate) struct SignArguments {
    /// The file with the exact bytes to sign, a sample, or - for the standard input
    body: PathBuf,
    #[command(flatten)]
    signer: Signer,
}

pub(crate) const SECRET_HELP: &str = "The secret is read from WEBHOOK_SECRET.";

pub(crate) const SIGNING_HELP: &str = "The secret is read from WEBHOOK_SECRET. For a scheme with public keys, it is the private key: \
the 32 bytes of the seed (Ed25519) or of the number (ECDSA), in hex or base64.";

pub(crate) fn body_help() -> String {
    format!("Samples, by event type: {}\n\n{SIGNING_HELP}", samples::kinds())
}

#[derive(Args)]
pub(crate) struct SchemeArgument {
    /// The provider's signature scheme: a name that `duffel-hooks schemes` lists, such as slack, or the
    /// fields of a source, as in '{"scheme":"hmac-sha256","prefix":"sha256="}' [default: duffel]
    #[arg(long, value_name = "SCHEME", value_parser = offering_schemes(), hide_possible_values = true)]
    scheme: Option<String>,
}

impl SchemeArgument {
    /// Reads the scheme, in which the URL of the endpoint is known.
    pub(crate) fn read(&self) -> std::result::Result<Scheme, WrongUsage> {
        let scheme = self.read_or("duffel")?;
        if scheme.signed.needs_url() {
            let name = scheme.name;
            return Err(WrongUsage(format!(
                "--scheme: signatures of the scheme {name} cover the URL at which the provider delivers: give it as \
                 '{{\"scheme\":\"{name}\",\"url\":\"https://…\"}}'"
            )));
        }
        Ok(scheme)
    }

    /// Not a value parser, which would print the whole argument, with a secret put there by mistake.
    fn read_or(&self, default: &str) -> std::result::Result<Scheme, WrongUsage> {
        let scheme = self.scheme.as_deref().unwrap_or(default);
        if scheme.starts_with('{') {
            return sources::read_scheme(scheme)
                .map_err(|mistake| WrongUsage(format!("--scheme: {mistake}")));
        }
        let names = || {
            let first = Scheme::NAMES.join(", ");
            WrongUsage(format!(
                "--scheme: the schemes are {first}, and others that `duffel-hooks schemes` lists"
            ))
        };
        Scheme::named(scheme).ok_or_else(names)
    }
}

/// The options of a signature
#[derive(Args)]
pub(crate) struct Signer {
    #[command(flatten)]
    scheme: SchemeArgument,
    /// The label of the signature, if the scheme has several: for Duffel v1, as in its documentation,
    /// or v2, as in live traffic [default: the last]
    #[arg(long)]
    label: Option<String>,
    /// The time to sign, in seconds since the epoch, whatever the unit of the scheme [default: now]
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<u64>,
    /// The id to sign, if the scheme signs one [default: a random one]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// A header to add, unsigned, such as 'X-GitHub-Event: push'; may be repeated. A name after ? is a
    /// parameter in the query of the URL
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
}

impl Signer {
    /// The scheme, with which the other options agree.
    pub(crate) fn scheme(&self) -> std::result::Result<Scheme, WrongUsage> {
        let scheme = self.scheme.read()?;
        self.check(&scheme)?;
        Ok(scheme)
    }

    /// The scheme, or the one of this name if none is given. Its signatures cover the URL to deliver to, if they cover
    /// one and no other is given.
    pub(crate) fn scheme_at(
        &self,
        default: &str,
        url: impl FnOnce(&Scheme) -> String,
    ) -> std::result::Result<Scheme, WrongUsage> {
        let mut scheme = self.scheme.read_or(default)?;
        if scheme.signed.needs_url() {
            scheme.signed = scheme.signed.at_url(&url(&scheme));
        }
        self.check(&scheme)?;
        Ok(scheme)
    }

    /// The name of the scheme, if one is given.
    pub(crate) fn scheme_name(&self) -> std::result::Result<Option<&'static str>, WrongUsage> {
        self.scheme.scheme.as_ref().map(|_| Ok(self.scheme.read_or("duffel")?.name)).transpose()
    }

    /// Signs a body with the first secret of `WEBHOOK_SECRET`. The signature's header is the last.
    ///
    /// The id to sign and the unsigned headers are used unless the command line gives others.
    pub(crate) fn headers(
        &self,
        scheme: &Scheme,
        body: &[u8],
        id: Option<&str>,
        unsigned: Vec<(String, String)>,
    ) -> Result<Vec<(String, String)>> {
        let secret = secrets()?.into_iter().next().ok_or("WEBHOOK_SECRET has no secret")?;
        let key = secret.signing_key(scheme.key).map_err(not_valid)?;
        let seconds = self.timestamp.unwrap_or_else(|| unix_seconds(SystemTime::now()));
        let id = self.id.as_deref().or(id).map(str::to_owned);
        let id = id.unwrap_or_else(|| new_signed_id(scheme));
        let signing = Signing { label: self.label.as_deref(), id: &id, seconds };
        let signed = sign::sign(scheme, &key, signing, body).map_err(|_| cannot_sign(scheme))?;
        let is_given = |name: &str| self.headers.iter().any(|(given, _)| given == name);
        let unsigned = unsigned.into_iter().filter(|(name, _)| !is_given(name));
        Ok(unsigned.chain(self.headers.iter().cloned()).chain(signed).collect())
    }

    /// Refuses options that do not apply to the scheme, instead of ignoring them.
    fn check(&self, scheme: &Scheme) -> std::result::Result<(), WrongUsage> {
        let labels: Vec<_> = scheme.layout.labels().iter().map(|label| &*label.name).collect();
        let name = scheme.name;
        match &self.label {
            Some(_) if labels.is_empty() => {
                return Err(WrongUsage(format!("--label: signatures of the scheme {name} have no label")));
            }
            Some(label) if !labels.contains(&label.as_str()) => {
                return Err(WrongUsage(format!("--label: the scheme {name} has {}", labels.join(" and "))));
            }
            _ => {}
        }
        if self.id.is_some() && !scheme.signed.covers_id() {
            return Err(WrongUsage(format!("--id: the scheme {name} does not sign an id")));
        }
        Ok(())
    }
}

/// Says why a body cannot be signed: the id is the only part that may have a form of its own.
fn cannot_sign(scheme: &Scheme) -> String {
    let signed = &scheme.signed;
    let id = match signed.id_width() {
        Some(width) => format!("an id must have {width} bytes"),
        None => "an id must not be blank, or contain the text that follows it".to_owned(),
    };
    format!(
        "it cannot be signed: the signature is over {signed}, where {id}, and a time must have as many digits as now"
    )
}

/// Reads a header, or a parameter in the query of the URL after a question mark.
pub(crate) fn parse_header(text: &str) -> std::result::Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("there must be a colon after the name")?;
    let (name, value) = (name.trim().to_lowercase(), value.trim().to_owned());
    if let Some(parameter) = text.strip_prefix('?') {
        // The case of a parameter has a meaning.
        let (name, _) = parameter.split_once(':').unwrap_or((parameter, ""));
        return Ok((format!("?{}", name.trim()), value));
    }
    HeaderName::try_from(&name).map_err(|_| "the part before the colon is not a valid header name")?;
    HeaderValue::try_from(&value).map_err(|_| "the part after the colon is not a valid header value")?;
    Ok((name, value))
}

/// Reads the secrets of `WEBHOOK_SECRET`.
pub(crate) fn secrets() -> Result<Vec<Secret>> {
    let list = env::var("WEBHOOK_SECRET").map_err(
        |_| "WEBHOOK_SECRET is not set: set it to the webhook's secret, or to the one that `serve` printed",
    )?;
    let secrets: std::result::Result<_, _> = list.split(',').map(Secret::new).collect();
    secrets.map_err(not_valid)
}

/// Makes the keys of a scheme.
pub(crate) fn keys(scheme: &Scheme, secrets: &[Secret]) -> Result<Vec<Key>> {
    let keys: std::result::Result<_, _> = secrets.iter().map(|secret| secret.key(scheme.key)).collect();
    keys.map_err(not_valid)
}

fn not_valid(error: SecretError) -> Box<dyn Error + Send + Sync> {
    format!("WEBHOOK_SECRET: {error}").into()
}

pub(crate) fn sign(arguments: &SignArguments) -> Result<()> {
    let body = read_body(&arguments.body)?;
    let headers = arguments.signer.headers(&arguments.signer.scheme()?, &body, None, Vec::new())?;
    if let [(_, value)] = &headers[..] {
        writeln!(io::stdout(), "{value}")?;
    } else {
        for (name, value) in headers {
            writeln!(io::stdout(), "{name}: {value}")?;
        }
    }
    Ok(())
}
