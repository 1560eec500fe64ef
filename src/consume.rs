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
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The test of the function.
//! let mut kit = Kit::duffel(UNIX_EPOCH + Duration::from_secs(1_795_262_400));
//! let (created, unknown) = (kit.event("order.created", "ord_1")?, kit.event("rail.booking.created", "rbk_1")?);
//! let changed = created.clone().with_attribute("encoding", "zstd");
//! let event = serde_json::from_value(kit::lambda_event(&[created, unknown, changed.clone()]))?;
//! let response = serde_json::to_value(function(event).await)?;
//! let failures = serde_json::json!([{ "itemIdentifier": changed.message_id() }]);
//! assert_eq!(response, serde_json::json!({ "batchItemFailures": failures }));
//! # Ok(()) }
//! ```

pub mod batch;
pub mod event;
pub mod kit;
pub mod received;

pub use self::{event::Event, received::Received};
