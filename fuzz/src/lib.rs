//! What the targets share: a receiver of every scheme, and judges of signatures, events and messages that share no
//! code with it.

pub mod gateway;
pub mod oracle;
pub mod message;
pub mod pairs;
pub mod signer;
pub mod stage;
