//! The commands, one module each.

pub(crate) mod completions;
pub(crate) mod deliveries;
#[cfg(feature = "operate")]
pub(crate) mod dlq;
#[cfg(feature = "operate")]
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod gateway_event;
#[cfg(feature = "operate")]
pub(crate) mod queue;
#[cfg(feature = "operate")]
pub(crate) mod replay;
#[cfg(feature = "operate")]
pub(crate) mod rotate;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod sign;
#[cfg(feature = "operate")]
pub(crate) mod subscribers;
#[cfg(feature = "operate")]
pub(crate) mod tail;
#[cfg(feature = "operate")]
pub(crate) mod trace;
pub(crate) mod trigger;
pub(crate) mod verify;
pub(crate) mod webhooks;
