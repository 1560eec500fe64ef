//! Where does the rotation stand, what is to be done, and will it work? All that is asked before anything is deleted.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    duffel::{Change, Client, Webhook},
    operator::{
        Output, Stack,
        stored_secret::{Active, KEPT, StoredSecret},
    },
};

use super::{
    Arguments,
    journal::{self, Journal},
    many, span, tell,
};
use crate::{Result, table};

/// What a rotation begins with, or goes on with.
pub(super) struct Ground {
    pub(super) journal: Journal,
    /// The journal's.
    pub(super) path: PathBuf,
    pub(super) secret: StoredSecret,
    pub(super) active: Active,
    pub(super) standing: Standing,
}

/// How far it is, as Duffel and Secrets Manager tell.
pub(super) enum Standing {
    /// This webhook must go: it is the one to be replaced, or its secret was lost.
    Replace(Webhook),
    /// There is none.
    Create,
    /// The new one is there, and its secret is stored.
    Stored(String),
}

impl Ground {
    pub(super) async fn survey(arguments: &Arguments, sdk: &SdkConfig, duffel: &Client) -> Result<Self> {
        let (arn, stack_url) = place(arguments, sdk).await?;
        let path = match &arguments.journal {
            Some(path) => path.clone(),
            None => journal::default_path(&arn, duffel.live_mode())?,
        };
        let interrupted = Journal::read(&path)?;
        let secret = StoredSecret::new(sdk, &arn);
        let active = secret.read().await?;
        let expected = arguments.url.clone().or_else(|| Some(interrupted.as_ref()?.url.clone()));
        let webhook = the_webhook(duffel, expected.as_deref().or(stack_url.as_deref()))?;

        let resumed = interrupted.is_some();
        let mut journal = match interrupted {
            Some(journal) => {
                let mode = webhook.as_ref().and_then(|webhook| webhook.live_mode).or(duffel.live_mode());
                is_of_this(&journal, duffel, &arn, mode)
                    .map_err(|what| format!("{} is of a rotation {what}", path.display()))?;
                tell(&format!("Going on with a rotation that was interrupted ({})", path.display()));
                journal
            }
            None => begin(arguments, duffel, &arn, webhook.as_ref(), stack_url.as_deref())?,
        };
        if let Some(url) = &arguments.url {
            journal.url.clone_from(url);
        }
        if !arguments.events.is_empty() {
            journal.events.clone_from(&arguments.events);
        }
        journal.forget_old |= arguments.forget_old;

        let standing = match webhook {
            None => Standing::Create,
            Some(webhook)
                if resumed
                    && journal.replaces.as_ref() != Some(&webhook.id)
                    && active.secret_of(&webhook.id).is_some() =>
            {
                Standing::Stored(webhook.id)
            }
            Some(webhook) => Standing::Replace(webhook),
        };
        Ok(Self { journal, path, secret, active, standing })
    }

    /// What would be done.
    pub(super) fn tell(&self, arguments: &Arguments) -> Result<()> {
        let Self { journal, secret, active, standing, .. } = self;
        let out = &mut io::stdout().lock();
        let types = many(journal.events.len(), "type", "types");
        let mode = table::mode(journal.live_mode);
        writeln!(out, "Would rotate the secret of {} ({mode} mode):", journal.url)?;
        match standing {
            Standing::Replace(webhook) => writeln!(out, "  delete     webhook {}", webhook.id)?,
            Standing::Create => writeln!(out, "  delete     nothing: there is no webhook")?,
            Standing::Stored(id) => writeln!(out, "  keep       webhook {id}: its secret is stored already")?,
        }
        if !matches!(standing, Standing::Stored(_)) {
            let active = if journal.active { "" } else { ", inactive as it is" };
            writeln!(out, "  create     a webhook for {types} of event{active}")?;
        }
        let kept = match (journal.forget_old, active.count()) {
            (true, 1) => "alone, without the one that is active now".to_owned(),
            (true, old) => format!("alone, without the {old} that are active now"),
            (false, old) => format!("before {}", many(old.min(KEPT - 1), "older one", "older ones")),
        };
        if !matches!(standing, Standing::Stored(_)) || journal.forget_old {
            writeln!(out, "  store      its secret in {}, {kept}", secret.arn())?;
        }
        let back = span(arguments.catch_up);
        writeln!(out, "  ping       it, and deliver again what was delivered to nobody in the last {back}")?;
        writeln!(out, "Nothing was changed, and whether it may be changed was not tried.")?;
        Ok(())
    }
}

/// The ARN of the secret, and where the stack receives.
async fn place(arguments: &Arguments, sdk: &SdkConfig) -> Result<(String, Option<String>)> {
    let Some(name) = &arguments.stack else {
        let arn = arguments.secret.clone().ok_or("give --stack or --secret")?;
        return Ok((arn, None));
    };
    let stack = Stack::find(sdk, name).await?;
    let arn = match &arguments.secret {
        Some(arn) => arn.clone(),
        None => stack
            .output(Output::SecretArn)
            .map_err(|error| format!("{error} With Sources, give the source's --secret and --url"))?
            .to_owned(),
    };
    Ok((arn, Some(stack.output(Output::WebhookUrl)?.to_owned())))
}

/// Duffel has one webhook a mode; should it have several, the one at the address.
fn the_webhook(duffel: &Client, url: Option<&str>) -> Result<Option<Webhook>> {
    let mut webhooks = duffel.webhooks().collect::<std::result::Result<Vec<_>, _>>()?;
    if webhooks.len() > 1 {
        webhooks.retain(|webhook| webhook.url.as_deref() == url);
        if webhooks.len() != 1 {
            return Err("Duffel has several webhooks: say by --url which one it is".into());
        }
    }
    Ok(webhooks.pop())
}

/// What a rotation is about that begins now.
fn begin(
    arguments: &Arguments,
    duffel: &Client,
    arn: &str,
    webhook: Option<&Webhook>,
    stack_url: Option<&str>,
) -> Result<Journal> {
    let registered = webhook.and_then(|webhook| webhook.url.as_deref());
    let url = match (&arguments.url, registered, stack_url) {
        (Some(url), ..) => url.as_str(),
        (None, Some(registered), Some(stack)) if registered != stack => {
            return Err(format!(
                "Duffel's webhook delivers to {registered}, and the stack receives at {stack}: \
                 is DUFFEL_ACCESS_TOKEN that of another organisation or mode? \
                 If all is well, say by --url where it shall deliver"
            )
            .into());
        }
        (None, Some(url), _) | (None, None, Some(url)) => url,
        (None, None, None) => return Err("Duffel has no webhook: say by --url where it shall deliver".into()),
    };
    let registered = webhook.map(|webhook| &webhook.events[..]).unwrap_or_default();
    let events = if arguments.events.is_empty() { registered } else { &arguments.events };
    if events.is_empty() {
        let why = if webhook.is_some() { "does not tell the types of its webhook" } else { "has no webhook" };
        return Err(format!(
            "Duffel {why}: say by --event for which types of event it shall be; \
             may be repeated, as in --event order.created --event air.order.changed"
        )
        .into());
    }
    let mode = webhook.and_then(|webhook| webhook.live_mode).or(duffel.live_mode());
    let replaces = webhook.map(|webhook| webhook.id.clone());
    let active = webhook.is_none_or(|webhook| webhook.active != Some(false));
    let (url, events) = (url.to_owned(), events.to_vec());
    Ok(Journal::new(duffel.url(), mode, arn, replaces, url, events, active, arguments.forget_old))
}

/// Whether a journal tells of the rotation at hand, or what of it is another.
fn is_of_this(
    journal: &Journal,
    duffel: &Client,
    arn: &str,
    mode: Option<bool>,
) -> std::result::Result<(), String> {
    if journal.secret != arn {
        return Err(format!("of {}: give another --journal, or remove it", journal.secret));
    }
    if journal.api != duffel.url() {
        return Err(format!("at {}: see DUFFEL_API_URL", journal.api));
    }
    if mode.is_some() && journal.live_mode.is_some() && journal.live_mode != mode {
        return Err(format!("in {} mode: see DUFFEL_ACCESS_TOKEN", table::mode(journal.live_mode)));
    }
    Ok(())
}

/// Tries, without a change, what must not fail later: that the token may change webhooks and Duffel takes these
/// values, and that the secret may be stored.
pub(super) async fn try_out(
    duffel: &Client,
    standing: &Standing,
    secret: &StoredSecret,
    active: &Active,
) -> Result<()> {
    if let Standing::Replace(webhook) = standing {
        let events = Some(webhook.events.clone()).filter(|events| !events.is_empty());
        let change = Change { active: webhook.active, url: webhook.url.clone(), events };
        duffel
            .update_webhook(&webhook.id, &change)
            .map_err(|error| format!("nothing was changed, since the webhook may not be: {error}"))?;
    }
    if !matches!(standing, Standing::Stored(_)) {
        secret.try_put(active).await.map_err(|error| {
            format!("nothing was changed, since the new secret could not be stored: {error}")
        })?;
    }
    Ok(())
}
