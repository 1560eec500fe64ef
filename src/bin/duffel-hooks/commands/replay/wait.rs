//! Has it arrived? The ledger knows; and if not, Duffel's deliveries tell why.

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
    duffel::{count, tell},
    undelivered,
};

/// Between two looks at the ledger, and at Duffel's deliveries.
const PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(10);
const MAX_DELIVERIES_PAUSE: Duration = Duration::from_secs(30);
/// How many events are looked for in a second: each is a read of the table.
const EVENTS_A_SECOND: usize = 100;
/// How many deliveries are read in two seconds: that is a page of Duffel's list, and its rate limit is not documented.
const DELIVERIES_A_PAGE: usize = 200;
/// How far Duffel's clock may be from ours.
const SKEW: Duration = Duration::from_mins(1);

/// What was delivered before Duffel was asked, and so tells nothing.
pub(super) struct Watch {
    since: SystemTime,
    before: HashSet<String>,
    /// The least number of events that was said to be waited for.
    told: usize,
}

impl Watch {
    pub(super) fn new(duffel: &Client) -> Result<Self> {
        let since = SystemTime::now().checked_sub(SKEW).unwrap_or(SystemTime::UNIX_EPOCH);
        let before = undelivered::deliveries(duffel, since)?.all;
        Ok(Self { since, before: before.into_iter().map(|delivery| delivery.id).collect(), told: usize::MAX })
    }

    /// Waits until every event that was asked for has arrived or was refused by the receiver, or until a moment, if
    /// there is one.
    pub(super) async fn wait(
        &mut self,
        duffel: &Arc<Client>,
        memory: &LedgerRecords,
        events: &mut [Replayed],
        until: Option<Instant>,
    ) -> Result<()> {
        let mut next_deliveries = Instant::now();
        loop {
            look(memory, events).await?;
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
                if self.answered(&deliveries, events) {
                    // The ledger knows the message; and of two deliveries of one event it may be the other that arrived.
                    look(memory, events).await?;
                }
            }
            let left = events.iter().filter(|event| event.is_open()).count();
            if left == 0 || is_over {
                return Ok(());
            }
            if left < self.told {
                tell(&format!("Waiting for {} to arrive", count(left, "event")));
                self.told = left;
            }
            let rest = until.map_or(MAX_PAUSE, |until| until.saturating_duration_since(Instant::now()));
            tokio::time::sleep(pause(left).min(rest)).await;
        }
    }

    /// Closes the events that the receiver has answered for; whether there are any.
    fn answered(&self, deliveries: &[DeliveryRecord], events: &mut [Replayed]) -> bool {
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

/// How long to wait before the ledger is asked for so many events once more.
fn pause(events: usize) -> Duration {
    PAUSE.saturating_mul(u32::try_from(events / EVENTS_A_SECOND).unwrap_or(u32::MAX)).clamp(PAUSE, MAX_PAUSE)
}

/// How long to wait before so many deliveries are listed once more.
fn deliveries_pause(deliveries: usize) -> Duration {
    let pages = u32::try_from(deliveries / DELIVERIES_A_PAGE).unwrap_or(u32::MAX).saturating_add(1);
    (2 * PAUSE).saturating_mul(pages).min(MAX_DELIVERIES_PAUSE)
}

/// Looks which events have a new record.
async fn look(memory: &LedgerRecords, events: &mut [Replayed]) -> Result<()> {
    for event in events {
        let is_late = matches!(event.outcome, Outcome::NotSeen(_) | Outcome::Arrived(None));
        let Some(identity) = event.identity.as_ref().filter(|_| is_late || event.is_open()) else { continue };
        if let Some(record) = memory.find(identity).await? {
            event.outcome = Outcome::Arrived(Some(record.message_id));
        }
    }
    Ok(())
}

/// What a delivery tells of its event, for which the ledger has the last word.
fn outcome(delivery: &DeliveryRecord) -> Outcome {
    let body = delivery.response_body.as_deref().unwrap_or_default();
    Outcome::NotSeen(match delivery.response_status_code {
        None => "the receiver did not answer".to_owned(),
        Some(200) if body.contains("duplicate") => {
            "the receiver knows it still: is --source its name for Duffel, and this its table?".to_owned()
        }
        Some(200) if body.contains("ignored") => {
            "the receiver is configured to ignore its type or mode".to_owned()
        }
        Some(status) if (200..300).contains(&status) => return Outcome::Arrived(None),
        Some(status) => format!("the receiver answered {status}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_there_is_to_look_at_the_less_often_is_it_looked_at() {
        let seconds = Duration::from_secs;
        assert_eq!([0, 1, 199, 500, 1_000, usize::MAX].map(pause), [1, 1, 1, 5, 10, 10].map(seconds));
        assert_eq!([0, 199, 1_000, 9_999, usize::MAX].map(deliveries_pause), [2, 2, 12, 30, 30].map(seconds));
    }
}
