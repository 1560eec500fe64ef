//! `sign` and `verify`: what a delivery's signature header is, and whether one is right.

use std::{
    env,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use clap::{Args, ValueEnum};
use duffel_webhook_receiver::signature::{self, Delivery, Secret, Verifier, unix_seconds};

use crate::{Result, read_body};

/// Prints the signature header of a body
#[derive(Args)]
pub(crate) struct SignArguments {
    /// The file with the exact bytes to sign; - for the standard input
    body: PathBuf,
    #[command(flatten)]
    signing: Signing,
}

/// Checks a signature header against a body, and says what is wrong with it
#[derive(Args)]
pub(crate) struct VerifyArguments {
    /// The file with the exact bytes that were signed; - for the standard input
    body: PathBuf,
    /// The value of the header X-Duffel-Signature
    #[arg(long, value_name = "HEADER")]
    signature: String,
    /// How old the signature may be
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = humantime::parse_duration)]
    tolerance: Duration,
}

/// How to sign; the secret comes from `WEBHOOK_SECRET` (the first, where there are several)
#[derive(Args)]
pub(crate) struct Signing {
    /// The label of the signature: v2 as live traffic has it, v1 as the documentation has it
    #[arg(long, value_enum, default_value_t = Label::V2)]
    label: Label,
    /// The time to sign, in seconds since the epoch [default: now]
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Label {
    V1,
    V2,
}

impl Signing {
    /// Signs a body with the first secret of the environment.
    pub(crate) fn header(&self, body: &[u8]) -> Result<String> {
        let secret = secrets()?.into_iter().next().ok_or("WEBHOOK_SECRET has no secret")?;
        let label = match self.label {
            Label::V1 => signature::Label::V1,
            Label::V2 => signature::Label::V2,
        };
        let timestamp = self.timestamp.unwrap_or_else(|| unix_seconds(SystemTime::now()));
        Ok(secret.sign(label, timestamp, body))
    }
}

fn secrets() -> Result<Vec<Secret>> {
    let list = env::var("WEBHOOK_SECRET").map_err(
        |_| "WEBHOOK_SECRET is not set: give it the webhook's secret, or the one that `serve` printed",
    )?;
    let secrets: std::result::Result<Vec<_>, _> = list.split(',').map(Secret::new).collect();
    secrets.map_err(|_| "WEBHOOK_SECRET has a blank secret".into())
}

pub(crate) fn sign(arguments: &SignArguments) -> Result<()> {
    println!("{}", arguments.signing.header(&read_body(&arguments.body)?)?);
    Ok(())
}

pub(crate) fn verify(arguments: &VerifyArguments) -> Result<()> {
    let now = SystemTime::now();
    let verifier = Verifier::new(secrets()?, arguments.tolerance);
    let delivery = Delivery {
        source: String::new(),
        signature: Some(arguments.signature.clone()),
        body: read_body(&arguments.body)?.into(),
        trace: None,
    };
    let found = verifier.verify(delivery, now)?;
    let signed_at = Duration::from_secs(found.timestamp());
    let signed_at = humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + signed_at);
    println!("valid: {} of {signed_at}", found.label().as_str());
    Ok(())
}
