//! What is put to the test: the real pipe, and the real pipe on wrong parts.

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
    stage::{Answer, Pipe, Subject},
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
    Box::new(Real(Receiver { sources: sources(tolerance), ledger, queue, window }))
}

/// The pipe as it is.
pub fn real() -> Subject {
    Subject::new(|ports, window| pipe(ports.clone(), ports, window, window))
}

/// It takes whatever was signed once.
pub fn tolerant() -> Subject {
    Subject::new(|ports, window| pipe(ports.clone(), ports, window, u64::MAX))
}

/// Signatures are good for longer than their events are remembered, which the configuration forbids.
pub fn forgetful() -> Subject {
    let start = |ports: Ports, window| pipe(ports.clone(), ports, window, 2 * window);
    Subject { tolerance: |window| 2 * window, ..Subject::new(start) }
}

/// Nothing ends a delivery that takes longer than the queue remembers.
pub fn unhurried() -> Subject {
    Subject { timeout: WINDOW, ..real() }
}

/// The queue's five minutes are all there is.
pub fn without_ledger() -> Subject {
    Subject::new(|ports, window| pipe(None::<Ports>, ports, window, window))
}

/// The queue takes everything, as a standard one does.
pub fn on_standard_queue() -> Subject {
    Subject::new(|ports, window| pipe(ports.clone(), Standard(ports), window, window))
}

/// A record takes the place of one that expires later.
pub fn overwriting() -> Subject {
    Subject::new(|ports, window| {
        pipe(MutantLedger(ports.clone(), LedgerMutation::Overwrites), ports, window, window)
    })
}

/// The queue's groups are those of the objects, whichever source they are of.
pub fn sharing_groups() -> Subject {
    Subject::new(|ports, window| pipe(ports.clone(), Ungrouped(ports), window, window))
}

/// The window in which a record was made decides for how long it counts.
pub fn remembering_windows() -> Subject {
    Subject::new(|ports, window| {
        pipe(MutantLedger(ports.clone(), LedgerMutation::RemembersWindows), ports, window, window)
    })
}

/// The table deletes a record as soon as the window in which it was made has passed.
pub fn expiring_with_the_window() -> Subject {
    Subject::new(|ports, window| {
        pipe(MutantLedger(ports.clone(), LedgerMutation::ExpiresWithTheWindow), ports, window, window)
    })
}

/// A record stays as it was first made, whatever was signed since.
pub fn never_prolonging() -> Subject {
    Subject::new(|ports, window| {
        pipe(MutantLedger(ports.clone(), LedgerMutation::NeverProlongs), ports, window, window)
    })
}

/// A record counts for as long as the table has not deleted it.
pub fn never_expiring() -> Subject {
    Subject::new(|ports, window| {
        pipe(MutantLedger(ports.clone(), LedgerMutation::NeverExpires), ports, window, window)
    })
}

/// A ledger that does not answer counts as one that knows nothing.
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

/// A ledger that errs.
struct MutantLedger(Ports, LedgerMutation);

#[derive(PartialEq, Eq)]
enum LedgerMutation {
    Overwrites,
    NeverProlongs,
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
            LedgerMutation::NeverProlongs => Replace::Never,
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
