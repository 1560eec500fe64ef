//! What the tests share: a receiver in memory, real processes, local AWS, and stand-ins for what fails on demand.

pub mod cloudformation;
pub mod duffel;
pub mod helpers;
pub mod ministack;
pub mod proxy;
pub mod runtime_api;
pub mod setup;
pub mod stack;
