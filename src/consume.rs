//! The consumer's side of the queue: messages as they arrive, their events, a batch handler for Lambda, and a test kit.

pub mod batch;
pub mod event;
pub mod guard;
pub mod kit;
pub mod received;

pub use self::{event::Event, received::Received};
