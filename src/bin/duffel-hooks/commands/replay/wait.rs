//! Waits until the events have arrived. The ledger has their records; otherwise Duffel's deliveries say why.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::{
    deployment::ledger_records::LedgerRecords,
    duffel::{Client, DeliveryRecord},
};

use super::{
    interrupt::run_on_thread,
    outcome::{Outcome, Replayed},
};
use crate::shared::{
    Result,
    duffel::earliest_at_duffel,
    output::{count, remark},
    undelivered,
};

/// The pauses between two reads of the ledger, and of Duffel's deliveries.
const PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(10);
const MAX_DELIVERIES_PAUSE: Duration = Duration::from_secs(30);
/// How many events are looked up per second: each is a read of the table.
const EVENTS_PER_SECOND: usize = 100;
/// How many deliveries are read in two seconds: a page of Duffel's list, whose rate limit is not documented.
const DELIVERIES_PER_PAGE: usize = 200;

/// The deliveries before the requests, which are not evidence of an arrival.
pub(super) struct Watch {
    since: SystemTime,
    before: HashSet<String>,
    /// The least number of events that was reported to be missing.
    reported: usize,
}

impl Watch {
    pub(super) fn new(duffel: &Client) -> Result<Self> {
        let since = earliest_at_duffel(SystemTime::now());
        let before = undelivered::deliveries(duffel, since)?.all;
        Ok(Self {
            since,
            before: before.into_iter().map(|delivery| delivery.id).collect(),
            reported: usize::MAX,
        })
    }

    /// Waits until every requested event has arrived or was refused by the receiver, or until a moment, if any.
    pub(super) async fn wait(
        &mut self,
        duffel: &Arc<Client>,
        ledger: &LedgerRecords,
        events: &mut [Replayed],
        until: Option<Instant>,
    ) -> Result<()> {
        let mut next_deliveries = Instant::now();
        loop {
            look_up(ledger, events).await?;
            let left = events.iter().filter(|event| event.is_open()).count();
            if left == 0 {
                return Ok(());
            }
            let is_over = until.is_some_and(|until| Instant::now() >= until);
            if is_over || Instant::now() >= next_deliveries {
                let since = self.since;
                let duffel = Arc::clone(duffel);
                let deliveries = run_on_thread(move || undelivered::deliveries(&duffel, since)).await??.all;
                next_deliveries = Instant::now() + deliveries_pause(deliveries.len());
                if self.close_delivered(&deliveries, events) {
                    // The ledger has the message id; and of two deliveries of one event, the other may have arrived.
                    look_up(ledger, events).await?;
                }
            }
            let left = events.iter().filter(|event| event.is_open()).count();
            if left == 0 || is_over {
                return Ok(());
            }
            if left < self.reported {
                remark(&format!("Waiting for {} to arrive", count(left, "event")));
                self.reported = left;
            }
            let rest = until.map_or(MAX_PAUSE, |until| until.saturating_duration_since(Instant::now()));
            tokio::time::sleep(pause(left).min(rest)).await;
        }
    }

    /// Closes the events of which the receiver has responded to a delivery. Returns whether there are any.
    fn close_delivered(&self, deliveries: &[DeliveryRecord], events: &mut [Replayed]) -> bool {
        let mut found = false;
        for event in events.iter_mut().filter(|event| event.is_open()) {
            let is_its = |delivery: &&DeliveryRecord| {
                delivery.event_id.as_deref() == Some(&event.id) && !self.before.contains(&delivery.id)
            };
            let Some(delivery) = deliveries.iter().find(is_its) else { continue };
            event.outcome = outcome(delivery);
            found = true;
        }
        found
    }
}

/// The pause before so many events are looked up again.
fn pause(events: usize) -> Duration {
    PAUSE
        .saturating_mul(u32::try_from(events / EVENTS_PER_SECOND).unwrap_or(u32::MAX))
        .clamp(PAUSE, MAX_PAUSE)
}

/// The pause before so many deliveries are listed again.
fn deliveries_pause(deliveries: usize) -> Duration {
    let pages = u32::try_from(deliveries / DELIVERIES_PER_PAGE).unwrap_or(u32::MAX).saturating_add(1);
    (2 * PAUSE).saturating_mul(pages).min(MAX_DELIVERIES_PAUSE)
}

/// Finds the events that have a new record.
async fn look_up(ledger: &LedgerRecords, events: &mut [Replayed]) -> Result<()> {
    for event in events {
        let is_late = matches!(event.outcome, Outcome::NotSeen(_) | Outcome::Arrived(None));
        let Some(identity) = event.identity.as_ref().filter(|_| is_late || event.is_open()) else { continue };
        if let Some(record) = ledger.find(identity).await? {
            event.outcome = Outcome::Arrived(Some(record.message_id));
        }
    }
    Ok(())
}

/// The outcome according to a delivery. The ledger takes precedence.
fn outcome(delivery: &DeliveryRecord) -> Outcome {
    let body = delivery.response_body.as_deref().unwrap_or_default();
    Outcome::NotSeen(match delivery.response_status_code {
        None => "the receiver did not respond".to_owned(),
        Some(200) if body.contains("duplicate") => {
            "the receiver still has its record: is --source its name for Duffel, and this its table?"
                .to_owned()
        }
        Some(200) if body.contains("ignored") => {
            "the receiver is configured to ignore its type or mode".to_owned()
        }
        Some(status) if (200..300).contains(&status) => return Outcome::Arrived(None),
        Some(status) => format!("the receiver responded {status}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_the_number_of_events_and_deliveries() {
        let seconds = Duration::from_secs;
        assert_eq!([0, 1, 199, 500, 1_000, usize::MAX].map(pause), [1, 1, 1, 5, 10, 10].map(seconds));
        assert_eq!([0, 199, 1_000, 9_999, usize::MAX].map(deliveries_pause), [2, 2, 12, 30, 30].map(seconds));
    }
}
