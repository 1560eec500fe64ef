//! JSON readers that do not hide duplicate keys, as a map would.

pub(crate) mod members;
pub(crate) mod pointer;
