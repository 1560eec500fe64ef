//! A selection of dead letters, and the work on each of them.

use std::cell::RefCell;

use clap::Args;
use duffel_webhook_receiver::deployment::{
    dead_letter_queue::DeadLetters,
    in_flight::{HOLD, QueuedMessage},
};
use wildmatch::WildMatch;

use crate::shared::{
    Result, in_flight::with_in_flight, output::remark, progress::Progress, values::parse_type,
};

/// Which dead letters
#[derive(Args)]
pub(super) struct Selection {
    /// Only the dead letter of this event, or with this message id; may be repeated, or a list with
    /// commas
    #[arg(long = "id", value_name = "ID", value_delimiter = ',', value_parser = parse_type)]
    ids: Vec<String>,
    /// Only dead letters of this type, such as order.created or air.payment.*; may be repeated, or a
    /// list with commas
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = parse_type)]
    types: Vec<String>,
}

impl Selection {
    pub(super) fn of_ids(ids: Vec<String>) -> Self {
        Self { ids, types: Vec::new() }
    }

    /// Whether all are selected.
    pub(super) fn is_all(&self) -> bool {
        self.ids.is_empty() && self.types.is_empty()
    }

    fn includes(&self, letter: &QueuedMessage) -> bool {
        let (event, kind) = (letter.attribute("event_id"), letter.attribute("event_type"));
        let has_id = |id: &String| [event, letter.message_id()].contains(&Some(id));
        (self.ids.is_empty() || self.ids.iter().any(has_id))
            && (self.types.is_empty()
                || self.types.iter().any(|wanted| WildMatch::new(wanted).matches(kind.unwrap_or_default())))
    }

    /// Receives the dead letters that SQS returns, and leaves them in the queue. Returns the selected ones, and the number
    /// of all.
    pub(super) async fn find(&self, queue: &DeadLetters) -> Result<(Vec<QueuedMessage>, usize)> {
        let mut progress = Progress::of_part();
        let found = with_in_flight(queue.in_flight(HOLD), async |in_flight| {
            let (mut selected, mut seen) = (Vec::new(), 0);
            loop {
                let received = in_flight.receive(usize::MAX).await?;
                if received.is_empty() {
                    return Ok((selected, seen));
                }
                seen += received.len();
                progress.show(format!("{seen} read …"));
                selected.extend(received.into_iter().filter(|letter| self.includes(letter)));
            }
        })
        .await;
        progress.end();
        found
    }

    /// Works on each selected dead letter, and then deletes it. Returns how many are done, and how many there were.
    ///
    /// If it is interrupted, the dead letter that was worked on may still be in the queue.
    pub(super) async fn take(
        &self,
        queue: &DeadLetters,
        mut work: impl AsyncFnMut(&QueuedMessage) -> Result<()>,
    ) -> (usize, Result<usize>) {
        let (mut done, mut seen) = (0, 0);
        let current = RefCell::new(None::<String>);
        let mut progress = Progress::of_part();
        let ended = with_in_flight(queue.in_flight(HOLD), async |in_flight| {
            loop {
                let received = in_flight.receive(usize::MAX).await?;
                if received.is_empty() {
                    return Ok(());
                }
                seen += received.len();
                for letter in received.iter().filter(|letter| self.includes(letter)) {
                    let id = letter.message_id().unwrap_or_default().to_owned();
                    current.replace(Some(id.clone()));
                    work(letter).await?;
                    in_flight.delete_one(&id).await?;
                    current.replace(None);
                    done += 1;
                    progress.show(format!("{done} done, {seen} read …"));
                }
            }
        })
        .await;
        progress.end();
        if let Some(id) = current.take() {
            remark(&format!("duffel-hooks: message {id} was worked on: it may still be a dead letter"));
        }
        (done, ended.map(|()| seen))
    }
}
