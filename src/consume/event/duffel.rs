//! Duffel's envelope.

use serde_json::value::RawValue;

use super::{Payload, Untyped};
use crate::json::pointer::{self, JsonError};

/// An event of [Duffel](https://duffel.com/docs/api/v2/webhook-events).
///
/// The members of the envelope are as they are in the body. A member that is absent or of another JSON type is `None`,
/// because Duffel has changed the envelope before.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DuffelEvent {
    /// The type, as in `order.created`.
    pub kind: String,
    /// The report of the event, typed by `kind`.
    pub payload: Payload,
    /// The event's id, as in `wev_0000A4tQSmKyqOrcySrGbo`.
    pub id: Option<String>,
    /// The id of the object that the event is about, as in `ord_0000ABd6wggSct7BoraU1o`.
    pub idempotency_key: Option<String>,
    /// `true` in live mode, `false` in test mode.
    pub live_mode: Option<bool>,
    /// The version of the API that produced the payload, as in `v2`.
    pub api_version: Option<String>,
    /// The time of the event, in one of several forms; [`parse_time`](crate::time::parse_time) reads them.
    pub created_at: Option<String>,
    /// The organisation, as in `org_0000APMFjhs4X2rJ6k7UIE`.
    pub identity_organisation_id: Option<String>,
}

impl DuffelEvent {
    /// Reads an event from the bytes of a body.
    ///
    /// # Errors
    /// If it is not JSON with one type. The receiver forwards no such event of the scheme `duffel`.
    pub fn read(body: &[u8]) -> Result<Self, Untyped> {
        let signed = ["/type", "/id", "/idempotency_key", "/live_mode"].map(Some);
        let [kind, id, idempotency_key, live_mode] =
            pointer::read(body, signed).map_err(|error| match error {
                JsonError::NotJson => Untyped::NotJson,
                JsonError::DuplicateKey => Untyped::DuplicateKey,
            })?;
        let kind = text(kind).ok_or(Untyped::NoType)?;
        // The receiver does not look at these, so they may be duplicate without being refused there.
        let others = ["/api_version", "/created_at", "/identity_organisation_id"].map(Some);
        let others = pointer::read(body, others).unwrap_or_default();
        let [api_version, created_at, identity_organisation_id] = others.map(text);
        let payload = Payload::read(&kind, body);
        let (id, idempotency_key) = (text(id), text(idempotency_key));
        let live_mode = live_mode.and_then(|raw| serde_json::from_str(raw.get()).ok());
        Ok(Self {
            kind,
            payload,
            id,
            idempotency_key,
            live_mode,
            api_version,
            created_at,
            identity_organisation_id,
        })
    }
}

/// Returns a JSON string that is not empty.
pub(super) fn text(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok().filter(|text: &String| !text.is_empty())
}
