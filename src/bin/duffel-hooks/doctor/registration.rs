//! `doctor`, at Duffel: is the webhook registered, and do its deliveries arrive?

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use duffel_webhook_receiver::duffel::{ApiError, Client, DeliveryFilter, PING, Webhook};

use super::Finding;
use crate::{Result, table::mode};

const WEBHOOK: &str = "webhook";
const DELIVERIES: &str = "deliveries";

const SPAN: Duration = Duration::from_hours(24);

/// More deliveries are not read.
const MOST: usize = 1000;

pub(super) fn look(client: Option<Result<Client>>, here: Option<&str>, wanted: Option<&str>) -> Vec<Finding> {
    let client = match client {
        None => {
            let reason = "DUFFEL_ACCESS_TOKEN is not set, so Duffel was not asked";
            return vec![Finding::skipped("webhook, deliveries", reason)];
        }
        Some(Err(error)) => return vec![Finding::unknown("webhook, deliveries", error.as_ref())],
        Some(Ok(client)) => client,
    };
    let webhooks: std::result::Result<Vec<_>, _> = client.webhooks().collect();
    let webhooks = match webhooks {
        Ok(webhooks) => webhooks,
        Err(error) => return vec![Finding::unknown("webhook, deliveries", &error)],
    };
    let pointing_here =
        webhooks.iter().find(|webhook| webhook.url.is_some() && webhook.url.as_deref() == here);
    let registered = registered(&webhooks, pointing_here, here, wanted);
    let Some(webhook) = pointing_here else { return vec![registered] };
    let deliveries = deliveries(&client, webhook);
    vec![registered, deliveries.unwrap_or_else(|error| Finding::unknown(DELIVERIES, &error))]
}

fn registered(
    webhooks: &[Webhook],
    pointing_here: Option<&Webhook>,
    here: Option<&str>,
    wanted: Option<&str>,
) -> Finding {
    let url = here.unwrap_or("WEBHOOK_URL");
    let Some(webhook) = pointing_here else {
        return match webhooks.first() {
            None => {
                let fix = format!("duffel-hooks webhooks create {url} --event … --store …");
                Finding::fail(WEBHOOK, "none is registered in the token's mode", fix)
            }
            Some(other) => {
                let elsewhere = other.url.as_deref().unwrap_or("nowhere");
                let seen = format!("{} points to {elsewhere}, not to {url}", other.id);
                let fix = format!(
                    "is the token of the right organisation and mode? Then duffel-hooks webhooks update {} --url {url}",
                    other.id
                );
                Finding::fail(WEBHOOK, seen, fix)
            }
        };
    };
    let mode = mode(webhook.live_mode);
    let id = &webhook.id;
    if webhook.active == Some(false) {
        let fix = format!("duffel-hooks webhooks update {id} --active true");
        return Finding::fail(WEBHOOK, format!("{id} is not active: Duffel delivers nothing"), fix);
    }
    if wanted.is_some_and(|wanted| wanted != "any" && !mode.is_empty() && wanted != mode) {
        let seen = format!("{id} is of {mode} mode, whose events the stack ignores");
        return Finding::warn(
            WEBHOOK,
            seen,
            "see the parameter LiveMode, or use the other mode's access token",
        );
    }
    let types = webhook.events.len();
    Finding::ok(WEBHOOK, format!("{id} ({mode} mode, {types} types of events) is active and points here"))
}

fn deliveries(client: &Client, webhook: &Webhook) -> std::result::Result<Finding, ApiError> {
    let filter = DeliveryFilter {
        endpoint_id: Some(webhook.id.clone()),
        after: SystemTime::now().checked_sub(SPAN),
        ..DeliveryFilter::default()
    };
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    let (mut total, mut failed) = (0, 0);
    let (mut last, mut last_success) = (None, None);
    for delivery in client.deliveries(&filter).take(MOST) {
        let delivery = delivery?;
        let code =
            delivery.response_status_code.map_or_else(|| "no answer".to_owned(), |code| code.to_string());
        *codes.entry(code.clone()).or_default() += 1;
        total += 1;
        let succeeded = delivery.succeeded() == Some(true);
        if succeeded {
            last_success = last_success.max(delivery.created_at);
        } else if delivery.kind.as_deref() != Some(PING) {
            failed += 1;
        }
        last = last.max(Some((delivery.created_at, succeeded, code)));
    }
    let Some((_, succeeded, code)) = last else {
        let fix = format!("duffel-hooks webhooks ping {}", webhook.id);
        return Ok(Finding::warn(DELIVERIES, "none in the last 24 hours", fix));
    };
    let codes: Vec<_> = codes.iter().map(|(code, number)| format!("{number} × {code}")).collect();
    let since = last_success.map_or_else(
        || "none was accepted".to_owned(),
        |at| format!("the last accepted {}", humantime::format_rfc3339_seconds(at)),
    );
    let most = if total == MOST { "the newest of " } else { "" };
    let seen = format!("{most}the last 24 hours: {}; {since}", codes.join(", "));
    let again = "duffel-hooks replay --stack … --since 1d --failed brings back what was lost";
    Ok(if !succeeded {
        Finding::fail(DELIVERIES, seen, format!("{}; then {again}", remedy(&code)))
    } else if failed > 0 {
        Finding::warn(DELIVERIES, seen, again)
    } else {
        Finding::ok(DELIVERIES, seen)
    })
}

/// What to do about the last delivery's code.
fn remedy(code: &str) -> &'static str {
    match code {
        "401" => "put this webhook's secret into the stack's",
        "404" => "see whether the URL is the stack's WebhookUrl",
        "429" => "raise RateLimit, BurstLimit or ReservedConcurrency",
        "503" => "see the function's log: queue, ledger or secret failed",
        "no answer" => "see whether the URL can be reached",
        _ => "see the function's log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    const HERE: Option<&str> = Some("https://x/webhooks/duffel");

    fn webhook(live_mode: Option<bool>) -> Webhook {
        Webhook {
            id: "end_1".to_owned(),
            url: HERE.map(str::to_owned),
            active: Some(true),
            live_mode,
            events: Vec::new(),
            created_at: None,
            raw: serde_json::Value::Null,
        }
    }

    #[test]
    fn a_stack_that_ignores_the_webhooks_mode_is_told() {
        let state = |live_mode, wanted| {
            let webhook = webhook(live_mode);
            registered(&[], Some(&webhook), HERE, wanted).state
        };
        assert!(state(Some(false), Some("live")) == State::Warn);
        assert!(state(Some(true), Some("test")) == State::Warn);
        for (live_mode, wanted) in
            [(Some(true), Some("live")), (Some(false), Some("any")), (Some(true), None), (None, Some("live"))]
        {
            assert!(state(live_mode, wanted) == State::Ok, "{live_mode:?} {wanted:?}");
        }
    }
}
