//! Verification: the signature of a delivery, checked over the bytes as they were received.
//!
//! Duffel's [published
//! vector](https://github.com/duffelhq/duffel-api-ruby/blob/main/spec/duffel_api/webhook_event_spec.rb), signed and
//! verified:
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! use duffel_webhook_receiver::signature::{
//!     Delivery, SignatureError, Verifier,
//!     scheme::Scheme,
//!     secret::Secret,
//!     sign::{Signing, sign},
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let body = r#"{"created_at":"2022-01-08T18:44:56.129339Z","data":{"changes":{},"object":{}},"id":"eve_0000AFEsrBKZAcKgGtZCnQ","live_mode":false,"object":"order","type":"order.updated"}"#;
//!
//! let scheme = Scheme::duffel();
//! let key = Secret::new("a_secret")?.key(scheme.key)?;
//! let signing = Signing { label: Some("v1"), seconds: 1_641_667_496, ..Signing::default() };
//! let headers = sign(&scheme, &key, signing, body.as_bytes())?;
//! assert_eq!(
//!     headers,
//!     [(
//!         "x-duffel-signature".to_owned(),
//!         "t=1641667496,v1=691f25ffb1f206c0fda5bb7b1a9d60fafe42c5f42819d44a06a7cfe09486f102".to_owned()
//!     )]
//! );
//!
//! let verifier = Verifier::new("duffel", scheme, vec![key], Duration::from_hours(72));
//! let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.into(), value)).collect();
//! let delivery = Delivery { headers: headers.clone(), body: body.into(), trace: None };
//! let now = UNIX_EPOCH + Duration::from_secs(1_641_667_500);
//! let verified = verifier.verify(delivery, now)?;
//! assert_eq!((verified.label(), verified.timestamp()), ("v1", Some(1_641_667_496)));
//!
//! let changed = Delivery { headers, body: body.replace("false", "true").into(), trace: None };
//! assert_eq!(verifier.verify(changed, now).err(), Some(SignatureError::Mismatch));
//! # Ok(())
//! # }
//! ```

mod claim;
mod delivery;
mod header;
mod keys;
pub mod scheme;
pub mod secret;
pub mod sign;
mod verifier;

use std::time::Duration;

use thiserror::Error;

pub(crate) use self::verifier::{Failed, Unmatched};
pub use self::{
    delivery::{Delivery, Verified},
    verifier::Verifier,
};

/// The furthest that the time of a signature may be ahead of our clock.
pub const MAX_SKEW: Duration = Duration::from_mins(5);

/// A reason not to trust a delivery, for the log. The sender gets the same answer for all of them.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SignatureError {
    #[error("there is no signature header")]
    Missing,
    #[error("a header of the signature is malformed")]
    Malformed,
    #[error("no active secret made this signature")]
    Mismatch,
    #[error("the signature is {age} s old, which is more than is tolerated")]
    Stale { age: u64 },
    #[error("the signature is from {ahead} s in the future")]
    Future { ahead: u64 },
    #[error("the event is not of the mode (live or test) of the secret that signed it")]
    OtherMode,
}
