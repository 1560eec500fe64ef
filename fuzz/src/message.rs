//! The oracle of messages: what a message may hold by the contract and by the limits of SQS.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::oracle::{Claim, Provider};

const MAX_BYTES: usize = 1 << 20;

/// Returns whether SQS accepts the characters of a text:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>.
pub fn is_acceptable(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(
            |c| matches!(c as u32, 0x9 | 0xA | 0xD | 0x20..=0xD7FF | 0xE000..=0xFFFD | 0x10000..=0x10FFFF),
        )
}

/// The body as it is in a message, and whether that is its base64.
pub fn written(body: &[u8]) -> (String, bool) {
    match std::str::from_utf8(body) {
        Ok(text) if is_acceptable(text) => (text.to_owned(), false),
        _ => (STANDARD.encode(body), true),
    }
}

/// Asserts that a message is this delivery, in a form that SQS accepts.
pub fn check(message: &Value, provider: &Provider, claim: &Claim, body: &[u8]) {
    let text = message["Body"].as_str().unwrap();
    let (wanted, is_base64) = written(body);
    assert_eq!(text, wanted, "the body is not what was signed");
    assert!(is_acceptable(text), "SQS refuses the body");
    let attributes = message["MessageAttributes"].as_object().unwrap();
    let value = |name: &str| attributes.get(name).map(|one| one["StringValue"].as_str().unwrap());
    assert_eq!(value("encoding"), is_base64.then_some("base64"));
    assert_eq!(value("source"), Some(provider.name));
    assert_eq!(value("signature"), claim.signature.filter(|text| is_acceptable(text)));
    assert_eq!(value("signature_timestamp"), claim.time.filter(|text| is_acceptable(text)));
    assert!(value("live_mode").is_none_or(|mode| mode == "true" || mode == "false"));
    assert!(attributes.len() <= 10);
    let mut bytes = text.len();
    for (name, one) in attributes {
        let value = one["StringValue"].as_str().unwrap();
        assert!(is_acceptable(value), "SQS refuses the attribute {name}");
        assert_eq!(one["DataType"], "String");
        bytes += name.len() + "String".len() + value.len();
    }
    assert!(bytes <= MAX_BYTES, "{bytes} bytes are too many for SQS");
    let system = message["Attributes"].as_object().unwrap();
    for name in ["MessageGroupId", "MessageDeduplicationId"] {
        let id = system[name].as_str().unwrap();
        let right = (1..=128).contains(&id.len()) && id.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
        assert!(right, "SQS refuses {name}");
    }
    let identity = system["MessageDeduplicationId"].as_str().unwrap();
    assert_eq!(value("identity"), Some(identity));
    assert!(identity.len() == 64 && identity.bytes().all(|byte| b"0123456789abcdef".contains(&byte)));
    if let Some(trace) = system.get("AWSTraceHeader") {
        let trace = trace.as_str().unwrap();
        let parts: Vec<_> = trace.split(';').collect();
        assert!(parts.contains(&"Sampled=1") && parts.iter().any(|part| part.starts_with("Root=1-")));
        assert!(trace.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
