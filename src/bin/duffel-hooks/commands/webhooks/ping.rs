//! `webhooks ping`: waits until the receiver has read a new secret.

use std::{
    thread,
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::{
    duffel::{Client, DeliveryFilter, DeliveryRecord, PING},
    receive::refresh::MIN_INTERVAL,
};

use crate::shared::{Result, duffel::earliest_at_duffel, output::remark};

/// The longest time until a receiver has read a new secret, with a margin.
pub(crate) const PATIENCE: Duration = MIN_INTERVAL.saturating_add(Duration::from_secs(15));
pub(crate) const PAUSE: Duration = Duration::from_secs(5);
/// How many deliveries to read to find the last one.
const RECENT: usize = 25;

/// Pings until the endpoint accepts the delivery, or fails for another reason than a missing secret.
pub(super) fn run(client: &Client, id: &str) -> Result<()> {
    let began = Instant::now();
    let since = earliest_at_duffel(SystemTime::now());
    loop {
        let Err(error) = client.ping_webhook(id) else { return Ok(()) };
        if !error.is_endpoints_failure() {
            return Err(error.into());
        }
        let seconds = MIN_INTERVAL.as_secs();
        let reads = format!("a receiver reads its secret at most every {seconds} s");
        let response = match last_ping(client, id, since) {
            Some(ping) => match ping.response_status_code {
                Some(status @ (401 | 503)) if began.elapsed() + PAUSE <= PATIENCE => {
                    let pause = PAUSE.as_secs();
                    remark(&format!("The endpoint responded {status}: {reads}: trying again in {pause} s"));
                    thread::sleep(PAUSE);
                    continue;
                }
                Some(status) => format!("The endpoint responded {status}: see the receiver's log."),
                None => "The endpoint did not respond: is the URL of the webhook right?".to_owned(),
            },
            None => format!(
                "The endpoint's response is not known. If the secret was stored just now, try again: {reads}."
            ),
        };
        remark(&response);
        return Err(error.into());
    }
}

fn last_ping(client: &Client, id: &str, since: SystemTime) -> Option<DeliveryRecord> {
    let filter = DeliveryFilter {
        kind: Some(PING.to_owned()),
        endpoint_id: Some(id.to_owned()),
        after: Some(since),
        ..DeliveryFilter::default()
    };
    let recent = client.deliveries(&filter).take(RECENT).map_while(std::result::Result::ok);
    recent.max_by_key(|delivery| delivery.created_at)
}
