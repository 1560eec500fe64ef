//! The event of a message.

/// The event of a message.
pub enum Event {}
