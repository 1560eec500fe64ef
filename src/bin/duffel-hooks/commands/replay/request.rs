//! How is an event asked for, and how is everything as it was if that comes to nothing?

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::{
    deployment::{CallError, ledger_records::LedgerRecords},
    duffel::{Client, Retryability},
};

use super::{
    interrupt::{Interruption, run_on_thread},
    outcome::{Outcome, Replayed, forwarded_at},
};
use crate::shared::{
    Result,
    duffel::{duration, tell},
};

/// How long SQS drops what it has seen, and a little more, since its clock is not ours.
///
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>
const QUEUE_MEMORY: Duration = Duration::from_secs(5 * 60 + 15);

/// Looks at what the ledger knows of an event.
pub(super) async fn look(memory: &LedgerRecords, event: &mut Replayed) -> Result<()> {
    let (Outcome::Chosen, Some(identity)) = (&event.outcome, &event.identity) else { return Ok(()) };
    event.known = memory.find(identity).await?;
    let Some(record) = &event.known else { return Ok(()) };
    // What stands there is not lost.
    event.forgotten = None;
    match forwarded_at(record).map(|at| at + QUEUE_MEMORY) {
        Some(forgets) if forgets > SystemTime::now() => event.outcome = Outcome::StillDeduplicated(forgets),
        Some(_) => {}
        None => {
            event.outcome = Outcome::NotAsked(format!(
                "the ledger says that it was forwarded {} s after 1970, which cannot be",
                record.recorded_at
            ));
        }
    }
    Ok(())
}

/// Lets the ledger forget an event and asks Duffel for it, unless the queue remembers it still.
pub(super) async fn ask(
    duffel: &Arc<Client>,
    memory: &LedgerRecords,
    event: &mut Replayed,
    interruption: &mut Interruption,
) -> Result<()> {
    let Some(identity) = event.identity.clone() else { return Ok(()) };
    loop {
        look(memory, event).await?;
        let (Outcome::Chosen, Some(record)) = (&event.outcome, &event.known) else { break };
        // Whatever the answer: a deletion whose answer was lost looks like one that found nothing.
        event.forgotten = Some(record.clone());
        match memory.forget(&identity, record).await {
            Ok(true) => break,
            // Else it was forwarded just now, or forgotten already: either shows at a second look.
            Ok(false) => {}
            Err(error) => {
                if let CallError::Denied(_) = error {
                    event.forgotten = None;
                }
                return Err(error.into());
            }
        }
    }
    if !matches!(event.outcome, Outcome::Chosen) || interruption.has_come() {
        return Ok(());
    }
    event.outcome = Outcome::Unclear("interrupted before Duffel answered".to_owned());
    let (duffel, id) = (Arc::clone(duffel), event.id.clone());
    let asked = tokio::select! {
        asked = run_on_thread(move || duffel.redeliver(&id)) => asked?,
        () = interruption.come() => return Ok(()),
    };
    match asked {
        Ok(()) => event.outcome = Outcome::Asked,
        Err(error) if error.retryability() == Retryability::Permanent => {
            event.outcome = Outcome::Refused(error.to_string());
            put_back(memory, event).await?;
        }
        // It may have been heard all the same.
        Err(error) => event.outcome = Outcome::Unclear(error.to_string()),
    }
    Ok(())
}

/// Tells of an event that it was not asked for, and why, when its record is back.
pub(super) async fn fail(
    memory: &LedgerRecords,
    event: &mut Replayed,
    error: Box<dyn std::error::Error + Send + Sync>,
) {
    event.outcome = Outcome::NotAsked(error.to_string());
    // If it cannot be put back now, it is tried once more at the end.
    let _ = put_back(memory, event).await;
}

/// Puts the record back that was taken out, if any was.
async fn put_back(memory: &LedgerRecords, event: &mut Replayed) -> Result<()> {
    let (Some(identity), Some(record)) = (&event.identity, &event.forgotten) else { return Ok(()) };
    memory
        .restore(identity, record)
        .await
        .map_err(|error| format!("{} was not delivered, and its record is lost: {error}", event.id))?;
    event.forgotten = None;
    Ok(())
}

/// The first of the young events that the queue forgets by then, and when that is.
pub(super) fn next_young(events: &[Replayed], end: Option<Instant>) -> Option<(usize, Instant)> {
    let forgotten = events.iter().enumerate().filter_map(|(index, event)| match event.outcome {
        Outcome::StillDeduplicated(forgets) => {
            let left = forgets.duration_since(SystemTime::now()).unwrap_or_default();
            Some((index, Instant::now().checked_add(left)?))
        }
        _ => None,
    });
    forgotten.filter(|(_, at)| end.is_none_or(|end| *at <= end)).min_by_key(|(_, at)| *at)
}

/// Waits for the queue to forget a young event, and asks for it.
pub(super) async fn ask_young(
    duffel: &Arc<Client>,
    memory: &LedgerRecords,
    event: &mut Replayed,
    at: Instant,
    interruption: &mut Interruption,
) -> Result<()> {
    let left = at.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        let left = duration(Duration::from_secs(left.as_secs() + 1));
        let id = &event.id;
        tell(&format!(
            "{id} was forwarded within the last 5 minutes: waiting {left} for the queue to forget it"
        ));
    }
    tokio::select! {
        biased;
        () = interruption.come() => return Err("interrupted".into()),
        () = tokio::time::sleep_until(at.into()) => {}
    }
    event.outcome = Outcome::Chosen;
    ask(duffel, memory, event, interruption).await
}

/// What has not arrived may still come, and must pass then; what will not come is put back.
pub(super) async fn give_up(memory: &LedgerRecords, event: &mut Replayed, in_time: bool) -> Result<()> {
    // Of what was waited for to the end, the ledger was just asked.
    let may_have_arrived = match event.outcome {
        Outcome::Asked => !in_time,
        Outcome::Unclear(_) => true,
        _ => false,
    };
    if may_have_arrived
        && let Some(identity) = &event.identity
        && let Ok(Some(record)) = memory.find(identity).await
    {
        event.forgotten = None;
        event.outcome = Outcome::Arrived(Some(record.message_id));
    }
    match &event.outcome {
        Outcome::Asked => {
            let reason =
                if in_time { "no delivery was seen in time" } else { "it was not waited for to the end" };
            event.outcome = Outcome::NotSeen(reason.to_owned());
            return Ok(());
        }
        Outcome::Chosen => event.outcome = Outcome::NotAsked("Duffel was not asked for it".to_owned()),
        // Should it arrive all the same, what is put back does not stand in its way.
        Outcome::Unclear(_) | Outcome::Refused(_) | Outcome::NotAsked(_) => {}
        _ => return Ok(()),
    }
    put_back(memory, event).await
}
