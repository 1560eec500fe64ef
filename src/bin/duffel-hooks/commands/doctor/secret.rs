//! `doctor`, in AWS: the stack's secret, and old ones that are still active.

use std::{collections::BTreeSet, time::Duration};

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    config::{DEFAULT_WINDOW, stored_sources},
    deployment::{Output, Stack, StackError, health},
    signature::secret::StoredSecrets,
};

use super::Finding;
use crate::shared::{
    output::{count, duration},
    store::put_secret_command,
};

const NAME: &str = "secret";

/// The most bytes of a secret:
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>.
const MAX_BYTES: usize = 65_536;

/// Duffel retries a delivery for this long, and signs each attempt with the secret of the first.
const RETRIES: Duration = Duration::from_hours(72);

pub(super) async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<Finding> {
    vec![secret(sdk, stack).await.unwrap_or_else(|error| Finding::unknown(NAME, &error))]
}

async fn secret(sdk: &SdkConfig, stack: &Stack) -> Result<Finding, StackError> {
    const RIGHT_ONE: &str = "store the webhook's secret as it is, as a plain string";
    if let Some(arns) = stack.parameter("SourcesArn") {
        return sources(sdk, stack, arns).await;
    }
    if stack.parameter("Sources").is_some() {
        return Ok(Finding::skipped(NAME, "with the parameter Sources, each source has its own"));
    }
    let arn = stack.output(Output::SecretArn)?;
    let store = put_secret_command(arn, None);
    let Some(current) = health::secrets(sdk, arn, "AWSCURRENT").await? else {
        let fix = "register the webhook (duffel-hooks webhooks create --store), or store its secret";
        return Ok(Finding::fail(NAME, "it has no value yet", fix).with_command(store));
    };
    let stored_at = current.stored_at;
    let current = match current.secrets {
        Ok(current) => current,
        Err(error) => return Ok(Finding::fail(NAME, error.to_string(), RIGHT_ONE).with_command(store)),
    };
    let doubts: Vec<_> = current.iter().flat_map(|active| active.secret.doubts()).collect();
    if let Some(doubt) = doubts.first() {
        let seen = format!("it {doubt}, unlike any secret of Duffel's");
        return Ok(Finding::fail(NAME, seen, RIGHT_ONE).with_command(store));
    }
    let previous = health::secrets(sdk, arn, "AWSPREVIOUS").await?;
    let previous = previous.and_then(|version| version.secrets.ok()).unwrap_or_default();
    let old = old(&current, &previous);
    let (current, previous) = (current.iter().len(), previous.iter().len());
    let active = count(current + previous, "active secret");
    let of_previous =
        if previous > 0 { format!(", {previous} of the previous version") } else { String::new() };
    let seen = format!("{active}{of_previous}");
    let age = stored_at.and_then(|at| at.elapsed().ok());
    Ok(match age.filter(|age| old > 0 && *age > RETRIES) {
        Some(age) => {
            let days = age.as_secs() / (24 * 60 * 60);
            let seen = format!(
                "{seen}; {} stored {} ago, although Duffel retries for {} only",
                if old == 1 {
                    "1 is older than the last change,".to_owned()
                } else {
                    format!("{old} are older than the last change,")
                },
                count(usize::try_from(days).unwrap_or(usize::MAX), "day"),
                duration(RETRIES),
            );
            let fix =
                "an old secret that leaked is still accepted; a rotation without the old ones ends that";
            Finding::warn(NAME, seen, fix)
                .with_command(format!("duffel-hooks rotate --stack {} --forget-old --dry-run", stack.name))
        }
        None => Finding::ok(NAME, seen),
    })
}

/// Reads the sources of the stack in their secrets, as the receiver does.
async fn sources(sdk: &SdkConfig, stack: &Stack, arns: &str) -> Result<Finding, StackError> {
    let mut texts = Vec::new();
    for (index, arn) in arns.split(',').map(str::trim).enumerate() {
        let Some(text) = health::text(sdk, arn).await? else {
            let seen = format!("secret {} of SourcesArn has no value, or one that is not text", index + 1);
            return Ok(Finding::fail(NAME, seen, "store the sources in it, as JSON"));
        };
        texts.push(text);
    }
    let window = stack.parameter("DedupWindow").and_then(|text| humantime::parse_duration(text).ok());
    let sources = match stored_sources::read(&texts, window.unwrap_or(DEFAULT_WINDOW)) {
        Ok(sources) => count(sources.len(), "source"),
        Err(error) => {
            let fix =
                "correct the sources: running receivers use the last valid ones, and a new one answers 503";
            return Ok(Finding::fail(NAME, error.to_string(), fix));
        }
    };
    let (number, largest) = texts
        .iter()
        .map(String::len)
        .zip(1..)
        .map(|(len, number)| (number, len))
        .max_by_key(|(_, len)| *len)
        .unwrap_or_default();
    let seen = format!(
        "{sources} in {}, the largest with {largest} of {MAX_BYTES} bytes",
        count(texts.len(), "secret")
    );
    Ok(if largest * 10 > MAX_BYTES * 9 {
        let fix =
            format!("secret {number} of SourcesArn is almost full: put further sources into another one");
        Finding::warn(NAME, seen, fix)
    } else {
        Finding::ok(NAME, seen)
    })
}

/// The number of active secrets beyond one for each mode.
fn old(current: &StoredSecrets, previous: &StoredSecrets) -> usize {
    let all: BTreeSet<_> =
        current.iter().chain(previous.iter()).map(|active| active.secret.expose().to_owned()).collect();
    let modes: BTreeSet<_> = current.iter().map(|active| active.live_mode).collect();
    all.len().saturating_sub(modes.len().max(1))
}
