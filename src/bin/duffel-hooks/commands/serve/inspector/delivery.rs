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
pub(crate) struct Summary {
    pub(crate) number: u64,
    /// RFC 3339, in UTC with milliseconds.
    pub(crate) received_at: String,
    pub(crate) source: Option<String>,
    pub(crate) method: String,
    /// Without a query.
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) outcome: &'static str,
    pub(crate) cause: Option<&'static str>,
    pub(crate) event_id: Option<String>,
    pub(crate) event_type: Option<String>,
    pub(crate) bytes: usize,
    pub(crate) duration_ms: f64,
    /// One sentence.
    pub(crate) reason: String,
    #[serde(flatten)]
    pub(crate) sent_by: SentBy,
}

/// The sender of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "sent_by", rename_all = "lowercase")]
pub(crate) enum SentBy {
    Client,
    Page {
        /// The delivery that it was made from.
        #[serde(skip_serializing_if = "Option::is_none")]
        resend_of: Option<u64>,
    },
}

/// A delivery with its explanation. Its content may be gone, if newer deliveries needed the memory.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) facts: Arc<Facts>,
    pub(crate) content: Option<Arc<Content>>,
}

/// The part of a delivery whose size is limited.
pub(crate) struct Facts {
    pub(crate) summary: Summary,
    pub(crate) explanation: Vec<Step>,
    pub(crate) hint: Option<String>,
    /// The record of the ledger.
    pub(crate) record: Option<Value>,
    pub(crate) message: Option<MessageRow>,
}

/// The message of a delivery in the list of those that were sent.
pub(crate) struct MessageRow {
    pub(crate) id: String,
    pub(crate) group: String,
    pub(crate) deduplication: String,
}

impl MessageRow {
    /// Takes the row out of a message as a consumer receives it.
    pub(crate) fn of(message: &Value) -> Self {
        let text =
            |pointer: &str| message.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            id: text("/MessageId"),
            group: text("/Attributes/MessageGroupId"),
            deduplication: text("/Attributes/MessageDeduplicationId"),
        }
    }
}

/// The request, and the message that it became.
pub(crate) struct Content {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Without its body, which is that of the request.
    pub(crate) message: Option<Value>,
}

impl Content {
    /// The memory that it needs, without the overhead of its parts.
    pub(crate) fn size(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        let message = self.message.as_ref().map_or(0, |message| message.to_string().len());
        self.body.len() + headers.sum::<usize>() + message
    }

    /// Takes the body out of a message.
    pub(crate) fn without_body(message: Option<Value>) -> Option<Value> {
        message.map(|mut message| {
            message["Body"] = Value::Null;
            message
        })
    }

    /// The message as a consumer receives it.
    pub(crate) fn message(&self) -> Option<Value> {
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
pub(crate) fn is_confidential(name: &str) -> bool {
    ["auth", "cookie", "token", "secret", "password", "api-key", "apikey", "credential"]
        .iter()
        .any(|part| name.contains(part))
}

const MASK: &str = "•••";

impl Delivery {
    pub(crate) fn source(&self) -> Option<&str> {
        self.facts.summary.source.as_deref()
    }

    /// Returns the whole delivery for the page.
    pub(crate) fn json(&self) -> Value {
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
