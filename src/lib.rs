//! Receives Duffel's webhooks and puts each event on a queue, once.
//!
//! # Vocabulary
//!
//! * A **source** is a provider that delivers to `/webhooks/{name}`, with its signature scheme, secrets and filter:
//!   [`receive::Source`].
//! * A **delivery** is one request of a source, not yet trusted; a retry of the provider is another delivery:
//!   [`signature::Delivery`].
//! * An **event** is what a verified delivery reports, with its type, id, idempotency key and mode: [`event::Event`].
//! * The **identity** of an event is the hash that all its deliveries share, and no other event's:
//!   [`identity::Identity`].
//! * A **record** is the ledger's entry for an identity that was forwarded, which makes later deliveries of it
//!   duplicates for the length of the deduplication window: [`ledger::Record`].
//! * A **message** is an event as consumers receive it from the queue, with the signed bytes as its body:
//!   [`queue::Message`].
//!
//! # The pipeline
//!
//! ```text
//!               signature.rs         event.rs       ledger.rs         queue.rs           ledger.rs
//! Delivery ──────verify──► Verified ──parse──► Event ──look up──► Unseen ──forward──► Forwarded ──record──► Outcome
//!    ▲                                                                                                         │
//!  http.rs ◄───────────────────────────────────────── status ──────────────────────────────────────────────────┘
//! ```
//!
//! Each stage is a type that only the stage before can make, and [`receive`](receive::Receiver::receive) leads from one
//! to the next. So the compiler checks the order of the steps.
//!
//! # Only verified deliveries are forwarded
//!
//! A verified delivery can be parsed:
//!
//! ```
//! use duffel_webhook_receiver::{event::{Event, EventError}, signature::{Delivery, Verified}};
//!
//! fn parse(verified: Verified) -> Result<Event, EventError> {
//!     Event::parse(verified)
//! }
//! ```
//!
//! A delivery that was not verified cannot:
//!
//! ```compile_fail,E0308
//! use duffel_webhook_receiver::{event::{Event, EventError}, signature::{Delivery, Verified}};
//!
//! fn parse(delivery: Delivery) -> Result<Event, EventError> {
//!     Event::parse(delivery)
//! }
//! ```
//!
//! # Only events without a record are forwarded
//!
//! An event that the ledger has not seen becomes a message:
//!
//! ```
//! use std::time::SystemTime;
//! use duffel_webhook_receiver::{event::Event, ledger::Unseen, queue::{Message, TooLarge}};
//!
//! fn message(unseen: Unseen, now: SystemTime) -> Result<Message, TooLarge> {
//!     Message::new(unseen, now)
//! }
//! ```
//!
//! An event that was not looked up does not:
//!
//! ```compile_fail,E0308
//! use std::time::SystemTime;
//! use duffel_webhook_receiver::{event::Event, ledger::Unseen, queue::{Message, TooLarge}};
//!
//! fn message(event: Event, now: SystemTime) -> Result<Message, TooLarge> {
//!     Message::new(event, now)
//! }
//! ```

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "receiver")]
pub mod config;
#[cfg(feature = "consume")]
pub mod consume;
#[cfg(feature = "aws")]
pub mod deployment;
#[cfg(feature = "duffel")]
pub mod duffel;
pub mod event;
#[cfg(feature = "receiver")]
pub mod gateway;
#[cfg(feature = "receiver")]
pub mod http;
pub mod identity;
pub mod in_memory;
mod json;
pub mod ledger;
pub mod log;
pub mod queue;
pub mod receive;
#[cfg(feature = "duffel")]
pub mod reconcile;
#[cfg(feature = "receiver")]
pub mod route;
pub mod signature;
pub mod time;
pub mod trace;

#[cfg(all(doctest, feature = "consume", feature = "tool"))]
#[doc = include_str!("../contract/README.md")]
struct Contract;
