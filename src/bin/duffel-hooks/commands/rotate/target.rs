//! The secret to rotate, and the stack that uses it.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    deployment::{Output, Stack, ledger_records::LedgerRecords},
    duffel::undelivered,
};

use crate::shared::{Result, output::remark};

pub(super) struct Target {
    /// The ARN of the secret.
    pub(super) arn: String,
    /// Whether the secret is the stack's own, and not that of one of its sources.
    pub(super) is_stacks: bool,
    /// The URL at which the stack receives.
    pub(super) url: Option<String>,
    /// How far back the ledger deduplicates redeliveries; `None` without a stack.
    pub(super) memory: Option<Duration>,
    /// The mode of the only webhook that uses the secret, if the stack has one mode.
    pub(super) live_mode: Option<bool>,
}

impl Target {
    pub(super) async fn resolve(stack: Option<&str>, secret: Option<&str>, sdk: &SdkConfig) -> Result<Self> {
        let Some(name) = stack else {
            let arn = secret.ok_or("give --stack or --secret")?.to_owned();
            return Ok(Self { arn, is_stacks: false, url: None, memory: None, live_mode: None });
        };
        let stack = Stack::find(sdk, name).await?;
        let own = stack.output(Output::SecretArn);
        let live_mode = match stack.parameter("LiveMode") {
            // The parameter does not apply to another secret, such as that of one of Sources.
            _ if secret.is_some_and(|arn| own.as_ref().ok() != Some(&arn)) => None,
            Some("live") => Some(true),
            Some("test") => Some(false),
            _ => None,
        };
        let arn = match secret {
            Some(arn) => arn,
            None => {
                own.map_err(|error| format!("{error} With Sources, give the source's --secret and --url"))?
            }
        };
        let window = stack.parameter("DedupWindow").and_then(|text| humantime::parse_duration(text).ok());
        let age = ledger_age(&stack, sdk).await;
        Ok(Self {
            arn: arn.to_owned(),
            is_stacks: secret.is_none(),
            url: Some(stack.output(Output::WebhookUrl)?.to_owned()),
            memory: window.map(undelivered::look_back).into_iter().chain(age).min(),
            live_mode,
        })
    }
}

/// The age of the ledger. It has no records of events that were forwarded before its creation.
async fn ledger_age(stack: &Stack, sdk: &SdkConfig) -> Option<Duration> {
    let table = stack.output(Output::LedgerTableName).ok()?;
    match LedgerRecords::new(sdk, table).created_at().await {
        Ok(created) => SystemTime::now().duration_since(created?).ok(),
        Err(error) => {
            // The rotation of a leaked secret must not wait for this permission.
            remark(&format!(
                "The age of the ledger {table} is not known, so events from before its creation may be forwarded \
                 again: {error}"
            ));
            None
        }
    }
}
