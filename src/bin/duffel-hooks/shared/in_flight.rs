//! Work with messages in flight that ends without any of them.

use duffel_webhook_receiver::deployment::in_flight::{InFlight, QueuedMessage};

use super::{Result, output::remark, signals::Signals};

/// Receives messages, at most so many, and releases them.
pub(crate) async fn look_at(in_flight: InFlight<'_>, most: usize) -> Result<Vec<QueuedMessage>> {
    with_in_flight(in_flight, async |in_flight| {
        let mut messages = Vec::new();
        while messages.len() < most {
            let received = in_flight.receive(most - messages.len()).await?;
            if received.is_empty() {
                break;
            }
            messages.extend(received);
        }
        Ok(messages)
    })
    .await
}

/// Works with messages in flight. However the work ends, it releases those that are left.
pub(crate) async fn with_in_flight<T>(
    mut in_flight: InFlight<'_>,
    work: impl AsyncFnOnce(&mut InFlight) -> Result<T>,
) -> Result<T> {
    let mut signals = Signals::listen()?;
    let done = tokio::select! {
        done = work(&mut in_flight) => done,
        _ = signals.next() => Err("interrupted".into()),
    };
    let hold = in_flight.longest_hold().as_secs();
    let left = tokio::select! {
        done = in_flight.release() => done.err().map(|error| error.to_string()),
        () = signals.again() => Some("interrupted again".to_owned()),
    };
    if let Some(reason) = left {
        remark(&format!(
            "duffel-hooks: {reason}: the messages are invisible to other consumers for up to {hold} s"
        ));
    }
    done
}
