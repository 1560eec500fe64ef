//! `event`: a freshly signed delivery in the form in which a gateway hands it to the function.

use std::{path::PathBuf, time::SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::{Args, ValueEnum};
use duffel_webhook_receiver::signature::unix_seconds;
use serde_json::{Value, json};

use crate::{Result, read_body, sign::Signing};

const PATH: &str = "/webhooks/duffel";

/// Prints a signed API Gateway event, for `cargo lambda invoke` and `sam local invoke`
#[derive(Args)]
pub(crate) struct Arguments {
    /// The file with the exact bytes to deliver; - for the standard input
    body: PathBuf,
    /// The gateway whose form the event has
    #[arg(long, value_enum, default_value_t = Gateway::HttpApi)]
    gateway: Gateway,
    /// Encodes the body as base64, as gateways do with types that they do not take for text
    #[arg(long)]
    base64: bool,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Clone, Copy, ValueEnum)]
enum Gateway {
    /// API Gateway HTTP API, payload format 2.0
    HttpApi,
    /// API Gateway REST API, payload format 1.0
    RestApi,
    /// Lambda function URL, payload format 2.0
    FunctionUrl,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let body = read_body(&arguments.body)?;
    let signature = arguments.signing.header(&body)?;
    let event = event(arguments.gateway, &signature, body, arguments.base64);
    println!("{event:#}");
    Ok(())
}

fn event(gateway: Gateway, signature: &str, body: Vec<u8>, base64: bool) -> Value {
    let length = body.len();
    let (body, base64) = match String::from_utf8(body) {
        Ok(text) if !base64 => (text, false),
        Ok(text) => (STANDARD.encode(text), true),
        Err(bytes) => (STANDARD.encode(bytes.as_bytes()), true),
    };
    match gateway {
        Gateway::HttpApi => {
            payload_2_0("abcdef1234.execute-api.eu-west-1.amazonaws.com", signature, length, &body, base64)
        }
        Gateway::FunctionUrl => {
            payload_2_0("abcdef1234.lambda-url.eu-west-1.on.aws", signature, length, &body, base64)
        }
        Gateway::RestApi => payload_1_0(signature, &body, base64),
    }
}

/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
fn payload_2_0(domain: &str, signature: &str, length: usize, body: &str, base64: bool) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": PATH,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "content-length": length.to_string(),
            "content-type": "application/json",
            "host": domain,
            "x-amzn-trace-id": "Root=1-5e9b5b5f-0a1b2c3d4e5f60718293a4b5",
            "x-duffel-signature": signature,
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdef1234",
            "domainName": domain,
            "domainPrefix": "abcdef1234",
            "http": {
                "method": "POST",
                "path": PATH,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "duffel-hooks",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": unix_seconds(SystemTime::now()) * 1000,
        },
        "body": body,
        "isBase64Encoded": base64,
    })
}

/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>
fn payload_1_0(signature: &str, body: &str, base64: bool) -> Value {
    let domain = "abcdef1234.execute-api.eu-west-1.amazonaws.com";
    let headers = [
        ("Accept", "*/*"),
        ("Content-Type", "application/json"),
        ("Host", domain),
        ("X-Amzn-Trace-Id", "Root=1-5e9b5b5f-0a1b2c3d4e5f60718293a4b5"),
        ("X-Duffel-Signature", signature),
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    ];
    let single: serde_json::Map<_, _> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let multi: serde_json::Map<_, _> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
    json!({
        "resource": "/{proxy+}",
        "path": PATH,
        "httpMethod": "POST",
        "headers": single,
        "multiValueHeaders": multi,
        "queryStringParameters": null,
        "multiValueQueryStringParameters": null,
        "pathParameters": { "proxy": PATH.trim_start_matches('/') },
        "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdef1234",
            "domainName": domain,
            "domainPrefix": "abcdef1234",
            "extendedRequestId": "JKJaXmPLvHcESHA=",
            "httpMethod": "POST",
            "identity": { "sourceIp": "203.0.113.7", "userAgent": "duffel-hooks" },
            "path": format!("/prod{PATH}"),
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTimeEpoch": unix_seconds(SystemTime::now()) * 1000,
            "resourceId": "123456",
            "resourcePath": "/{proxy+}",
            "stage": "prod",
        },
        "body": body,
        "isBase64Encoded": base64,
    })
}
