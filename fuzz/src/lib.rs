//! Shared by the targets: a receiver with a source of every scheme, and test oracles for signatures, events and messages
//! that share no code with it.

pub mod choices;
pub mod description;
pub mod gateway;
pub mod judge;
pub mod message;
pub mod oracle;
pub mod pairs;
pub mod receiver;
pub mod signer;
