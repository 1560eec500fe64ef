//! Which secret, and what does the stack say of it?

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    duffel::undelivered,
    operator::{Output, Stack, memory::Memory, stored_secret::Active},
};

use super::{Arguments, ground::Standing, journal::Journal, many};
use crate::{Result, api::tell};

/// Where the secret is, and where it is used.
pub(super) struct Place {
    /// The secret's.
    pub(super) arn: String,
    /// Where the stack receives.
    pub(super) url: Option<String>,
    /// How far back what is delivered again is surely known to have been forwarded, if the stack tells.
    pub(super) memory: Option<Duration>,
    /// The mode of the only webhook that uses the secret, if the stack tells.
    live_mode: Option<bool>,
}

impl Place {
    pub(super) async fn find(arguments: &Arguments, sdk: &SdkConfig) -> Result<Self> {
        let Some(name) = &arguments.stack else {
            let arn = arguments.secret.clone().ok_or("give --stack or --secret")?;
            return Ok(Self { arn, url: None, memory: None, live_mode: None });
        };
        let stack = Stack::find(sdk, name).await?;
        let own = stack.output(Output::SecretArn);
        let live_mode = match stack.parameter("LiveMode") {
            // Of another secret, as one of Sources, the parameter tells nothing.
            _ if arguments.secret.as_ref().is_some_and(|arn| own.as_ref().ok() != Some(&arn.as_str())) => {
                None
            }
            Some("live") => Some(true),
            Some("test") => Some(false),
            _ => None,
        };
        let arn = match &arguments.secret {
            Some(arn) => arn.clone(),
            None => own
                .map_err(|error| format!("{error} With Sources, give the source's --secret and --url"))?
                .to_owned(),
        };
        let window = stack.parameter("DedupWindow").and_then(|text| humantime::parse_duration(text).ok());
        let age = ledgers_age(&stack, sdk).await;
        let memory = window.map(undelivered::look_back).into_iter().chain(age).min();
        Ok(Self { arn, url: Some(stack.output(Output::WebhookUrl)?.to_owned()), memory, live_mode })
    }

    /// One stored secret may hold those of the test and the live webhook, which deliver to one address.
    pub(super) fn refuse_to_forget_another_modes(
        &self,
        journal: &Journal,
        standing: &Standing,
        active: &Active,
    ) -> Result<()> {
        if self.live_mode.is_some() && self.live_mode == journal.live_mode {
            return Ok(());
        }
        let replaced = match standing {
            Standing::Replace(webhook) => Some(webhook.id.as_str()),
            _ => None,
        };
        let own: Vec<_> = replaced.into_iter().chain(journal.replaces.as_deref()).collect();
        let what = match active.count() {
            1 if active.is_of_another(&own) => "the active secret was stored for another webhook".to_owned(),
            0 | 1 => return Ok(()),
            number => format!("{} are active", many(number, "secret", "secrets")),
        };
        Err(format!(
            "nothing was changed: {what}, and the webhook of the other mode may sign with what would be forgotten: \
             its deliveries would be refused. Say --only if it does not deliver here, or if it is to have a new \
             secret as well: then rotate it right after, with its access token and without --forget-old"
        )
        .into())
    }
}

/// What happened before the ledger was created may have been forwarded by then, and it cannot tell.
async fn ledgers_age(stack: &Stack, sdk: &SdkConfig) -> Option<Duration> {
    let table = stack.output(Output::LedgerTableName).ok()?;
    match Memory::new(sdk, table).created_at().await {
        Ok(created) => SystemTime::now().duration_since(created?).ok(),
        Err(error) => {
            // A secret that leaked cannot wait for this permission.
            tell(&format!(
                "The age of the ledger {table} is not known, so events from before its creation may be forwarded \
                 again: {error}"
            ));
            None
        }
    }
}
