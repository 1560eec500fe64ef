//! The JSON of a message, in the spelling of a Lambda record or in that of `ReceiveMessage`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Parts, Undecodable};

/// The attributes that the receiver sets. Reading another type than text as absent would change what they say.
const ATTRIBUTES: [&str; 11] = [
    "identity",
    "source",
    "event_type",
    "event_id",
    "idempotency_key",
    "live_mode",
    "shop",
    "received_at",
    "signature",
    "signature_timestamp",
    "encoding",
];

pub(super) fn parts(message: Value) -> Result<Parts, Undecodable> {
    let Value::Object(mut message) = message else { return Err(Undecodable::NotAnObject) };
    let mut take = |names: [&str; 2]| names.into_iter().find_map(|name| message.remove(name));
    let message_id = take(["messageId", "MessageId"]).and_then(text);
    let receipt_handle = take(["receiptHandle", "ReceiptHandle"]).and_then(text);
    let body = take(["body", "Body"]).and_then(text);
    let system = take(["attributes", "Attributes"]).map(object).unwrap_or_default();
    let system = system.into_iter().filter_map(|(name, value)| Some((name, scalar(value)?))).collect();
    let attributes = texts(take(["messageAttributes", "MessageAttributes"]).map(object).unwrap_or_default())?;
    Ok(Parts { message_id, receipt_handle, body, system, attributes })
}

/// Returns the message's id and group, which are needed even if nothing else can be read.
pub(in crate::consume) fn id_and_group(message: &Value) -> (Option<&str>, Option<&str>) {
    let filled = |value: &'_ Value| value.as_str().is_some_and(|text| !text.is_empty());
    let id = message.get("messageId").filter(|id| filled(id)).and_then(Value::as_str);
    let group = message.get("attributes").and_then(|system| system.get("MessageGroupId"));
    (id, group.filter(|group| filled(group)).and_then(Value::as_str))
}

/// Returns the texts of message attributes. An attribute of another type that is not the receiver's is left out.
fn texts(attributes: Map<String, Value>) -> Result<HashMap<String, String>, Undecodable> {
    let mut texts = HashMap::new();
    for (name, value) in attributes {
        if value.is_null() {
            continue;
        }
        let mut value = object(value);
        let value = ["stringValue", "StringValue"].into_iter().find_map(|name| value.remove(name));
        if let Some(value) = value.and_then(text) {
            texts.insert(name, value);
        } else if let Some(known) = ATTRIBUTES.into_iter().find(|known| *known == name) {
            return Err(Undecodable::NotText(known));
        }
    }
    Ok(texts)
}

fn text(value: Value) -> Option<String> {
    if let Value::String(text) = value { Some(text) } else { None }
}

/// Returns a text, or a number as text: emulators write counts as numbers.
fn scalar(value: Value) -> Option<String> {
    if let Value::Number(number) = value { Some(number.to_string()) } else { text(value) }
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(object) = value { object } else { Map::new() }
}
