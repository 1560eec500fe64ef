//! JSON read without a map that would hide what appears twice.

pub(crate) mod members;
pub(crate) mod pointer;
