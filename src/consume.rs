//! The consumer's side of the queue: messages as they arrive, their events, a handler of batches, and a test kit.
//!
//! Feature `consume`. With `default-features = false` it brings no AWS SDK, no TLS and no HTTP.
//!
//! A whole Lambda function: it deserializes the event of its event source mapping (with `ReportBatchItemFailures`),
//! handles each message, and returns those that must come again.
//!
//! ```
//! use duffel_webhook_receiver::consume::{
//!     Event, Received,
//!     batch::{self, BatchResponse, SqsEvent},
//!     event::{Misfit, Payload},
//! };
//!
//! async fn handle(message: Received) -> Result<(), Misfit> {
//!     let Event::Duffel(event) = message.event() else { return Ok(()) };
//!     match event.payload {
//!         Payload::OrderCreated(order) => println!("{} is created", order?.order_id),
//!         // Duffel adds types.
//!         _ => {}
//!     }
//!     Ok(())
//! }
//!
//! async fn function(event: SqsEvent) -> BatchResponse {
//!     batch::handle(event, handle).await
//! }
//!
//! # use std::time::{Duration, UNIX_EPOCH};
//! # use duffel_webhook_receiver::consume::kit::{self, Kit};
//! # use serde_json::json;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! // The test of the function.
//! let mut kit = Kit::duffel(UNIX_EPOCH + Duration::from_secs(1_795_262_400));
//! let created = kit.event("order.created", "ord_1")?;
//! let added = kit.event("rail.booking.created", "rbk_1")?;
//! let broken = kit.event("order.created", "ord_2")?.undecodable();
//! let event = serde_json::from_value(kit::lambda_event(&[created, added, broken.clone()]))?;
//! let response = serde_json::to_value(runtime.block_on(function(event)))?;
//! let failures = json!([{ "itemIdentifier": broken.message_id() }]);
//! assert_eq!(response, json!({ "batchItemFailures": failures }));
//! # Ok(()) }
//! ```

pub mod batch;
pub mod event;
pub mod guard;
pub mod kit;
pub mod received;

pub use self::{event::Event, received::Received};
