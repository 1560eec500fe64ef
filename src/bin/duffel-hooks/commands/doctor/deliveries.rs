//! `doctor`, at Duffel: whether deliveries arrive, and which events are undelivered.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use duffel_webhook_receiver::duffel::{ApiError, Client, DeliveryFilter, Webhook};

use super::finding::Finding;
use crate::shared::{output::count, undelivered};

const DELIVERIES: &str = "deliveries";

const SPAN: Duration = Duration::from_hours(24);

/// The maximum number of deliveries to read.
const MAX_DELIVERIES: usize = 1000;

pub(super) fn check(client: &Client, webhook: &Webhook, stack: &str) -> Finding {
    find(client, webhook, stack).unwrap_or_else(|error| Finding::unknown(DELIVERIES, &error))
}

fn find(client: &Client, webhook: &Webhook, stack: &str) -> std::result::Result<Finding, ApiError> {
    let after = SystemTime::now() - SPAN;
    let filter = DeliveryFilter {
        endpoint_id: Some(webhook.id.clone()),
        after: Some(after),
        ..DeliveryFilter::default()
    };
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    let mut total = 0;
    let (mut last, mut last_success) = (None, None);
    for delivery in client.deliveries(&filter).take(MAX_DELIVERIES) {
        let delivery = delivery?;
        let code =
            delivery.response_status_code.map_or_else(|| "no response".to_owned(), |code| code.to_string());
        *codes.entry(code.clone()).or_default() += 1;
        total += 1;
        let succeeded = delivery.succeeded() == Some(true);
        if succeeded {
            last_success = last_success.max(delivery.created_at);
        }
        last = last.max(Some((delivery.created_at, succeeded, code)));
    }
    // A failed delivery may have succeeded since, by Duffel's retries or a replay.
    let undelivered = match undelivered::since(client, after, None)?.unwrap_or_default().len() {
        0 => None,
        number => Some(format!("{} still undelivered", count(number, "event"))),
    };
    let replay = format!("duffel-hooks replay --stack {stack} --since 1d --failed");
    let Some((_, succeeded, code)) = last else {
        let seen = "none in the last 24 hours";
        return Ok(match undelivered {
            Some(undelivered) => {
                let fix = "Duffel retries failed deliveries for 72 hours; to request all of them now";
                Finding::warn(DELIVERIES, format!("{seen}; {undelivered}"), fix).with_command(replay)
            }
            None => Finding::warn(DELIVERIES, seen, "try one")
                .with_command(format!("duffel-hooks webhooks ping {}", webhook.id)),
        });
    };
    let codes: Vec<_> = codes.iter().map(|(code, number)| format!("{number} × {code}")).collect();
    let since = last_success.map_or_else(
        || "none was accepted".to_owned(),
        |at| format!("the last accepted {}", humantime::format_rfc3339_seconds(at)),
    );
    let most = if total == MAX_DELIVERIES { "the newest of " } else { "" };
    let seen = format!("{most}the last 24 hours: {}; {since}", codes.join(", "));
    Ok(match undelivered {
        Some(undelivered) if succeeded => {
            let fix = "Duffel retries for 72 hours; to request them now";
            Finding::warn(DELIVERIES, format!("{seen}; {undelivered}"), fix).with_command(replay)
        }
        Some(undelivered) => {
            let fix = format!("{}; then request the undelivered events", remedy(&code));
            Finding::fail(DELIVERIES, format!("{seen}; {undelivered}"), fix).with_command(replay)
        }
        None if succeeded => Finding::ok(DELIVERIES, seen),
        None => Finding::fail(DELIVERIES, seen, remedy(&code)),
    })
}

/// The remedy for the status of the last delivery.
fn remedy(code: &str) -> &'static str {
    match code {
        "401" => "store this webhook's secret in the stack's secret",
        "404" => "check that the URL is the stack's WebhookUrl",
        "429" => "raise RateLimit, BurstLimit or ReservedConcurrency",
        "503" => "see the function's log: queue, ledger or secret failed",
        "no response" => "check that the URL can be reached",
        _ => "see the function's log",
    }
}
