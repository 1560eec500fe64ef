//! Queue and ledger as they stand, and the sources.

use serde_json::{Value, json};

use crate::commands::serve::{
    endpoint::Endpoint,
    inspector::{
        delivery::{Delivery, MessageRow},
        explanation::record_json,
    },
    mapping::Counts,
    ports::ObservedLedger,
};

/// The most messages and records that are listed.
const MOST: usize = 200;

pub(super) fn json(endpoint: &Endpoint) -> Value {
    let Endpoint { receiver, inspector, .. } = endpoint;
    let destination = &inspector.destination;
    let messages = if destination.is_in_aws { Vec::new() } else { inspector.journal.messages(MOST) };
    let messages: Vec<_> = messages.iter().filter_map(message).collect();
    let (records, records_total) = match &receiver.ledger {
        ObservedLedger::Memory(ledger) => {
            let (records, total) = ledger.newest(MOST);
            (records.iter().map(|(identity, record)| record_json(identity, record)).collect(), Some(total))
        }
        #[cfg(feature = "aws")]
        ObservedLedger::Aws(_) => (Vec::new(), None),
    };
    let consumer = receiver.queue.consumer().map(|consumer| {
        let Counts { waiting, in_flight, invisible, dead_letters, handled } = *consumer.counts.borrow();
        json!({
            "url": consumer.url,
            "not_received": waiting,
            "in_flight": in_flight,
            "failed": invisible,
            "handled": handled,
            "dead_letters": dead_letters,
        })
    });
    let sources = inspector.sources.iter().map(|source| {
        json!({
            "name": source.name,
            "scheme": source.scheme.name,
            "url": format!("{}/webhooks/{}", inspector.address, source.name),
            "can_sign": source.signing_key().is_some(),
        })
    });
    json!({
        "queue": {
            "in_aws": destination.is_in_aws,
            "destination": destination.name,
            "messages": messages,
            "total": receiver.queue.sent(),
            "consumer": consumer,
        },
        "ledger": { "in_aws": destination.is_in_aws, "records": Value::Array(records), "total": records_total },
        "sources": sources.collect::<Value>(),
        "secret_is_generated": inspector.secret_is_generated,
        "window_s": receiver.window.as_secs(),
    })
}

fn message(delivery: &Delivery) -> Option<Value> {
    let summary = &delivery.facts.summary;
    let MessageRow { id, group, deduplication } = delivery.facts.message.as_ref()?;
    Some(json!({
        "number": summary.number,
        "message_id": id,
        "group_id": group,
        "deduplication_id": deduplication,
        "type": summary.event_type,
        "event_id": summary.event_id,
        "sent_at": summary.received_at,
    }))
}
