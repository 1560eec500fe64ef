//! What happened to an event, in the order of time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use duffel_webhook_receiver::duffel::{DeliveryRecord, plain};
use serde_json::{Value, json};

use super::{conclusion::moment, evidence::Evidence, explanation::explain};
use crate::shared::{
    delivery_line::DeliveryLine,
    output::{count, duration},
};

/// Something that a part of the system says.
pub(super) struct Entry {
    /// `None` for the present.
    pub(super) at: Option<SystemTime>,
    /// Whether the time is known to the second only.
    pub(super) in_seconds: bool,
    /// The time of what it belongs to, which decides its place.
    belongs_to: Option<SystemTime>,
    pub(super) part: &'static str,
    pub(super) text: String,
    /// What the part said, as it said it.
    pub(super) detail: Value,
}

impl Entry {
    /// The time that decides its place. One that is known to the second only is later than what happened in that second.
    fn place(&self) -> Option<SystemTime> {
        let unknown = if self.in_seconds { Duration::from_millis(999) } else { Duration::ZERO };
        self.belongs_to.or_else(|| self.at.map(|at| at + unknown))
    }

    /// The time, as precisely as it is known.
    pub(super) fn time(&self) -> Option<String> {
        let at = self.at?;
        Some(if self.in_seconds {
            humantime::format_rfc3339_seconds(at).to_string()
        } else {
            humantime::format_rfc3339_millis(at).to_string()
        })
    }
}

/// Lists what happened, oldest first, and then what is now.
pub(super) fn timeline(evidence: &Evidence) -> Vec<Entry> {
    let mut entries = Vec::new();
    if let Ok(Some(event)) = &evidence.event {
        let text = format!("{} happened", event.kind.as_deref().unwrap_or("the event"));
        entries.push(Entry {
            at: event.created_at,
            in_seconds: false,
            belongs_to: None,
            part: "Duffel",
            text,
            detail: event.raw.clone(),
        });
    }
    for attempt in evidence.attempts.iter().flatten() {
        entries.push(attempted(attempt));
        if let Some(line) = evidence.refusal(attempt) {
            entries.push(received(line, evidence, " (found by time and status)"));
        }
        if let Some(line) = evidence.refusal_of_gateway(attempt) {
            entries.push(Entry {
                at: Some(line.at()),
                in_seconds: false,
                belongs_to: None,
                part: "gateway",
                text: format!("{} (found by time and status)", line.reason()),
                detail: line.raw.clone(),
            });
        }
    }
    entries.extend(evidence.lines.iter().flatten().map(|line| received(line, evidence, "")));
    entries.extend(recorded(evidence));
    entries.sort_by_key(Entry::place);
    entries.extend(present(evidence));
    entries
}

fn attempted(attempt: &DeliveryRecord) -> Entry {
    let answer = match attempt.response_status_code {
        Some(status) => format!("answered {status}"),
        None => "no answer".to_owned(),
    };
    let url = attempt.url.as_deref().map(|url| format!(" to {url}")).unwrap_or_default();
    let text = format!("delivery{url}: {answer}");
    Entry {
        at: attempt.created_at,
        in_seconds: false,
        belongs_to: None,
        part: "Duffel",
        text,
        detail: attempt.raw.clone(),
    }
}

fn received(line: &DeliveryLine, evidence: &Evidence, remark: &str) -> Entry {
    let mut parts = vec![format!("{} {}", line.status, line.outcome)];
    if let Some(other) = line.event_id.as_deref().filter(|id| Some(*id) != evidence.names.id.as_deref()) {
        parts.push(format!(", of {other} with the same identity"));
    }
    if let Some(other) = &line.recorded_id {
        parts.push(format!(", since {other} was forwarded"));
    } else if let Some(message) = line.message_id.as_deref().filter(|_| line.outcome == "accepted") {
        parts.push(format!(", message {message}"));
    }
    parts.extend(line.duration_ms.map(|duration| format!(", in {duration} ms")));
    let cause = line.cause.as_deref();
    let meaning = cause.and_then(explain).map(|explanation| explanation.means);
    let reason = [cause, meaning.or(line.error.as_deref())];
    let reason = reason.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if !reason.is_empty() {
        parts.push(format!(": {reason}"));
    }
    parts.push(remark.to_owned());
    Entry {
        at: Some(line.at),
        in_seconds: false,
        belongs_to: None,
        part: "receiver",
        text: parts.concat(),
        detail: line.raw.clone(),
    }
}

fn recorded(evidence: &Evidence) -> Option<Entry> {
    let record = evidence.record.as_ref().ok()?.as_ref()?;
    let of_other = evidence.own_record().is_none();
    let other = record.event_id.as_deref().filter(|_| of_other);
    let other = other.map(|other| format!(" for {other}, which has the same identity")).unwrap_or_default();
    let until = humantime::format_rfc3339_seconds(moment(record.expires_at));
    let text = format!("recorded{other}, message {}; the record is kept until {until}", record.message_id);
    let detail = json!({
        "event_id": record.event_id, "event_type": record.event_type, "message_id": record.message_id,
        "recorded_at": record.recorded_at, "counts_from": record.counts_from, "expires_at": record.expires_at,
    });
    // The receiver records before it answers, and its line has the time of the answer.
    let forwarded = |line: &&DeliveryLine| {
        line.outcome == "accepted" && line.message_id.as_ref() == Some(&record.message_id)
    };
    let belongs_to = evidence.lines.iter().flatten().find(forwarded).map(|line| line.at);
    Some(Entry {
        at: Some(moment(record.recorded_at)),
        in_seconds: true,
        belongs_to,
        part: "ledger",
        text,
        detail,
    })
}

/// What the ledger and the queues have now.
fn present(evidence: &Evidence) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add = |part, text, detail| {
        entries.push(Entry { at: None, in_seconds: false, belongs_to: None, part, text, detail });
    };
    if evidence.record.as_ref().is_ok_and(Option::is_none) {
        add("ledger", "no record of it".to_owned(), Value::Null);
    }
    if let Ok(queue) = &evidence.common.queues.events {
        let oldest = evidence.common.queues.oldest.as_ref().ok().copied().flatten();
        let age =
            oldest.map(|oldest| format!(", the oldest is {} old", duration(Duration::from_secs(oldest))));
        let text = format!(
            "{} waiting, {} in flight{}",
            queue.waiting,
            queue.in_flight + queue.delayed,
            age.unwrap_or_default()
        );
        let detail = json!({
            "waiting": queue.waiting, "in_flight": queue.in_flight, "delayed": queue.delayed,
            "oldest_seconds": oldest,
        });
        add("queue", text, detail);
    }
    let Ok(dead) = &evidence.common.queues.dead else { return entries };
    for letter in evidence.letters() {
        let first = letter.first_received_at().map(|at| UNIX_EPOCH + Duration::from_millis(at));
        let first = first.map(|at| format!(", first {}", humantime::format_rfc3339_seconds(at)));
        let text = format!(
            "message {}, received {} times{}",
            letter.message_id().unwrap_or_default(),
            letter.receive_count().unwrap_or("several"),
            first.unwrap_or_default()
        );
        let detail = json!({
            "message_id": letter.message_id(), "receives": letter.receive_count(),
            "event_id": letter.attribute("event_id"), "identity": letter.attribute("identity"),
            "received_at": letter.attribute("received_at"),
        });
        add("dead letters", text, detail);
    }
    if evidence.letters().next().is_none() {
        let seen = dead.letters.len();
        let text = match dead.all.saturating_sub(seen) {
            0 if seen == 0 => "none".to_owned(),
            0 => format!("it is not among the {seen}"),
            hidden => format!("it is not among {seen}; {} could not be received", count(hidden, "other")),
        };
        add("dead letters", text, json!({ "seen": seen, "all": dead.all }));
    }
    entries
}

/// A text of somebody else, for a terminal.
pub(super) fn printable(text: &str) -> String {
    plain(text, 400)
}
