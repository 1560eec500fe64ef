//! Receives Duffel's webhooks and puts each event on a queue, once.
//!
//! ```text
//!               signature.rs         event.rs       ledger.rs         queue.rs           ledger.rs
//! Delivery ──────verify──► Verified ──parse──► Event ──look up──► Unseen ──forward──► Forwarded ──record──► Outcome
//!    ▲                                                                                                         │
//!  http.rs ◄───────────────────────────────────────── status ──────────────────────────────────────────────────┘
//! ```
//!
//! Every stage is a type that only the stage before can make, and [`receive`](receive::Receiver::receive) leads
//! from one to the next. So the order of the steps is not a matter of care.
//!
//! # Nothing unverified is forwarded
//!
//! What was verified can be parsed:
//!
//! ```
//! use duffel_webhook_receiver::{event::{Event, EventError}, signature::{Delivery, Verified}};
//!
//! fn parse(verified: Verified) -> Result<Event, EventError> {
//!     Event::parse(verified)
//! }
//! ```
//!
//! and nothing else:
//!
//! ```compile_fail,E0308
//! use duffel_webhook_receiver::{event::{Event, EventError}, signature::{Delivery, Verified}};
//!
//! fn parse(delivery: Delivery) -> Result<Event, EventError> {
//!     Event::parse(delivery)
//! }
//! ```
//!
//! # Nothing is forwarded that the ledger was not asked about
//!
//! What the ledger has not seen becomes a message:
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
//! and nothing else:
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
pub mod config;
#[cfg(feature = "aws")]
pub mod deployment;
pub mod duffel;
pub mod event;
pub mod gateway;
pub mod http;
pub mod in_memory;
mod json;
pub mod ledger;
pub mod log;
pub mod queue;
pub mod receive;
pub mod reconcile;
pub mod route;
pub mod signature;
