//! `doctor`, at Duffel: is the webhook registered, and for this stack?

use duffel_webhook_receiver::{
    deployment::{Output, Stack},
    duffel::{Client, Webhook},
};

use super::{deliveries, finding::Finding};
use crate::{
    commands::rotate::journal::{Unfinished, unfinished},
    shared::{Result, output::mode},
};

const BOTH: &str = "webhook, deliveries";
const WEBHOOK: &str = "webhook";
const ROTATION: &str = "rotation";

/// What the webhook must be for the stack.
pub(super) struct Expected {
    stack: String,
    url: String,
    /// The only mode whose events the stack takes.
    live_mode: Option<bool>,
    /// Where its secret is; with several sources that is not known.
    secret: Option<String>,
    /// The types that the stack forwards, if it names them one by one.
    events: Option<String>,
}

impl Expected {
    pub(super) fn new(stack: &Stack, url: String) -> Self {
        let live_mode = match stack.parameter("LiveMode") {
            Some("live") => Some(true),
            Some("test") => Some(false),
            _ => None,
        };
        let secret = stack.output(Output::SecretArn).ok().map(str::to_owned);
        let events = stack.parameter("EventTypes").filter(|types| !types.contains('*'));
        let events = events.map(|types| types.replace(' ', ""));
        Self { stack: stack.name.clone(), url, live_mode, secret, events }
    }

    /// `LiveMode` in words.
    fn modes(&self) -> &'static str {
        match self.live_mode {
            Some(true) => "live events only (LiveMode=live)",
            Some(false) => "test events only (LiveMode=test)",
            None => "test and live events (LiveMode=any)",
        }
    }

    fn rotate(&self) -> String {
        format!("duffel-hooks rotate --stack {}", self.stack)
    }
}

pub(super) fn look(
    client: Option<Result<Client>>,
    expected: std::result::Result<Expected, String>,
) -> Vec<Finding> {
    let client = match client {
        None => {
            let reason = "DUFFEL_ACCESS_TOKEN is not set, so Duffel was not asked";
            return vec![Finding::skipped(BOTH, reason)];
        }
        Some(Err(error)) => return vec![Finding::unknown(BOTH, error.as_ref())],
        Some(Ok(client)) => client,
    };
    // Another webhook than the stack's may be in production.
    let expected = match expected {
        Ok(expected) => expected,
        Err(reason) => return vec![Finding::skipped(BOTH, &reason)],
    };
    let webhooks: std::result::Result<Vec<_>, _> = client.webhooks().collect();
    let webhooks = match webhooks {
        Ok(webhooks) => webhooks,
        Err(error) => return vec![Finding::unknown(BOTH, &error)],
    };
    let mut findings = Vec::new();
    let secret = expected.secret.as_deref();
    let rotation = match secret.map(|arn| unfinished(arn, client.url(), client.live_mode())).transpose() {
        Ok(rotation) => rotation.flatten(),
        Err(error) => {
            findings.push(Finding::warn(ROTATION, error.to_string(), "see rotate --journal"));
            None
        }
    };
    let pointing_here = webhooks.iter().find(|webhook| webhook.url.as_ref() == Some(&expected.url));
    findings.push(match (&rotation, pointing_here) {
        (Some(rotation), _) if !rotation.is_rotated => interrupted(rotation, pointing_here, &expected),
        (_, Some(webhook)) => registered(webhook, &expected),
        (_, None) => unregistered(webhooks.first(), client.live_mode(), &expected),
    });
    if let Some(rotation) = rotation.filter(|rotation| rotation.is_rotated) {
        let seen = format!("begun {} and done but for the events that fell in the gap", rotation.began_at);
        findings.push(Finding::warn(ROTATION, seen, "finish it").with_command(expected.rotate()));
    }
    if let Some(webhook) = pointing_here {
        findings.push(deliveries::look(&client, webhook, &expected.stack));
    }
    findings
}

/// A rotation that ended early: what it has not done yet, no other command knows.
fn interrupted(rotation: &Unfinished, webhook: Option<&Webhook>, expected: &Expected) -> Finding {
    let left = match webhook {
        None => "no webhook points here".to_owned(),
        Some(webhook) => format!("the secret of {} may not be stored", webhook.id),
    };
    let path = rotation.path.display();
    let seen = format!("a rotation begun {} was interrupted ({path}): {left}", rotation.began_at);
    Finding::fail(WEBHOOK, seen, "finish it: run it again, with the options it had")
        .with_command(expected.rotate())
}

fn unregistered(other: Option<&Webhook>, token: Option<bool>, expected: &Expected) -> Finding {
    let modes = expected.modes();
    let of_token = Some(mode(token)).filter(|mode| !mode.is_empty());
    let of_token = of_token.map_or_else(|| "the token's".to_owned(), |mode| format!("{mode} (the token's)"));
    if token.is_some() && expected.live_mode.is_some() && token != expected.live_mode {
        let seen = format!(
            "not looked at: DUFFEL_ACCESS_TOKEN is of {} mode, and the stack takes {modes}",
            mode(token)
        );
        let fix = format!(
            "use an access token of {} mode, or see the parameter LiveMode",
            mode(expected.live_mode)
        );
        return Finding::warn(BOTH, seen, fix);
    }
    let Expected { url, secret, events, .. } = expected;
    let (seen, command) = match other {
        None => {
            let store = secret.as_deref().unwrap_or("ARN");
            let events = events.as_deref().unwrap_or("TYPE,TYPE");
            let command = format!("duffel-hooks webhooks create {url} --store {store} --event {events}");
            ("none is registered".to_owned(), command)
        }
        Some(other) => {
            let elsewhere = other.url.as_deref().unwrap_or("nowhere");
            let command = format!("duffel-hooks webhooks update {} --url {url}", other.id);
            (format!("{} points to {elsewhere}, not to {url}", other.id), command)
        }
    };
    let seen = format!("{seen} in {of_token} mode; the stack takes {modes}");
    Finding::fail(WEBHOOK, seen, "is the token of the right organisation and mode? Then")
        .with_command(command)
}

fn registered(webhook: &Webhook, expected: &Expected) -> Finding {
    let mode = mode(webhook.live_mode);
    let id = &webhook.id;
    if webhook.active == Some(false) {
        let seen = format!("{id} is not active: Duffel delivers nothing");
        return Finding::fail(WEBHOOK, seen, "activate it")
            .with_command(format!("duffel-hooks webhooks update {id} --active true"));
    }
    if expected.live_mode.is_some() && webhook.live_mode.is_some() && expected.live_mode != webhook.live_mode
    {
        let seen = format!("{id} is of {mode} mode, and the stack takes {}", expected.modes());
        let fix = "see the parameter LiveMode, or use the other mode's access token";
        return Finding::warn(WEBHOOK, seen, fix);
    }
    let types = match webhook.events.len() {
        1 => "1 type of event".to_owned(),
        number => format!("{number} types of events"),
    };
    Finding::ok(WEBHOOK, format!("{id} ({mode} mode, {types}) is active and points here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::State;

    fn webhook(live_mode: Option<bool>) -> Webhook {
        Webhook {
            id: "end_1".to_owned(),
            url: Some("https://x/webhooks/duffel".to_owned()),
            active: Some(true),
            live_mode,
            events: vec!["order.created".to_owned()],
            created_at: None,
            raw: serde_json::Value::Null,
        }
    }

    fn expected(live_mode: Option<bool>) -> Expected {
        let url = "https://x/webhooks/duffel".to_owned();
        let events = Some("order.created,order.updated".to_owned());
        Expected { stack: "hooks".to_owned(), url, live_mode, secret: Some("arn:secret".to_owned()), events }
    }

    #[test]
    fn a_webhook_of_the_mode_that_the_stack_ignores_is_found() {
        let state = |live_mode, wanted| registered(&webhook(live_mode), &expected(wanted)).state;
        assert!(state(Some(false), Some(true)) == State::Warn);
        assert!(state(Some(true), Some(false)) == State::Warn);
        for (live_mode, wanted) in [(Some(true), Some(true)), (Some(false), None), (None, Some(true))] {
            assert!(state(live_mode, wanted) == State::Ok, "{live_mode:?} {wanted:?}");
        }
        assert!(registered(&webhook(None), &expected(None)).seen.contains("1 type of event)"));
    }

    #[test]
    fn a_token_of_the_wrong_mode_is_named_and_nothing_is_to_be_changed() {
        for other in [None, Some(&webhook(Some(false)))] {
            let finding = unregistered(other, Some(false), &expected(Some(true)));
            assert!(finding.state == State::Warn && finding.command.is_none(), "{finding:?}");
            let says =
                "DUFFEL_ACCESS_TOKEN is of test mode, and the stack takes live events only (LiveMode=live)";
            assert!(finding.seen.contains(says), "{finding:?}");
        }
        let finding = unregistered(None, Some(true), &expected(None));
        let says = "none is registered in live (the token's) mode; the stack takes test and live events (LiveMode=any)";
        assert_eq!(finding.seen, says);
        let create = "duffel-hooks webhooks create https://x/webhooks/duffel --store arn:secret --event";
        assert_eq!(finding.command.unwrap(), format!("{create} order.created,order.updated"));
    }
}
