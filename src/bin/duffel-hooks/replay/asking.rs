//! How is an event asked for, and how is everything as it was if that comes to nothing?

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use duffel_webhook_receiver::{
    duffel::{Client, Outlook},
    operator::{CallError, memory::Memory},
};

use super::{
    interruption::{Interruption, aside},
    outcome::{Outcome, Replayed, forwarded_at},
    tell,
};
use crate::Result;

/// How long SQS drops what it has seen, and a little more, since its clock is not ours.
///
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>
const QUEUE_MEMORY: Duration = Duration::from_secs(5 * 60 + 15);

/// Looks at what the ledger knows of an event.
pub(super) async fn look(memory: &Memory, event: &mut Replayed) -> Result<()> {
    let (Outcome::Chosen, Some(identity)) = (&event.outcome, &event.identity) else { return Ok(()) };
    event.known = memory.find(identity).await?;
    let Some(record) = &event.known else { return Ok(()) };
    // What stands there is not lost.
    event.forgotten = None;
    match forwarded_at(record).map(|at| at + QUEUE_MEMORY) {
        Some(forgets) if forgets > SystemTime::now() => event.outcome = Outcome::Young(forgets),
        Some(_) => {}
        None => {
            event.outcome = Outcome::Refused(format!(
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
    memory: &Memory,
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
        asked = aside(move || duffel.redeliver(&id)) => asked?,
        () = interruption.come() => return Ok(()),
    };
    match asked {
        Ok(()) => event.outcome = Outcome::Asked,
        Err(error) if error.outlook() == Outlook::Refused => {
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
    memory: &Memory,
    event: &mut Replayed,
    error: Box<dyn std::error::Error + Send + Sync>,
) {
    event.outcome = Outcome::Refused(error.to_string());
    // If it cannot be put back now, it is tried once more at the end.
    let _ = put_back(memory, event).await;
}

/// Puts the record back that was taken out, if any was.
async fn put_back(memory: &Memory, event: &mut Replayed) -> Result<()> {
    let (Some(identity), Some(record)) = (&event.identity, &event.forgotten) else { return Ok(()) };
    memory
        .restore(identity, record)
        .await
        .map_err(|error| format!("{} was not delivered, and its record is lost: {error}", event.id))?;
    event.forgotten = None;
    Ok(())
}

/// Waits for the queue to forget the young ones, if there is time enough, and asks for them.
pub(super) async fn wait_for_young(
    duffel: &Arc<Client>,
    memory: &Memory,
    events: &mut [Replayed],
    wait: Duration,
    interruption: &mut Interruption,
) -> Result<()> {
    // None if the time has no end.
    let latest = SystemTime::now().checked_add(wait);
    for event in events {
        let Outcome::Young(forgets) = event.outcome else { continue };
        if latest.is_some_and(|latest| forgets > latest) {
            continue;
        }
        if let Ok(left) = forgets.duration_since(SystemTime::now()) {
            tell(&format!(
                "{} was forwarded within the last 5 minutes: waiting {} for the queue to forget it",
                event.id,
                humantime::format_duration(Duration::from_secs(left.as_secs() + 1))
            ));
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                () = interruption.come() => return Ok(()),
            }
        }
        event.outcome = Outcome::Chosen;
        ask(duffel, memory, event, interruption).await?;
    }
    Ok(())
}

/// What has not arrived may still come, and must pass then; what will not come is put back.
pub(super) async fn give_up(memory: &Memory, event: &mut Replayed, in_time: bool) -> Result<()> {
    let reason = match &event.outcome {
        Outcome::Asked => {
            let reason =
                if in_time { "no delivery was seen in time" } else { "it was not waited for to the end" };
            event.outcome = Outcome::Missing(reason.to_owned());
            return Ok(());
        }
        Outcome::Unclear(reason) => {
            let reason = reason.clone();
            // It was heard after all; and where that cannot be told, what is put back does not stand in its way.
            if let Some(identity) = &event.identity
                && let Ok(Some(record)) = memory.find(identity).await
            {
                event.forgotten = None;
                event.outcome = Outcome::Arrived(Some(record.message_id));
                return Ok(());
            }
            reason
        }
        Outcome::Refused(reason) => reason.clone(),
        Outcome::Chosen => "Duffel was not asked for it".to_owned(),
        _ => return Ok(()),
    };
    event.outcome = Outcome::Refused(reason);
    put_back(memory, event).await
}
