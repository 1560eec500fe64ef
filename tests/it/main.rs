//! Integration tests of the product, one file for each area; `support.rs` describes the harnesses.
#![allow(clippy::duration_suboptimal_units, clippy::missing_panics_doc, clippy::unwrap_used, unreachable_pub)]

mod architecture;
mod cases;
mod cli;
mod client;
mod consume;
mod consumer;
mod contract;
mod deliveries;
mod deployed;
mod dlq;
mod docs;
mod doctor;
mod events;
mod examples;
mod faults;
mod function;
mod guard;
mod inspector;
mod manage;
mod model;
mod parameters;
mod performance;
mod privilege;
mod reconcile;
mod references;
mod replay;
mod rie;
mod rotate;
mod schemes;
mod subscribers;
mod support;
mod template;
mod translated;
mod trigger;
