//! The stream of deliveries as server-sent events, <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};

use crate::commands::serve::inspector::{delivery::Summary, journal::Journal};

/// The time after which a comment shows both ends that the connection is open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The time after which a page that lost its connection opens it again.
const RETRY_MS: u32 = 1000;

/// The most deliveries in one part of the stream.
const PART: usize = 500;

/// Streams the deliveries after a number, or from now on. The instance says which server the numbers are of.
pub(super) fn stream(journal: Arc<Journal>, after: Option<u64>, instance: &str) -> mpsc::Receiver<Bytes> {
    let (sender, events) = mpsc::channel(1);
    let mut newest = journal.newest();
    let mut last = after.unwrap_or(*newest.borrow_and_update());
    let start = event("start", None, &json!({ "instance": instance }).to_string());
    let start = format!("retry: {RETRY_MS}\n{start}");
    tokio::spawn(async move {
        let mut part = start;
        loop {
            // If nobody reads it, the stream ends.
            if !part.is_empty() && sender.send(part.into()).await.is_err() {
                return;
            }
            part = match journal.after(last, PART) {
                None => {
                    last = *newest.borrow_and_update();
                    event("reset", Some(last), "{}")
                }
                Some(summaries) if summaries.is_empty() => {
                    let changed = tokio::select! {
                        changed = timeout(KEEP_ALIVE, newest.changed()) => changed,
                        () = sender.closed() => return,
                    };
                    if changed.is_err() { ": still here\n\n".to_owned() } else { String::new() }
                }
                Some(summaries) => {
                    last += summaries.len() as u64;
                    let event = |summary: Summary| {
                        event("delivery", Some(summary.number), &json!(summary).to_string())
                    };
                    summaries.into_iter().map(event).collect()
                }
            };
        }
    });
    events
}

/// Formats an event. JSON in one line has no line breaks.
fn event(kind: &str, id: Option<u64>, data: &str) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("event: {kind}\n{id}data: {data}\n\n")
}
