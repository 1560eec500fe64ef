//! `doctor`, at Duffel: whether the webhook is registered, and for this stack.

use duffel_webhook_receiver::duffel::{Client, Webhook};

use super::{deliveries, expected::Expected, finding::Finding};
use crate::{
    commands::rotate::journal::{InterruptedRotation, find_interrupted},
    shared::{
        Result,
        duffel::api_url,
        output::{count, mode},
    },
};

const BOTH: &str = "webhook, deliveries";
const WEBHOOK: &str = "webhook";
const ROTATION: &str = "rotation";

pub(super) fn check(
    client: Option<Result<Client>>,
    expected: std::result::Result<Expected, String>,
) -> Vec<Finding> {
    let own = client.as_ref().and_then(|client| client.as_ref().ok()).map(Client::live_mode);
    let modes = [Some(true), Some(false), None].into_iter().filter(|mode| Some(*mode) != own);
    let others = expected.as_ref().map(|expected| interrupted_in(modes, expected));
    let others = others.unwrap_or_default();
    at_duffel(client, expected).into_iter().chain(others).collect()
}

/// The interrupted rotations of these modes, which are not the access token's, by their journals on this machine.
fn interrupted_in(modes: impl Iterator<Item = Option<bool>>, expected: &Expected) -> Vec<Finding> {
    let Some(secret) = expected.secret.as_deref() else { return Vec::new() };
    let found = modes.filter_map(|live_mode| {
        let rotation = find_interrupted(secret, &api_url(), live_mode).transpose()?;
        let rotation = match rotation {
            Ok(rotation) => rotation,
            Err(error) => return Some(Finding::warn(ROTATION, error.to_string(), "see rotate --journal")),
        };
        let mode = mode(live_mode);
        let of_mode = if mode.is_empty() { String::new() } else { format!(" of {mode} mode") };
        let path = rotation.path.display();
        let seen = format!("one{of_mode} begun {} was interrupted ({path})", rotation.began_at);
        let fix = format!("finish it with an access token{of_mode}: run it again, with the same options");
        Some(Finding::fail(ROTATION, seen, fix).with_command(expected.rotate()))
    });
    found.collect()
}

fn at_duffel(
    client: Option<Result<Client>>,
    expected: std::result::Result<Expected, String>,
) -> Vec<Finding> {
    let client = match client {
        None => {
            let reason = "DUFFEL_ACCESS_TOKEN is not set, so Duffel was not queried";
            return vec![Finding::skipped(BOTH, reason)];
        }
        Some(Err(error)) => return vec![Finding::unknown(BOTH, error.as_ref())],
        Some(Ok(client)) => client,
    };
    // A webhook that is not the stack's may be in production.
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
    let rotation = match secret.map(|arn| find_interrupted(arn, client.url(), client.live_mode())).transpose()
    {
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
        let seen = format!("begun {} and done, except for the events of the gap", rotation.began_at);
        findings.push(Finding::warn(ROTATION, seen, "finish it").with_command(expected.rotate()));
    }
    if let Some(webhook) = pointing_here {
        findings.push(deliveries::check(&client, webhook, &expected.stack));
    }
    findings
}

/// The finding about an interrupted rotation. Only the same command can finish it.
fn interrupted(rotation: &InterruptedRotation, webhook: Option<&Webhook>, expected: &Expected) -> Finding {
    let left = match webhook {
        None => "no webhook points here".to_owned(),
        Some(webhook) => format!("the secret of {} may not be stored", webhook.id),
    };
    let path = rotation.path.display();
    let seen = format!("a rotation begun {} was interrupted ({path}): {left}", rotation.began_at);
    Finding::fail(WEBHOOK, seen, "finish it: run it again, with the same options")
        .with_command(expected.rotate())
}

fn unregistered(other: Option<&Webhook>, token: Option<bool>, expected: &Expected) -> Finding {
    let modes = expected.modes();
    let of_token = Some(mode(token)).filter(|mode| !mode.is_empty());
    let of_token = of_token.map_or_else(|| "the token's".to_owned(), |mode| format!("{mode} (the token's)"));
    if token.is_some() && expected.live_mode.is_some() && token != expected.live_mode {
        let seen = format!(
            "not checked: DUFFEL_ACCESS_TOKEN is of {} mode, and the stack accepts {modes}",
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
    let seen = format!("{seen} in {of_token} mode; the stack accepts {modes}");
    Finding::fail(WEBHOOK, seen, "check that the token is of the right organisation and mode, then")
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
        let seen = format!("{id} is of {mode} mode, and the stack accepts {}", expected.modes());
        let fix = "see the parameter LiveMode, or use the other mode's access token";
        return Finding::warn(WEBHOOK, seen, fix);
    }
    let types = count(webhook.events.len(), "event type");
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
    fn a_webhook_of_a_mode_that_the_stack_ignores_is_a_warning() {
        let state = |live_mode, wanted| registered(&webhook(live_mode), &expected(wanted)).state;
        assert!(state(Some(false), Some(true)) == State::Warn);
        assert!(state(Some(true), Some(false)) == State::Warn);
        for (live_mode, wanted) in [(Some(true), Some(true)), (Some(false), None), (None, Some(true))] {
            assert!(state(live_mode, wanted) == State::Ok, "{live_mode:?} {wanted:?}");
        }
        assert!(registered(&webhook(None), &expected(None)).seen.contains("1 event type)"));
    }

    #[test]
    fn a_token_of_the_wrong_mode_is_a_warning_without_a_command() {
        for other in [None, Some(&webhook(Some(false)))] {
            let finding = unregistered(other, Some(false), &expected(Some(true)));
            assert!(finding.state == State::Warn && finding.command.is_none(), "{finding:?}");
            let says =
                "DUFFEL_ACCESS_TOKEN is of test mode, and the stack accepts live events only (LiveMode=live)";
            assert!(finding.seen.contains(says), "{finding:?}");
        }
        let finding = unregistered(None, Some(true), &expected(None));
        let says = "none is registered in live (the token's) mode; the stack accepts test and live events (LiveMode=any)";
        assert_eq!(finding.seen, says);
        let create = "duffel-hooks webhooks create https://x/webhooks/duffel --store arn:secret --event";
        assert_eq!(finding.command.unwrap(), format!("{create} order.created,order.updated"));
    }
}
