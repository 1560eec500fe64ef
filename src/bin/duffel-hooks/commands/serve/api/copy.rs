//! A delivery as a command or as the event of a gateway, to repeat it elsewhere.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, TRANSFER_ENCODING,
        USER_AGENT,
    },
};
use serde_json::Value;

use super::{
    Refused,
    send::{gone, signed_again},
};
use crate::{
    commands::{
        gateway_event::Received,
        serve::inspector::{
            Inspector,
            delivery::{Delivery, is_confidential},
        },
    },
    shared::output::quoted,
};

/// Returns the headers that a client does not make itself, without credentials.
fn own_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let made =
        [ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, USER_AGENT];
    let own = headers.iter().filter(|(name, _)| !made.contains(name) && !is_confidential(name.as_str()));
    own.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// Returns a shell command that sends the delivery again.
pub(super) fn curl(inspector: &Inspector, delivery: &Delivery) -> Result<String, Refused> {
    let content = delivery.content.as_ref().ok_or_else(gone)?;
    let source = delivery.source().and_then(|name| inspector.source(name));
    let signer = source.filter(|source| inspector.secret_is_generated && source.signing_key().is_some());
    let (remark, headers) = if let Some(source) = signer {
        ("Signed now, with the secret that serve made", signed_again(source, content)?)
    } else {
        ("With the signature that was received, which may be too old", content.headers.clone())
    };
    let mut lines = vec![format!("# {remark}.")];
    let names = headers.keys().map(http::HeaderName::as_str);
    let masked: Vec<_> = names.filter(|name| is_confidential(name)).collect();
    if !masked.is_empty() {
        lines.push(format!("# Without {}, which may be confidential.", masked.join(", ")));
    }
    let body = std::str::from_utf8(&content.body).ok().filter(|text| !text.contains('\0'));
    if body.is_none() {
        lines.push(format!("echo {} | base64 --decode | \\", STANDARD.encode(&content.body)));
    }
    let target = content.uri.path_and_query().map_or("/", |target| target.as_str());
    let url = quoted(&format!("{}{target}", inspector.address));
    let mut command = vec![format!("curl -i -X {} {url}", delivery.facts.summary.method)];
    let header = |(name, value)| format!("  -H {}", quoted(&format!("{name}: {value}")));
    command.extend(own_headers(&headers).into_iter().map(header));
    if !headers.contains_key(CONTENT_TYPE) {
        // Otherwise curl says that it is a form.
        command.push("  -H 'content-type:'".to_owned());
    }
    match body {
        Some("") => {}
        Some(body) => command.push(format!("  --data-raw {}", quoted(body))),
        None => command.push("  --data-binary @-".to_owned()),
    }
    lines.push(command.join(" \\\n"));
    Ok(lines.join("\n") + "\n")
}

/// Returns the event of an API Gateway HTTP API.
pub(super) fn gateway_event(delivery: &Delivery) -> Result<Value, Refused> {
    let content = delivery.content.as_ref().ok_or_else(gone)?;
    let headers = own_headers(&content.headers);
    let received = Received::new(content.uri.path().to_owned(), headers, content.body.to_vec(), false);
    let mut event = received.http_api();
    event["rawQueryString"] = content.uri.query().unwrap_or_default().into();
    event["requestContext"]["http"]["method"] = delivery.facts.summary.method.as_str().into();
    Ok(event)
}
