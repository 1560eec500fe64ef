//! `webhooks ping`: a receiver that has just read its secrets may not know a new one yet.

use std::{
    thread,
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::{
    duffel::{Client, DeliveryFilter, DeliveryRecord, PING},
    receive::key_refresh::MIN_INTERVAL,
};

use crate::shared::{Result, duffel::tell};

/// How long a receiver may take to read a new secret, amply.
pub(crate) const PATIENCE: Duration = MIN_INTERVAL.saturating_add(Duration::from_secs(15));
pub(crate) const PAUSE: Duration = Duration::from_secs(5);
/// How far Duffel's clock may be from ours.
const SKEW: Duration = Duration::from_mins(1);
/// How many deliveries to look at for the last one.
const RECENT: usize = 25;

/// Pings until the endpoint accepts it, or fails otherwise than for want of a secret.
pub(super) fn run(client: &Client, id: &str) -> Result<()> {
    let began = Instant::now();
    let since = SystemTime::now().checked_sub(SKEW).unwrap_or(SystemTime::UNIX_EPOCH);
    loop {
        let Err(error) = client.ping_webhook(id) else { return Ok(()) };
        if !error.is_endpoints_failure() {
            return Err(error.into());
        }
        let seconds = MIN_INTERVAL.as_secs();
        let reads = format!("a receiver reads its secret every {seconds} s at most");
        let answered = match last_ping(client, id, since) {
            Some(ping) => match ping.response_status_code {
                Some(status @ (401 | 503)) if began.elapsed() + PAUSE <= PATIENCE => {
                    let pause = PAUSE.as_secs();
                    tell(&format!("The endpoint answered {status}: {reads}: trying again in {pause} s"));
                    thread::sleep(PAUSE);
                    continue;
                }
                Some(status) => format!("The endpoint answered {status}: see the receiver's log."),
                None => "The endpoint did not answer: is the URL of the webhook right?".to_owned(),
            },
            None => format!(
                "What the endpoint answered is not known. If the secret was stored just now, try again: {reads}."
            ),
        };
        tell(&answered);
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
