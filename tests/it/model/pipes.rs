//! What is put to the test: the real pipe, and the real pipe on wrong parts.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use duffel_webhook_receiver::{
    event::Identity,
    http::respond,
    ledger::{Ledger, LedgerError, Record},
    queue::{Message, Queue, QueueError},
    receive::Receiver,
};
use http::Request;

use super::{
    events::sources,
    ports::Ports,
    stage::{Answer, Pipe, Subject},
    world::{Parcel, Replace, WINDOW},
};

struct Real<L, Q>(Receiver<L, Q>);

impl<L: Ledger, Q: Queue> Pipe for Real<L, Q> {
    fn deliver(&self, request: Request<Bytes>, now: SystemTime) -> Answer<'_> {
        Box::pin(async move {
            let response = respond(&self.0, request, now).await;
            let word =
                response.body().strip_prefix(r#"{"status":""#).and_then(|rest| rest.strip_suffix(r#""}"#));
            format!("{} {}", response.status().as_u16(), word.unwrap_or(response.body()))
        })
    }
}

fn pipe<L: Ledger + 'static, Q: Queue + 'static>(ledger: L, queue: Q, tolerance: u64) -> Box<dyn Pipe> {
    let window = Duration::from_secs(WINDOW);
    Box::new(Real(Receiver { sources: sources(tolerance), ledger, queue, window }))
}

/// The pipe as it is.
pub fn real() -> Subject {
    Subject::new(|ports| pipe(ports.clone(), ports, WINDOW))
}

/// It takes whatever was signed once.
pub fn tolerant() -> Subject {
    Subject::new(|ports| pipe(ports.clone(), ports, u64::MAX))
}

/// Signatures are good for longer than their events are remembered, which the configuration forbids.
pub fn forgetful() -> Subject {
    Subject { tolerance: 2 * WINDOW, ..Subject::new(|ports| pipe(ports.clone(), ports, 2 * WINDOW)) }
}

/// Nothing ends a delivery that takes longer than the queue remembers.
pub fn unhurried() -> Subject {
    Subject { timeout: WINDOW, ..real() }
}

/// The queue's five minutes are all there is.
pub fn without_ledger() -> Subject {
    Subject::new(|ports| pipe(None::<Ports>, ports, WINDOW))
}

/// The queue takes everything, as a standard one does.
pub fn on_standard_queue() -> Subject {
    Subject::new(|ports| pipe(ports.clone(), Standard(ports), WINDOW))
}

/// A record takes the place of one that expires later.
pub fn overwriting() -> Subject {
    Subject::new(|ports| pipe(Bent(ports.clone(), Bend::Overwrites), ports, WINDOW))
}

/// A record stays as it was first made, whatever was signed since.
pub fn never_prolonging() -> Subject {
    Subject::new(|ports| pipe(Bent(ports.clone(), Bend::NeverProlongs), ports, WINDOW))
}

/// A record counts for as long as the table has not deleted it.
pub fn never_expiring() -> Subject {
    Subject::new(|ports| pipe(Bent(ports.clone(), Bend::NeverExpires), ports, WINDOW))
}

/// A ledger that does not answer counts as one that knows nothing.
pub fn failing_open() -> Subject {
    Subject::new(|ports| pipe(Bent(ports.clone(), Bend::FailsOpen), ports, WINDOW))
}

struct Standard(Ports);

impl Queue for Standard {
    async fn send(&self, message: &Message) -> Result<String, QueueError> {
        self.0.send(Parcel::of(message), false).await.map_err(|lost| QueueError(lost.into()))
    }
}

/// A ledger that errs.
struct Bent(Ports, Bend);

#[derive(PartialEq, Eq)]
enum Bend {
    Overwrites,
    NeverProlongs,
    NeverExpires,
    FailsOpen,
}

impl Ledger for Bent {
    async fn find(&self, identity: &Identity) -> Result<Option<Record>, LedgerError> {
        let found = Ledger::find(&self.0, identity).await;
        match self.1 {
            Bend::FailsOpen => Ok(found.unwrap_or_default()),
            Bend::NeverExpires => {
                found.map(|found| found.map(|record| Record { expires_at: u64::MAX, ..record }))
            }
            _ => found,
        }
    }

    async fn record(&self, identity: &Identity, record: &Record) -> Result<(), LedgerError> {
        let replace = match self.1 {
            Bend::Overwrites => Replace::Always,
            Bend::NeverProlongs => Replace::Never,
            _ => Replace::IfLater,
        };
        self.0.put(identity.as_str(), record, replace).await.map_err(|lost| LedgerError(lost.into()))
    }
}
