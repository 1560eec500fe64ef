//! Work with messages in flight that ends without any of them.

use duffel_webhook_receiver::deployment::in_flight::InFlight;

use super::{Result, output::remark};

/// Works with messages in flight. However the work ends, it releases those that are left.
pub(crate) async fn with_in_flight<T>(
    mut in_flight: InFlight<'_>,
    work: impl AsyncFnOnce(&mut InFlight) -> Result<T>,
) -> Result<T> {
    let done = tokio::select! {
        done = work(&mut in_flight) => done,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    let hold = in_flight.longest_hold().as_secs();
    let left = tokio::select! {
        done = in_flight.release() => done.err().map(|error| error.to_string()),
        _ = tokio::signal::ctrl_c() => Some("interrupted again".to_owned()),
    };
    if let Some(reason) = left {
        remark(&format!(
            "duffel-hooks: {reason}: the messages are invisible to other consumers for up to {hold} s"
        ));
    }
    done
}
