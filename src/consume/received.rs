//! A message as a consumer receives it.

/// A message as a consumer receives it from the queue.
pub struct Received {}
