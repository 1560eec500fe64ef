//! Has Duffel redeliver the events that no endpoint accepted.

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
    duffel::earliest_at_duffel,
    output::{count, duration, remark},
    progress::Steps,
    undelivered,
};

/// How often to request an event whose deliveries are refused. Another instance of the function may not have read the
/// new secret yet.
const ROUNDS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// The result of catching up.
#[derive(Default)]
pub(super) struct CaughtUp {
    /// The ids of the events that were delivered.
    pub(super) delivered: Vec<String>,
    /// The ids of the others, with the reasons.
    pub(super) missing: Vec<(String, String)>,
}

/// Requests every undelivered event of these types since a moment, and waits until they are delivered.
pub(super) fn catch_up(
    duffel: &Client,
    since: SystemTime,
    types: &[String],
    wait: Duration,
) -> Result<CaughtUp, ApiError> {
    let back = SystemTime::now().duration_since(since).unwrap_or_default();
    let back = duration(rounded(back));
    remark(&format!("Looking for events of the last {back} that no endpoint accepted"));
    let events = Search { wanted: Wanted::types(types), after: since, before: None }.all(duffel)?;
    let mut caught_up = CaughtUp::default();
    let mut left: Vec<String> = events.into_iter().map(|event| event.id).collect();
    if left.is_empty() {
        remark("Nothing to catch up: every event was delivered");
        return Ok(caught_up);
    }
    remark(&format!("Asking Duffel to redeliver {}", count(left.len(), "event")));
    let mut reasons = BTreeMap::new();
    for round in 1..=ROUNDS {
        let asked_at = SystemTime::now();
        let mut steps = Steps::new(left.len(), "requested");
        let mut requested = 0;
        left.retain(|id| {
            steps.show(requested);
            requested += 1;
            match duffel.redeliver(id) {
                Ok(()) => true,
                Err(error) => {
                    let is_final = error.retryability() == Retryability::Permanent;
                    reasons.insert(id.clone(), error.to_string());
                    if is_final {
                        caught_up.missing.push((id.clone(), error.to_string()));
                    }
                    !is_final
                }
            }
        });
        steps.end();
        // None if the time is out of range: there is no end.
        let until = Instant::now().checked_add(wait / ROUNDS);
        while !left.is_empty() {
            let deliveries = undelivered::deliveries(duffel, earliest_at_duffel(asked_at))?;
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
            remark(&format!("{} not delivered yet: asking again", count(left.len(), "event")));
        }
    }
    let missing = left.into_iter().map(|id| {
        let reason = reasons.remove(&id).unwrap_or_else(|| "no delivery was seen".to_owned());
        (id, reason)
    });
    caught_up.missing.extend(missing);
    remark(&format!("Redelivered {}", count(caught_up.delivered.len(), "event")));
    Ok(caught_up)
}

/// A period in whole minutes, or in seconds if it is shorter.
fn rounded(period: Duration) -> Duration {
    let seconds = period.as_secs();
    Duration::from_secs(if seconds < 60 { seconds } else { seconds / 60 * 60 })
}

/// The remark about a period that is too long ago to catch up.
pub(super) fn not_searched(from: SystemTime, to: SystemTime) -> String {
    let [from, to] = [from, to].map(humantime::format_rfc3339_seconds);
    format!(
        "Not searched: events from {from} until {to}, because the ledger has no record of whether they were \
         forwarded. To list them: duffel-hooks events list --all --since {from} --until {to}"
    )
}

/// The reason why a delivery was not accepted.
pub(super) fn reason(delivery: &DeliveryRecord) -> String {
    match delivery.response_status_code {
        Some(status) => format!("the receiver responded {status}"),
        None => "the receiver did not respond".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_period_is_not_reported_as_none() {
        let rounded = |milliseconds| rounded(Duration::from_millis(milliseconds)).as_secs();
        assert_eq!([7_200, 59_900, 60_000, 119_999].map(rounded), [7, 59, 60, 60]);
    }
}
