//! The samples that the page can send.

use serde_json::{Value, json};

use crate::shared::samples::catalogue::{self, Basis};

/// Returns the catalogue.
pub(super) fn list() -> Value {
    let row = |sample: catalogue::Sample| {
        json!({
            "type": sample.kind,
            "scheme": sample.scheme,
            "documented": sample.basis == Basis::Documented,
            "basis": sample.basis.word(),
            "caveat": sample.caveat(),
        })
    };
    catalogue::all().map(row).collect()
}
