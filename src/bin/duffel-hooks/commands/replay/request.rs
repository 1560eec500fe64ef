//! Requests an event from Duffel, and restores its record if that fails.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::{
    deployment::{CallError, ledger_records::LedgerRecords},
    duffel::{Client, Retryability},
    queue::FIFO_MEMORY,
};

use super::{
    interrupt::{Interruption, run_on_thread},
    outcome::{Outcome, Replayed, forwarded_at},
};
use crate::shared::{
    Result,
    output::{duration, remark},
};

/// How long SQS drops an event after it was forwarded, with a margin for the difference of the clocks.
const DEDUPLICATION: Duration = FIFO_MEMORY.saturating_add(Duration::from_secs(15));

/// Looks up the record of an event.
pub(super) async fn look_up(ledger: &LedgerRecords, event: &mut Replayed) -> Result<()> {
    let (Outcome::Selected, Some(identity)) = (&event.outcome, &event.identity) else { return Ok(()) };
    event.known = ledger.find(identity).await?;
    let Some(record) = &event.known else { return Ok(()) };
    // The record is in the ledger, so there is nothing to restore.
    event.forgotten = None;
    match forwarded_at(record).map(|at| at + DEDUPLICATION) {
        Some(until) if until > SystemTime::now() => event.outcome = Outcome::StillDeduplicated(until),
        Some(_) => {}
        None => {
            event.outcome = Outcome::NotRequested(format!(
                "its record in the ledger is not valid: forwarded {} s after 1970",
                record.recorded_at
            ));
        }
    }
    Ok(())
}

/// Deletes the record of an event and requests the event from Duffel, unless SQS would still drop it.
pub(super) async fn request(
    duffel: &Arc<Client>,
    ledger: &LedgerRecords,
    event: &mut Replayed,
    interruption: &mut Interruption,
) -> Result<()> {
    let Some(identity) = event.identity.clone() else { return Ok(()) };
    loop {
        look_up(ledger, event).await?;
        let (Outcome::Selected, Some(record)) = (&event.outcome, &event.known) else { break };
        // Before the call: if its response is lost, a later look-up does not show that there was a record.
        event.forgotten = Some(record.clone());
        match ledger.forget(&identity, record).await {
            Ok(true) => break,
            // Otherwise it was forwarded just now, or is deleted already. Another look-up will show.
            Ok(false) => {}
            Err(error) => {
                if let CallError::Denied(_) = error {
                    event.forgotten = None;
                }
                return Err(error.into());
            }
        }
    }
    if !matches!(event.outcome, Outcome::Selected) || interruption.has_occurred() {
        return Ok(());
    }
    event.outcome = Outcome::Unclear("interrupted before Duffel responded".to_owned());
    let (duffel, id) = (Arc::clone(duffel), event.id.clone());
    let requested = tokio::select! {
        requested = run_on_thread(move || duffel.redeliver(&id)) => requested?,
        () = interruption.wait() => return Ok(()),
    };
    match requested {
        Ok(()) => event.outcome = Outcome::Requested,
        Err(error) if error.retryability() == Retryability::Permanent => {
            event.outcome = Outcome::Refused(error.to_string());
            restore(ledger, event).await?;
        }
        // Duffel may have accepted it all the same.
        Err(error) => event.outcome = Outcome::Unclear(error.to_string()),
    }
    Ok(())
}

/// Marks an event as not requested, and restores its record.
pub(super) async fn fail(
    ledger: &LedgerRecords,
    event: &mut Replayed,
    error: Box<dyn std::error::Error + Send + Sync>,
) {
    event.outcome = Outcome::NotRequested(error.to_string());
    // If that fails, it is tried again at the end.
    let _ = restore(ledger, event).await;
}

/// Restores the record that was deleted, if any.
async fn restore(ledger: &LedgerRecords, event: &mut Replayed) -> Result<()> {
    let (Some(identity), Some(record)) = (&event.identity, &event.forgotten) else { return Ok(()) };
    ledger
        .restore(identity, record)
        .await
        .map_err(|error| format!("{} was not delivered, and its record is lost: {error}", event.id))?;
    event.forgotten = None;
    Ok(())
}

/// The first of the recent events that SQS accepts again by the end, and the time at which it does.
pub(super) fn next_recent(events: &[Replayed], end: Option<Instant>) -> Option<(usize, Instant)> {
    let accepted = events.iter().enumerate().filter_map(|(index, event)| match event.outcome {
        Outcome::StillDeduplicated(until) => {
            let left = until.duration_since(SystemTime::now()).unwrap_or_default();
            Some((index, Instant::now().checked_add(left)?))
        }
        _ => None,
    });
    accepted.filter(|(_, at)| end.is_none_or(|end| *at <= end)).min_by_key(|(_, at)| *at)
}

/// Waits until SQS accepts a recent event again, and requests it.
pub(super) async fn request_recent(
    duffel: &Arc<Client>,
    ledger: &LedgerRecords,
    event: &mut Replayed,
    at: Instant,
    interruption: &mut Interruption,
) -> Result<()> {
    let left = at.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        let left = duration(Duration::from_secs(left.as_secs() + 1));
        let id = &event.id;
        remark(&format!(
            "{id} was forwarded in the last 5 minutes: waiting {left} until SQS accepts it again"
        ));
    }
    tokio::select! {
        biased;
        () = interruption.wait() => return Err("interrupted".into()),
        () = tokio::time::sleep_until(at.into()) => {}
    }
    event.outcome = Outcome::Selected;
    request(duffel, ledger, event, interruption).await
}

/// Decides the final outcome of an event, and restores its record, unless Duffel may still deliver it.
pub(super) async fn give_up(ledger: &LedgerRecords, event: &mut Replayed, in_time: bool) -> Result<()> {
    // If the wait ended in time, the ledger was read just now.
    let may_have_arrived = match event.outcome {
        Outcome::Requested => !in_time,
        Outcome::Unclear(_) => true,
        _ => false,
    };
    if may_have_arrived
        && let Some(identity) = &event.identity
        && let Ok(Some(record)) = ledger.find(identity).await
    {
        event.forgotten = None;
        event.outcome = Outcome::Arrived(Some(record.message_id));
    }
    match &event.outcome {
        Outcome::Requested => {
            let reason = if in_time { "no delivery was seen in time" } else { "the wait was interrupted" };
            event.outcome = Outcome::NotSeen(reason.to_owned());
            return Ok(());
        }
        Outcome::Selected => event.outcome = Outcome::NotRequested("it was not requested".to_owned()),
        // If it is delivered all the same, it is a duplicate, as before.
        Outcome::Unclear(_) | Outcome::Refused(_) | Outcome::NotRequested(_) => {}
        _ => return Ok(()),
    }
    restore(ledger, event).await
}
