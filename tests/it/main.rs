//! The product from outside. One file an area.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, unreachable_pub)]

mod cli;
mod deliveries;
mod events;
mod faults;
mod function;
mod helpers;
mod ministack;
mod proxy;
mod runtime_api;
mod template;
