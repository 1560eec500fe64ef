//! The wait for the end of a replay.

use std::time::Duration;

use duffel_webhook_receiver::deployment::{
    CallError,
    subscribers::{Period, ReplayStatus, Topic},
};
use tokio::time::sleep;

use crate::shared::{Result, progress::Progress};

const POLL: Duration = Duration::from_secs(1);

/// A replay that was started is reported within this time.
const APPEARANCE: Duration = Duration::from_mins(1);

/// The number of polls in a row that may be without an answer.
const PATIENCE: usize = 10;

/// Waits for the end of a replay, and shows its progress. Fails if the replay failed.
pub(super) async fn follow(topic: &Topic, subscription: &str, period: Period) -> Result<()> {
    let mut progress = Progress::of_operation();
    let ended = poll(topic, subscription, period, &mut progress).await;
    progress.end();
    ended
}

async fn poll(topic: &Topic, subscription: &str, period: Period, progress: &mut Progress) -> Result<()> {
    let (mut waited, mut unanswered) = (Duration::ZERO, 0);
    loop {
        let replay = match topic.attributes(subscription).await {
            Ok(attributes) => attributes.replay,
            Err(CallError::Unanswered { .. }) if unanswered < PATIENCE => {
                unanswered += 1;
                sleep(POLL).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        unanswered = 0;
        match replay.filter(|replay| replay.is_of(period)) {
            Some(replay) => {
                match replay.status {
                    ReplayStatus::Completed => return Ok(()),
                    ReplayStatus::Failed => {
                        return Err("SNS could not complete the replay: see duffel-hooks subscribers for what is wrong \
                                with the subscriber, and replay again"
                        .into());
                    }
                    status => progress.show(status.to_string()),
                }
            }
            // Another replay, or the previous one.
            None if waited >= APPEARANCE => {
                return Err("SNS accepted the request but does not report this replay: it was replaced, or has not begun".into());
            }
            None => waited += POLL,
        }
        sleep(POLL).await;
    }
}
