//! The real pipeline, and mutants that are the real pipeline with faulty ports or settings.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use duffel_webhook_receiver::{
    http::{RequestContext, respond},
    identity::Identity,
    ledger::{Ledger, LedgerError, Record},
    queue::{Message, Queue, QueueError},
    receive::Receiver,
};
use http::Request;

use super::{
    events::sources,
    ports::Ports,
    scheduler::{Answer, Pipe, Subject},
    world::{RETENTION_MARGIN, Replace, SentMessage, WINDOW},
};

struct Real<L, Q>(Receiver<L, Q>);

impl<L: Ledger, Q: Queue> Pipe for Real<L, Q> {
    fn deliver(&self, request: Request<Bytes>, now: SystemTime) -> Answer<'_> {
        Box::pin(async move {
            let response = respond(&self.0, request, RequestContext::default(), now).await;
            let word =
                response.body().strip_prefix(r#"{"status":""#).and_then(|rest| rest.strip_suffix(r#""}"#));
            format!("{} {}", response.status().as_u16(), word.unwrap_or(response.body()))
        })
    }
}

fn pipe<L: Ledger + 'static, Q: Queue + 'static>(
    ledger: L,
    queue: Q,
    window: u64,
    tolerance: u64,
) -> Box<dyn Pipe> {
    let window = Duration::from_secs(window);
    Box::new(Real(Receiver { sources: sources(tolerance).into(), ledger, queue, window }))
}

/// The real pipeline.
pub fn real() -> Subject {
    Subject::new(|ports, window| pipe(ports.clone(), ports, window, window))
}

/// It accepts signatures of any age.
pub fn tolerant() -> Subject {
    Subject::new(|ports, window| pipe(ports.clone(), ports, window, u64::MAX))
}

/// Signatures are valid for longer than the window, which the configuration forbids.
pub fn forgetful() -> Subject {
    let start = |ports: Ports, window| pipe(ports.clone(), ports, window, 2 * window);
    Subject { tolerance: |window| 2 * window, ..Subject::new(start) }
}

/// A delivery may take longer than the deduplication interval of the queue.
pub fn unhurried() -> Subject {
    Subject { timeout: WINDOW, ..real() }
}

/// Only the queue deduplicates, for five minutes.
pub fn without_ledger() -> Subject {
    Subject::new(|ports, window| pipe(None::<Ports>, ports, window, window))
}

/// The queue does not deduplicate, like a standard queue.
pub fn on_standard_queue() -> Subject {
    Subject::new(|ports, window| pipe(ports.clone(), Standard(ports), window, window))
}

/// A record replaces one that expires later.
pub fn overwriting() -> Subject {
    Subject::new(|ports, window| {
        pipe(MutantLedger(ports.clone(), LedgerMutation::Overwrites), ports, window, window)
    })
}

/// Message groups are those of the objects, without the source.
pub fn sharing_groups() -> Subject {
    Subject::new(|ports, window| pipe(ports.clone(), Ungrouped(ports), window, window))
}

/// A record counts for the window in force when it was made.
pub fn remembering_windows() -> Subject {
    Subject::new(|ports, window| {
        pipe(MutantLedger(ports.clone(), LedgerMutation::RemembersWindows), ports, window, window)
    })
}

/// The table deletes a record as soon as its window has passed.
pub fn expiring_with_the_window() -> Subject {
    Subject::new(|ports, window| {
        pipe(MutantLedger(ports.clone(), LedgerMutation::ExpiresWithTheWindow), ports, window, window)
    })
}

/// A record is never extended by a newer signature.
pub fn never_extending() -> Subject {
    Subject::new(|ports, window| {
        pipe(MutantLedger(ports.clone(), LedgerMutation::NeverExtends), ports, window, window)
    })
}

/// A record counts until the table deletes it.
pub fn never_expiring() -> Subject {
    Subject::new(|ports, window| {
        pipe(MutantLedger(ports.clone(), LedgerMutation::NeverExpires), ports, window, window)
    })
}

/// A failed look-up counts as no record.
pub fn failing_open() -> Subject {
    Subject::new(|ports, window| {
        pipe(MutantLedger(ports.clone(), LedgerMutation::FailsOpen), ports, window, window)
    })
}

struct Standard(Ports);

impl Queue for Standard {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        self.0.send(SentMessage::of(message), false).await.map_err(|lost| QueueError(lost.into()))
    }
}

struct Ungrouped(Ports);

impl Queue for Ungrouped {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        let sent = SentMessage::of(message);
        let group = sent.group.split_once('/').map_or(sent.group.clone(), |(_, object)| object.to_owned());
        self.0.send(SentMessage { group, ..sent }, true).await.map_err(|lost| QueueError(lost.into()))
    }
}

/// A ledger with a mutation.
struct MutantLedger(Ports, LedgerMutation);

#[derive(PartialEq, Eq)]
enum LedgerMutation {
    Overwrites,
    NeverExtends,
    NeverExpires,
    FailsOpen,
    RemembersWindows,
    ExpiresWithTheWindow,
}

impl Ledger for MutantLedger {
    async fn find(&self, identity: &Identity) -> Result<Option<Record>, LedgerError> {
        let found = Ledger::find(&self.0, identity).await;
        match self.1 {
            LedgerMutation::FailsOpen => Ok(found.unwrap_or_default()),
            LedgerMutation::NeverExpires => {
                found.map(|found| found.map(|record| Record { counts_from: u64::MAX, ..record }))
            }
            LedgerMutation::RemembersWindows => {
                let world = self.0.world();
                let clock = world.attempts[world.current].clock;
                let counts = |record: &Record| record.expires_at - RETENTION_MARGIN >= clock;
                found.map(|found| found.filter(counts))
            }
            _ => found,
        }
    }

    async fn record(&self, identity: &Identity, record: &Record) -> Result<(), LedgerError> {
        let replace = match self.1 {
            LedgerMutation::Overwrites => Replace::Always,
            LedgerMutation::NeverExtends => Replace::Never,
            _ => Replace::IfLater,
        };
        let expires_at = match self.1 {
            LedgerMutation::ExpiresWithTheWindow => record.expires_at - RETENTION_MARGIN,
            _ => record.expires_at,
        };
        let record = &Record { expires_at, ..record.clone() };
        self.0.put(identity.as_str(), record, replace).await.map_err(|lost| LedgerError(lost.into()))
    }
}
