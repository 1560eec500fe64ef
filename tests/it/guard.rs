//! The idempotency guard of consumers.

mod model;
