//! What was delivered to nobody is delivered again.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::duffel::{
    ApiError, Client, DeliveryRecord, Retryability,
    undelivered::{Search, Wanted},
};

use crate::shared::{
    duffel::{count, duration, tell},
    undelivered,
};

/// How often an event is asked for that is refused: by another environment of the function, perhaps, that does not
/// know the new secret yet.
const ROUNDS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// How far Duffel's clock may be from ours.
const SKEW: Duration = Duration::from_mins(1);

/// What came of it.
#[derive(Default)]
pub(super) struct CaughtUp {
    /// The ids of the events that arrived.
    pub(super) delivered: Vec<String>,
    /// Those of the others, and why.
    pub(super) missing: Vec<(String, String)>,
}

/// Asks for everything since a moment, of these types, that was delivered to nobody, and waits for it.
pub(super) fn catch_up(
    duffel: &Client,
    since: SystemTime,
    types: &[String],
    wait: Duration,
) -> Result<CaughtUp, ApiError> {
    let back = SystemTime::now().duration_since(since).unwrap_or_default();
    let back = duration(Duration::from_secs(back.as_secs() / 60 * 60));
    tell(&format!("Looking for events of the last {back} that were delivered to nobody"));
    let events = Search { wanted: Wanted::types(types), after: since, before: None }.all(duffel)?;
    let mut caught_up = CaughtUp::default();
    let mut left: Vec<String> = events.into_iter().map(|event| event.id).collect();
    if left.is_empty() {
        tell("Nothing to catch up: every event was delivered");
        return Ok(caught_up);
    }
    tell(&format!("Asking Duffel to deliver again: {}", count(left.len(), "event")));
    let mut reasons = BTreeMap::new();
    for round in 1..=ROUNDS {
        let asked_at = SystemTime::now();
        left.retain(|id| match duffel.redeliver(id) {
            Ok(()) => true,
            Err(error) => {
                let is_final = error.retryability() == Retryability::Permanent;
                reasons.insert(id.clone(), error.to_string());
                if is_final {
                    caught_up.missing.push((id.clone(), error.to_string()));
                }
                !is_final
            }
        });
        // As good as for ever, if there is no such time.
        let until = Instant::now().checked_add(wait / ROUNDS);
        while !left.is_empty() {
            let earlier = asked_at.checked_sub(SKEW).unwrap_or(SystemTime::UNIX_EPOCH);
            let deliveries = undelivered::deliveries(duffel, earlier)?;
            left.retain(|id| {
                let is_delivered = deliveries.delivered.contains(id);
                if is_delivered {
                    caught_up.delivered.push(id.clone());
                }
                !is_delivered
            });
            for delivery in deliveries.all.iter().rev() {
                if let Some(id) = &delivery.event_id {
                    reasons.insert(id.clone(), reason(delivery));
                }
            }
            if left.is_empty() || until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            thread::sleep(PAUSE);
        }
        if left.is_empty() {
            break;
        }
        if round < ROUNDS {
            tell(&format!("Not delivered yet: {}: asking again", count(left.len(), "event")));
        }
    }
    let missing = left.into_iter().map(|id| {
        let reason = reasons.remove(&id).unwrap_or_else(|| "no delivery was seen".to_owned());
        (id, reason)
    });
    caught_up.missing.extend(missing);
    tell(&format!("Delivered again: {}", count(caught_up.delivered.len(), "event")));
    Ok(caught_up)
}

/// What is said of the time that is too long ago to be caught up.
pub(super) fn unanswerable(from: SystemTime, to: SystemTime) -> String {
    let [from, to] = [from, to].map(humantime::format_rfc3339_seconds);
    format!(
        "Not looked for: what happened from {from} until {to}, since the ledger cannot tell whether it was \
         forwarded. To see it: duffel-hooks events list --all --since {from} --until {to}"
    )
}

/// How a delivery went that was not accepted.
pub(crate) fn reason(delivery: &DeliveryRecord) -> String {
    match delivery.response_status_code {
        Some(status) => format!("the receiver answered {status}"),
        None => "the receiver did not answer".to_owned(),
    }
}
