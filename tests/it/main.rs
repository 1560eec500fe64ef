//! The product from outside. One file an area.
#![allow(clippy::duration_suboptimal_units, clippy::missing_panics_doc, clippy::unwrap_used, unreachable_pub)]

mod cases;
mod cli;
mod client;
mod cloudformation;
mod consumer;
mod deliveries;
mod deployed;
mod dlq;
mod docs;
mod doctor;
mod duffel;
mod events;
mod faults;
mod function;
mod helpers;
mod manage;
mod ministack;
mod model;
mod parameters;
mod privilege;
mod proxy;
mod reconcile;
mod references;
mod replay;
mod rie;
mod rotate;
mod runtime_api;
mod schemes;
mod setup;
mod stack;
mod template;
mod translated;
