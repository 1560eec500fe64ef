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
pub(super) struct Summary {
    pub(super) number: u64,
    /// RFC 3339, in UTC with milliseconds.
    pub(super) received_at: String,
    pub(super) source: Option<String>,
    pub(super) method: String,
    /// Without a query.
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) outcome: &'static str,
    pub(super) cause: Option<&'static str>,
    pub(super) event_id: Option<String>,
    pub(super) event_type: Option<String>,
    pub(super) bytes: usize,
    pub(super) duration_ms: f64,
    /// One sentence.
    pub(super) reason: String,
    pub(super) sent_by: SentBy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SentBy {
    Client,
    Page,
}

/// A delivery with its explanation. Its content may be gone, if newer deliveries needed the memory.
#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) facts: Arc<Facts>,
    pub(super) content: Option<Arc<Content>>,
}

/// The part of a delivery whose size is limited.
pub(super) struct Facts {
    pub(super) summary: Summary,
    pub(super) explanation: Vec<Step>,
    pub(super) hint: Option<String>,
    /// The record of the ledger.
    pub(super) record: Option<Value>,
}

/// The request, and the message that it became.
pub(super) struct Content {
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Without its body, which is that of the request.
    pub(super) message: Option<Value>,
}

impl Content {
    /// The memory that it needs, without the overhead of its parts.
    pub(super) fn size(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        let message = self.message.as_ref().map_or(0, |message| message.to_string().len());
        self.body.len() + headers.sum::<usize>() + message
    }

    /// Takes the body out of a message.
    pub(super) fn without_body(message: Option<Value>) -> Option<Value> {
        message.map(|mut message| {
            message["Body"] = Value::Null;
            message
        })
    }

    /// The message as a consumer receives it.
    pub(super) fn message(&self) -> Option<Value> {
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
pub(super) fn is_confidential(name: &str) -> bool {
    ["auth", "cookie", "token", "secret", "password", "api-key", "apikey", "credential"]
        .iter()
        .any(|part| name.contains(part))
}

const MASK: &str = "•••";

impl Delivery {
    /// Returns the whole delivery for the page.
    pub(super) fn json(&self) -> Value {
        let Facts { summary, explanation, hint, record } = &*self.facts;
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
