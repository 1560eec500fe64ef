//! Has it arrived? The ledger knows; and if not, Duffel's deliveries tell why.

use std::{
    collections::HashSet,
    thread,
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::{
    duffel::{ApiError, Client, DeliveryRecord},
    operator::memory::Memory,
};

use super::{
    many,
    outcome::{Outcome, Replayed},
    tell,
};
use crate::{Result, undelivered};

const PAUSE: Duration = Duration::from_secs(1);
/// How far Duffel's clock may be from ours.
const SKEW: Duration = Duration::from_mins(1);

/// What was delivered before Duffel was asked, and so tells nothing.
pub(super) struct Watch {
    since: SystemTime,
    before: HashSet<String>,
}

impl Watch {
    pub(super) fn new(duffel: &Client) -> Result<Self> {
        let since = SystemTime::now().checked_sub(SKEW).unwrap_or(SystemTime::UNIX_EPOCH);
        let before = undelivered::deliveries(duffel, since)?.all;
        Ok(Self { since, before: before.into_iter().map(|delivery| delivery.id).collect() })
    }

    /// Waits until every event that was asked for has arrived, was refused by the receiver, or the time is up.
    pub(super) async fn wait(
        &mut self,
        duffel: &Client,
        memory: &Memory,
        events: &mut [Replayed],
        wait: Duration,
    ) -> Result<()> {
        let until = Instant::now() + wait;
        let mut told = usize::MAX;
        loop {
            look(memory, events).await?;
            let left = events.iter().filter(|event| is_open(event)).count();
            if left == 0 {
                return Ok(());
            }
            if self.answered(duffel, events)? {
                // The ledger knows the message; and of two deliveries of one event it may be the other that arrived.
                look(memory, events).await?;
                continue;
            }
            if Instant::now() >= until {
                return Ok(());
            }
            if left < told {
                tell(&format!("Waiting for {} to arrive", many(left)));
                told = left;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Closes the events that the receiver has answered for; whether there are any.
    fn answered(&mut self, duffel: &Client, events: &mut [Replayed]) -> std::result::Result<bool, ApiError> {
        let deliveries = undelivered::deliveries(duffel, self.since)?.all;
        let mut found = false;
        for event in events.iter_mut().filter(|event| is_open(event)) {
            let is_its = |delivery: &&DeliveryRecord| {
                delivery.event_id.as_deref() == Some(&event.id) && !self.before.contains(&delivery.id)
            };
            let Some(delivery) = deliveries.iter().find(is_its) else { continue };
            event.outcome = outcome(delivery);
            found = true;
        }
        Ok(found)
    }
}

/// Looks which events have a new record.
async fn look(memory: &Memory, events: &mut [Replayed]) -> Result<()> {
    for event in events {
        let is_late = matches!(event.outcome, Outcome::Missing(_) | Outcome::Arrived(None));
        let Some(identity) = event.identity.as_ref().filter(|_| is_late || is_open(event)) else { continue };
        if let Some(record) = memory.find(identity).await? {
            event.outcome = Outcome::Arrived(Some(record.message_id));
        }
    }
    Ok(())
}

fn is_open(event: &Replayed) -> bool {
    matches!(event.outcome, Outcome::Asked | Outcome::Unclear(_))
}

/// What a delivery tells of its event, for which the ledger has the last word.
fn outcome(delivery: &DeliveryRecord) -> Outcome {
    let body = delivery.response_body.as_deref().unwrap_or_default();
    Outcome::Missing(match delivery.response_status_code {
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
