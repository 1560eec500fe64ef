//! A delivery as the inspector keeps it.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Uri};
use serde::Serialize;
use serde_json::{Value, json};

use super::explanation::Step;

/// The row of a delivery in the list.
#[derive(Clone, Serialize)]
pub(in crate::commands::serve) struct Summary {
    pub(in crate::commands::serve) number: u64,
    /// RFC 3339, in UTC with milliseconds.
    pub(in crate::commands::serve) received_at: String,
    pub(in crate::commands::serve) source: Option<String>,
    pub(in crate::commands::serve) method: String,
    /// Without a query.
    pub(in crate::commands::serve) path: String,
    pub(in crate::commands::serve) status: u16,
    pub(in crate::commands::serve) outcome: &'static str,
    pub(in crate::commands::serve) cause: Option<&'static str>,
    pub(in crate::commands::serve) event_id: Option<String>,
    pub(in crate::commands::serve) event_type: Option<String>,
    pub(in crate::commands::serve) bytes: usize,
    pub(in crate::commands::serve) duration_ms: f64,
    /// One sentence.
    pub(in crate::commands::serve) reason: String,
    pub(in crate::commands::serve) sent_by: SentBy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::commands::serve) enum SentBy {
    Client,
    Page,
}

/// A delivery with its explanation. Its content may be gone, if newer deliveries needed the memory.
#[derive(Clone)]
pub(in crate::commands::serve) struct Delivery {
    pub(in crate::commands::serve) facts: Arc<Facts>,
    pub(in crate::commands::serve) content: Option<Arc<Content>>,
}

/// The part of a delivery whose size is limited.
pub(in crate::commands::serve) struct Facts {
    pub(in crate::commands::serve) summary: Summary,
    pub(in crate::commands::serve) explanation: Vec<Step>,
    pub(in crate::commands::serve) hint: Option<String>,
    /// The record of the ledger.
    pub(in crate::commands::serve) record: Option<Value>,
    pub(in crate::commands::serve) message: Option<MessageRow>,
}

/// The message of a delivery in the list of those that were sent.
pub(in crate::commands::serve) struct MessageRow {
    pub(in crate::commands::serve) message_id: String,
    pub(in crate::commands::serve) group_id: String,
    pub(in crate::commands::serve) deduplication_id: String,
}

impl MessageRow {
    /// Takes the row out of a message as a consumer receives it.
    pub(in crate::commands::serve) fn of(message: &Value) -> Self {
        let text =
            |pointer: &str| message.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            message_id: text("/MessageId"),
            group_id: text("/Attributes/MessageGroupId"),
            deduplication_id: text("/Attributes/MessageDeduplicationId"),
        }
    }
}

/// The request, and the message that it became.
pub(in crate::commands::serve) struct Content {
    pub(in crate::commands::serve) uri: Uri,
    pub(in crate::commands::serve) headers: HeaderMap,
    pub(in crate::commands::serve) body: Bytes,
    /// Without its body, which is that of the request.
    pub(in crate::commands::serve) message: Option<Value>,
}

impl Content {
    /// The memory that it needs, without the overhead of its parts.
    pub(in crate::commands::serve) fn size(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        let message = self.message.as_ref().map_or(0, |message| message.to_string().len());
        self.body.len() + headers.sum::<usize>() + message
    }

    /// Takes the body out of a message.
    pub(in crate::commands::serve) fn without_body(message: Option<Value>) -> Option<Value> {
        message.map(|mut message| {
            message["Body"] = Value::Null;
            message
        })
    }

    /// The message as a consumer receives it.
    pub(in crate::commands::serve) fn message(&self) -> Option<Value> {
        let mut message = self.message.clone()?;
        message["Body"] = if message.pointer("/MessageAttributes/encoding").is_some() {
            STANDARD.encode(&self.body).into()
        } else {
            String::from_utf8_lossy(&self.body).into()
        };
        Some(message)
    }

    fn body(&self) -> Value {
        match std::str::from_utf8(&self.body) {
            Ok(text) => json!({ "text": text }),
            Err(_) => json!({ "base64": STANDARD.encode(&self.body) }),
        }
    }
}

/// Returns `true` for a header that usually carries a credential. A signature is none: it is what one looks for here.
pub(in crate::commands::serve) fn is_confidential(name: &str) -> bool {
    ["auth", "cookie", "token", "secret", "password", "api-key", "apikey", "credential"]
        .iter()
        .any(|part| name.contains(part))
}

const MASK: &str = "•••";

impl Delivery {
    pub(in crate::commands::serve) fn source(&self) -> Option<&str> {
        self.facts.summary.source.as_deref()
    }

    /// Returns the whole delivery for the page.
    pub(in crate::commands::serve) fn json(&self) -> Value {
        let Facts { summary, explanation, hint, record, .. } = &*self.facts;
        let mut json = json!(summary);
        json["explanation"] = json!(explanation);
        json["hint"] = json!(hint);
        json["record"] = json!(record);
        json["kept"] = self.content.is_some().into();
        let content = self.content.as_deref();
        let headers = content.iter().flat_map(|content| content.headers.iter()).map(|(name, value)| {
            let masked = is_confidential(name.as_str());
            let value = if masked { MASK.into() } else { String::from_utf8_lossy(value.as_bytes()) };
            json!([name.as_str(), value, masked])
        });
        json["headers"] = headers.collect();
        json["body"] = content.map_or(Value::Null, Content::body);
        json["message"] = json!(content.and_then(Content::message));
        json
    }
}
