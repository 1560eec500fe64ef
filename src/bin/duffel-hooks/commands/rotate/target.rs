//! Which secret, and what does the stack say of it?

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    deployment::{Output, Stack, ledger_records::LedgerRecords, stored_secret::Active},
    duffel::undelivered,
};

use super::{Arguments, journal::Journal, many, plan::State};
use crate::shared::{Result, duffel::tell};

/// Where the secret is, and where it is used.
pub(super) struct Target {
    /// The secret's.
    pub(super) arn: String,
    /// Where the stack receives.
    pub(super) url: Option<String>,
    /// How far back what is delivered again is surely known to have been forwarded, if the stack tells.
    pub(super) memory: Option<Duration>,
    /// The mode of the only webhook that uses the secret, if the stack tells.
    live_mode: Option<bool>,
}

impl Target {
    pub(super) async fn resolve(arguments: &Arguments, sdk: &SdkConfig) -> Result<Self> {
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

    /// Why `--forget-old` needs `--only`: a secret of unknown mode may be that of the other mode's webhook, since both
    /// may deliver to one address. `None` if no such secret is active.
    pub(super) fn objection(
        &self,
        arguments: &Arguments,
        journal: &Journal,
        state: &State,
        active: &Active,
    ) -> Option<String> {
        let own = journal.live_mode;
        if self.live_mode.is_some() && self.live_mode == own {
            return None;
        }
        let counts = active.counts();
        let (in_doubt, known) = match own {
            Some(_) => (counts.unknown, counts.of_mode(own)),
            None => (counts.total(), 0),
        };
        let replaced = match state {
            State::Replace(webhook) => Some(webhook.id.as_str()),
            _ => None,
        };
        let webhooks: Vec<_> = replaced.into_iter().chain(journal.replaces.as_deref()).collect();
        match (in_doubt, known) {
            (0, _) => return None,
            // It is the replaced webhook's, whose deliveries would not be accepted otherwise.
            (1, 0) if !active.is_of_another(&webhooks) => return None,
            _ => {}
        }
        let secrets = many(in_doubt, "secret of unknown mode is", "secrets of unknown mode are");
        let takes = match &arguments.stack {
            Some(_) if arguments.secret.is_none() => {
                "this stack takes test and live deliveries (LiveMode=any)"
            }
            _ => "the receiver may take test and live deliveries with them",
        };
        let (other, token) = match own {
            Some(true) => ("test", "duffel_test_…"),
            Some(false) => ("live", "duffel_live_…"),
            None => ("other", "TOKEN"),
        };
        let options = [("stack", &arguments.stack), ("secret", &arguments.secret), ("url", &arguments.url)];
        let options =
            options.iter().filter_map(|(name, value)| Some(format!(" --{name} {}", value.as_ref()?)));
        let command = format!("duffel-hooks rotate{}", options.collect::<String>());
        let [none, one] = [format!("No {other} webhook delivers here:"), "One does:".to_owned()];
        let width = none.len();
        Some(format!(
            "{secrets} active, and {takes}: --forget-old drops {it}, so deliveries of your {other} webhook would be \
             refused (401) until you rotate that one too.\n  \
             {none}  {command} --forget-old --only\n  \
             {one:width$}  the same, and right after it\n  \
             {nothing:width$}  DUFFEL_ACCESS_TOKEN={token} {command}",
            it = if in_doubt == 1 { "it" } else { "them" },
            nothing = "",
        ))
    }
}

/// What happened before the ledger was created may have been forwarded by then, and it cannot tell.
async fn ledgers_age(stack: &Stack, sdk: &SdkConfig) -> Option<Duration> {
    let table = stack.output(Output::LedgerTableName).ok()?;
    match LedgerRecords::new(sdk, table).created_at().await {
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
