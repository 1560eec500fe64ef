//! Why a signature does not match: the usual mistakes, tried with the secrets that are known here.
//!
//! Nothing is accepted by what is found, and no secret is printed.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use duffel_webhook_receiver::signature::{
    Delivery, SignatureError, Verifier,
    scheme::Scheme,
    secret::{Key, Secret},
};
use http::HeaderMap;

/// Takes from a request what a scheme needs, as the receiver does.
pub(crate) fn delivery(scheme: &Scheme, headers: &HeaderMap, body: &Bytes) -> Delivery {
    let text = |name: &str| {
        let values: Result<Vec<_>, _> = headers.get_all(name).iter().map(http::HeaderValue::to_str).collect();
        values.ok().filter(|values| !values.is_empty()).map(|values| values.join(","))
    };
    let headers = scheme.headers().filter_map(|name| Some((name.clone(), text(name)?))).collect();
    Delivery { headers, body: body.clone(), trace: None }
}

/// Returns the position of the first secret that signed a delivery, whatever its age.
pub(crate) fn signer(scheme: &Scheme, secrets: &[Secret], delivery: &Delivery) -> Option<usize> {
    secrets
        .iter()
        .position(|secret| secret.key(scheme.key).is_ok_and(|key| has_signed(scheme, key, delivery)))
}

/// Returns `true` if a key signed a delivery, whatever its age.
fn has_signed(scheme: &Scheme, key: Key, delivery: &Delivery) -> bool {
    let verifier = Verifier::new("", scheme.clone(), vec![key], Duration::MAX);
    matches!(
        verifier.verify(delivery.clone(), UNIX_EPOCH),
        Ok(_) | Err(SignatureError::Stale { .. } | SignatureError::Future { .. })
    )
}
