//! `doctor`, at Duffel: do deliveries arrive, and what is still undelivered?

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use duffel_webhook_receiver::duffel::{ApiError, Client, DeliveryFilter, Webhook};

use super::finding::Finding;
use crate::shared::undelivered;

const DELIVERIES: &str = "deliveries";

const SPAN: Duration = Duration::from_hours(24);

/// More deliveries are not read.
const MOST: usize = 1000;

pub(super) fn look(client: &Client, webhook: &Webhook, stack: &str) -> Finding {
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
    for delivery in client.deliveries(&filter).take(MOST) {
        let delivery = delivery?;
        let code =
            delivery.response_status_code.map_or_else(|| "no answer".to_owned(), |code| code.to_string());
        *codes.entry(code.clone()).or_default() += 1;
        total += 1;
        let succeeded = delivery.succeeded() == Some(true);
        if succeeded {
            last_success = last_success.max(delivery.created_at);
        }
        last = last.max(Some((delivery.created_at, succeeded, code)));
    }
    // What failed once may have been delivered since, by Duffel's retries or a replay.
    let undelivered = match undelivered::since(client, after, None)?.unwrap_or_default().len() {
        0 => None,
        1 => Some("1 event is still undelivered".to_owned()),
        number => Some(format!("{number} events are still undelivered")),
    };
    let replay = format!("duffel-hooks replay --stack {stack} --since 1d --failed");
    let Some((_, succeeded, code)) = last else {
        let seen = "none in the last 24 hours";
        return Ok(match undelivered {
            Some(undelivered) => {
                let fix = "Duffel retries what it has tried, for 72 hours; to ask for all of it now";
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
    let most = if total == MOST { "the newest of " } else { "" };
    let seen = format!("{most}the last 24 hours: {}; {since}", codes.join(", "));
    Ok(match undelivered {
        Some(undelivered) if succeeded => {
            let fix = "Duffel retries for 72 hours; to ask for it now";
            Finding::warn(DELIVERIES, format!("{seen}; {undelivered}"), fix).with_command(replay)
        }
        Some(undelivered) => {
            let fix = format!("{}; then ask for what was not delivered", remedy(&code));
            Finding::fail(DELIVERIES, format!("{seen}; {undelivered}"), fix).with_command(replay)
        }
        None if succeeded => Finding::ok(DELIVERIES, seen),
        None => Finding::fail(DELIVERIES, seen, remedy(&code)),
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
