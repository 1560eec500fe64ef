//! The idempotency guard: the work of an event is done once, although its message arrives more than once.
//!
//! The queue delivers at least once. The message of an event arrives again if a consumer crashed or was slow, after a
//! redrive, or if the receiver forwarded the event twice (see the gap in `docs/guarantees.md`). All these messages have
//! the same `identity`, which is the key of the guard.
//!
//! The steps are **claim → work → complete → acknowledge**. A claim has a token and a lease:
//!
//! | when | result |
//! |---|---|
//! | another run of the event is in progress | [`GuardError::InProgress`]: the work does not run, and the message comes again |
//! | an earlier run completed, within the retention | [`Outcome::AlreadyDone`]: the work does not run |
//! | the process dies during the work | the lease expires, and the event runs at its next delivery after that |
//! | the work fails | the claim is released, and the event runs at its next delivery |
//! | the store fails at the claim | [`GuardError::Store`]: the work does not run, and the message comes again |
//! | the store fails at the completion, twice | [`Outcome::Ran`] with the error: the work is done, so the message is acknowledged. Another message of the event would run again |
//! | the lease expires during the work, and another run claims the event | the slow run can neither complete nor release the claim of the other |
//!
//! **`Ok` means acknowledge, `Err` means do not.** A failure of the store cannot be answered with "in doubt, do the
//! work": a message that is not acknowledged is not lost, it comes again.
//!
//! # What remains
//!
//! A process that dies after the work and before the completion leaves work that is done and not recorded: it is done
//! again. So the work is done *at least* once, and more than once only after such a failure. If the effect of the work is
//! a write to `DynamoDB`, the completion can be a part of the same transaction, and then the effect happens exactly once:
//! `Dynamo::completion` (feature `consume-dynamodb`).
//!
//! # The lease and the retention
//!
//! * **Time limit of the work + difference of clocks < lease.** The time limit is the timeout of the Lambda function, or
//!   what a poller enforces. If the lease is shorter, two runs can do the same work at the same time. The clocks of
//!   consumers on AWS agree to within seconds; allow 5 s.
//! * **Lease ≤ visibility timeout of the queue.** If it is longer, the message of a crashed run comes again before the
//!   lease expires. It is refused as in progress, and each refusal counts towards `MaxReceiveCount`. The event can come
//!   to the dead-letter queue without a second attempt.
//! * **Retention ≥ the time in which the event can arrive again**: [`RETENTION`] covers two times the 14 days for which
//!   SQS can keep a message, once in the queue and once as a dead letter. It ends by the clock that is ahead.
//!
//! With a Lambda timeout of 30 s and the visibility timeout of 180 s that AWS recommends for it, a lease of 60 s is right.
//!
//! # A guarded consumer
//!
//! A Lambda function whose work is done once for each event, with its test. A deployed one has the store
//! `Dynamo::new(client, table, "bookings")` in place of [`InMemory`].
//!
//! ```
//! use std::{sync::Mutex, time::{Duration, SystemTime, UNIX_EPOCH}};
//! use duffel_webhook_receiver::consume::{
//!     Received,
//!     batch::{self, BatchResponse, SqsEvent},
//!     guard::{Guard, InMemory, RETENTION, Store},
//!     kit::{self, Kit},
//! };
//!
//! struct Bookings(Mutex<Vec<String>>);
//!
//! impl Bookings {
//!     /// The work. Its error is logged, and the message comes again.
//!     async fn book(&self, message: &Received) -> Result<(), String> {
//!         self.0.lock().map_err(|error| error.to_string())?.push(message.identity().to_owned());
//!         Ok(())
//!     }
//! }
//!
//! async fn function<S: Store>(guard: &Guard<S>, bookings: &Bookings, event: SqsEvent) -> BatchResponse {
//!     let handle = async |message: Received| {
//!         let work = |_| bookings.book(&message);
//!         guard.once(message.identity(), SystemTime::now(), work).await.map(drop)
//!     };
//!     batch::handle(event, handle).await
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! // The test of the function: two messages of one event, as after a replay, and one of another event.
//! let mut kit = Kit::duffel(UNIX_EPOCH + Duration::from_secs(1_795_262_400));
//! let created = kit.event("order.created", "ord_1")?;
//! let again = kit.duplicate(&created);
//! let other = kit.event("order.created", "ord_2")?;
//! let event = serde_json::from_value(kit::lambda_event(&[created, again, other]))?;
//!
//! let guard = Guard { store: InMemory::default(), lease: Duration::from_secs(60), retention: RETENTION };
//! let bookings = Bookings(Mutex::default());
//! let response = runtime.block_on(function(&guard, &bookings, event));
//! assert_eq!(response, BatchResponse::default(), "all three are acknowledged");
//! assert_eq!(bookings.0.lock().map_err(|error| error.to_string())?.len(), 2, "the work is done twice");
//! # Ok(()) }
//! ```

mod claim;
#[cfg(feature = "consume-dynamodb")]
mod dynamo;
mod in_memory;
mod outcome;
mod record;
mod store;

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

#[cfg(feature = "consume-dynamodb")]
pub use self::dynamo::Dynamo;
pub use self::{
    claim::Claim,
    in_memory::InMemory,
    outcome::{GuardError, Outcome, Unrecorded},
    record::{Record, Status},
    store::{Claimed, Completed, Store, StoreError},
};

/// The usual retention: 30 days.
pub const RETENTION: Duration = Duration::from_hours(30 * 24);

/// The guard of a consumer.
pub struct Guard<S> {
    pub store: S,
    /// The time for which a claim excludes other runs: longer than the work can take.
    pub lease: Duration,
    /// The time for which a completed event does not run again, counted from its claim.
    pub retention: Duration,
}

impl<S: Store> Guard<S> {
    /// Does the work of an event, unless it is done already or in progress elsewhere. `now` is the time at the call.
    ///
    /// The work receives its claim, for [transactions](self#what-remains). If the returned future is dropped, the event
    /// runs again after the lease.
    ///
    /// # Errors
    /// If the message must not be acknowledged: the work failed or did not run.
    pub async fn once<T, E, W>(
        &self,
        identity: &str,
        now: SystemTime,
        work: impl FnOnce(Claim) -> W,
    ) -> Result<Outcome<T>, GuardError<E>>
    where
        W: Future<Output = Result<T, E>>,
    {
        let claim = Claim::new(identity, self.lease, self.retention, now);
        match self.store.claim(&claim, now).await? {
            Claimed::Granted => {}
            Claimed::InProgress { until } => return Err(GuardError::InProgress { until }),
            Claimed::Done => return Ok(Outcome::AlreadyDone),
        }
        match work(claim.clone()).await {
            Ok(value) => Ok(Outcome::Ran { value, recorded: self.complete(&claim).await }),
            Err(error) => {
                if let Err(failure) = self.store.release(&claim).await {
                    tracing::warn!(
                        identity,
                        ?failure,
                        "the claim was not released; it expires with its lease"
                    );
                }
                Err(GuardError::Work(error))
            }
        }
    }

    /// From here on the work is done, so a failure must not have it repeated.
    async fn complete(&self, claim: &Claim) -> Result<(), Unrecorded> {
        let completed = match self.store.complete(claim).await {
            Err(_) => self.store.complete(claim).await,
            completed => completed,
        };
        let recorded = match completed {
            Ok(Completed::Stored) => return Ok(()),
            Ok(Completed::Superseded) => Unrecorded::Superseded,
            Err(failure) => failure.into(),
        };
        tracing::warn!(identity = claim.identity(), ?recorded, "the work is done, and not recorded as done");
        Err(recorded)
    }
}
