//! The rotation that the command line asks for.

use std::{path::PathBuf, time::Duration};

use aws_config::SdkConfig;
use duffel_webhook_receiver::duffel::Client;

use super::{IN_FLIGHT, arguments::Arguments, journal, target::Target};
use crate::shared::Result;

pub(super) struct Request {
    pub(super) target: Target,
    /// The file of the journal.
    pub(super) journal: PathBuf,
    pub(super) url: Option<String>,
    /// The event types; those of the webhook if there are none.
    pub(super) events: Vec<String>,
    pub(super) forget_old: bool,
    pub(super) forget_other_mode: bool,
    /// How far before the rotation to look for undelivered events.
    pub(super) look_back: Duration,
    pub(super) dry_run: bool,
    /// The command of such a rotation, without `--forget-old`.
    pub(super) command: String,
}

impl Request {
    pub(super) async fn new(
        arguments: &Arguments,
        stack: Option<&str>,
        sdk: &SdkConfig,
        duffel: &Client,
    ) -> Result<Self> {
        let Arguments { secret, url, events, catch_up, .. } = arguments;
        let (secret_arn, new_url) = (secret.as_deref(), url.as_deref());
        let target = Target::resolve(stack, secret_arn, sdk).await?;
        let journal = match &arguments.journal {
            Some(path) => path.clone(),
            None => journal::default_path(&target.arn, duffel.live_mode())?,
        };
        let options = [("stack", stack), ("secret", secret_arn), ("url", new_url)];
        let options = options.iter().filter_map(|(name, value)| Some(format!(" --{name} {}", (*value)?)));
        Ok(Self {
            look_back: target.memory.map_or(*catch_up, |memory| memory.min(*catch_up)).max(IN_FLIGHT),
            command: format!("duffel-hooks rotate{}", options.collect::<String>()),
            target,
            journal,
            url: url.clone(),
            events: events.clone(),
            forget_old: arguments.forget_old,
            forget_other_mode: arguments.forget_other_mode,
            dry_run: arguments.dry_run,
        })
    }

    /// Whether it names another URL or other event types.
    pub(super) fn is_other(&self, url: &str, events: &[String]) -> bool {
        self.url.as_ref().is_some_and(|own| own != url) || !self.events.is_empty() && self.events != events
    }
}
