//! The webhook that a command works on: by its id, or the one of the access token's mode.

use clap::Args;
#[cfg(feature = "operate")]
use duffel_webhook_receiver::deployment::Output;
use duffel_webhook_receiver::duffel::{Client, Webhook};

#[cfg(feature = "operate")]
use crate::shared::stack::StackArgument;
use crate::shared::{Result, WrongUsage, output::mode};

/// A webhook: its id, or the stack that it delivers to
#[derive(Args)]
pub(super) struct Target {
    /// The webhook's id, such as end_0000A3tQSmKyqOrcySrGbo [default: the webhook of the access token's mode, of which
    /// Duffel has one. Its URL must be the stack's]
    #[arg(value_parser = parse_id)]
    #[cfg_attr(feature = "operate", arg(conflicts_with = "stack"))]
    id: Option<String>,
    #[cfg(feature = "operate")]
    #[command(flatten)]
    stack: StackArgument,
}

fn parse_id(text: &str) -> std::result::Result<String, &'static str> {
    let text = text.trim();
    let is_id = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_id { Ok(text.to_owned()) } else { Err("a webhook's id has letters, digits and underscores") }
}

impl Target {
    /// The id of the webhook, for a command that is safe with any webhook.
    pub(super) fn any(&self, client: &Client) -> Result<String> {
        if let Some(id) = &self.id {
            return Ok(id.clone());
        }
        if self.has_stack() {
            return self.of_stack(client);
        }
        match &of_mode(client)?[..] {
            [webhook] => Ok(webhook.id.clone()),
            several => Err(format!("give an id: there are {}", ids(several)).into()),
        }
    }

    /// The id of the webhook; without an id on the command line, that of the webhook that delivers to the stack.
    #[cfg(feature = "operate")]
    pub(super) fn of_stack(&self, client: &Client) -> Result<String> {
        if let Some(id) = &self.id {
            return Ok(id.clone());
        }
        let (_, stack) = self.stack.find_now()?;
        let url = stack.output(Output::WebhookUrl)?;
        let webhooks = of_mode(client)?;
        if let Some(webhook) = webhooks.iter().find(|webhook| webhook.url.as_deref() == Some(url)) {
            return Ok(webhook.id.clone());
        }
        // It may be in production elsewhere.
        let other = webhooks.first().map(|webhook| webhook.url.clone().unwrap_or_default());
        Err(format!(
            "{} delivers to {}, and the stack {} receives at {url}: to use this webhook nevertheless, give its id",
            ids(&webhooks),
            other.unwrap_or_default(),
            stack.name
        )
        .into())
    }

    #[cfg(not(feature = "operate"))]
    pub(super) fn of_stack(&self, client: &Client) -> Result<String> {
        self.named(client)
    }

    /// The same for what cannot be undone: the command line has the id or the stack.
    pub(super) fn named(&self, client: &Client) -> Result<String> {
        if self.id.is_none() && !self.has_stack() {
            let how = if cfg!(feature = "operate") { " or --stack" } else { "" };
            return Err(WrongUsage(format!("give the webhook's id{how}")).into());
        }
        self.any(client)
    }

    #[cfg(feature = "operate")]
    fn has_stack(&self) -> bool {
        self.stack.given().is_some()
    }

    #[cfg(not(feature = "operate"))]
    #[expect(clippy::unused_self, reason = "this build does not find stacks")]
    fn has_stack(&self) -> bool {
        false
    }
}

/// The webhooks of the access token's mode; at least one.
fn of_mode(client: &Client) -> Result<Vec<Webhook>> {
    let live = client.live_mode();
    let webhooks: Vec<_> = client.webhooks().collect::<std::result::Result<_, _>>()?;
    let is_of_mode =
        |webhook: &Webhook| live.is_none() || webhook.live_mode.is_none() || webhook.live_mode == live;
    let webhooks: Vec<_> = webhooks.into_iter().filter(is_of_mode).collect();
    if webhooks.is_empty() {
        let mode = Some(mode(live)).filter(|mode| !mode.is_empty()).map(|mode| format!(" in {mode} mode"));
        let mode = mode.unwrap_or_default();
        return Err(format!("there is no webhook{mode}: create it with duffel-hooks webhooks create").into());
    }
    Ok(webhooks)
}

fn ids(webhooks: &[Webhook]) -> String {
    webhooks.iter().map(|webhook| &*webhook.id).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_no_blanks_and_no_slashes() {
        assert_eq!(parse_id(" end_0000A3tQ ").as_deref(), Ok("end_0000A3tQ"));
        for id in ["", " ", "end_1 end_2", "../webhooks", "end_1/actions/ping"] {
            assert!(parse_id(id).is_err(), "{id:?}");
        }
    }
}
