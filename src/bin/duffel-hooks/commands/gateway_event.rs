//! `gateway-event`: a newly signed delivery, in the format in which a gateway passes it to the function.

use std::{
    io::{self, Write},
    path::PathBuf,
    time::SystemTime,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::{Args, ValueEnum};
use duffel_webhook_receiver::time::unix_seconds;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::{
    commands::sign::{Signer, body_help},
    shared::{Result, input::read_body, query::divide},
};

/// Prints a signed API Gateway event, for `cargo lambda invoke` and `sam local invoke`
#[derive(Args)]
#[command(after_help = body_help())]
pub(crate) struct Arguments {
    /// The file with the exact bytes to deliver, a sample, or - for the standard input
    body: PathBuf,
    /// The gateway whose format the event has
    #[arg(long, value_enum, default_value_t = Gateway::HttpApi)]
    gateway: Gateway,
    /// Encodes the body as base64, as gateways do with content types that are not text to them
    #[arg(long)]
    base64: bool,
    /// The source to deliver to: the name at the end of the path
    #[arg(long, value_name = "NAME", default_value = "duffel")]
    source: String,
    #[command(flatten)]
    signer: Signer,
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
    let headers = arguments.signer.headers(&arguments.signer.scheme()?, &body, None, Vec::new())?;
    let path = format!("/webhooks/{}", arguments.source);
    let (headers, query) = divide(headers);
    let delivery = Received { query, ..Received::new(path, headers, body, arguments.base64) };
    let event = match arguments.gateway {
        Gateway::HttpApi => delivery.http_api(),
        Gateway::FunctionUrl => delivery.payload_2_0("abcdef1234.lambda-url.eu-west-1.on.aws"),
        Gateway::RestApi => delivery.payload_1_0("abcdef1234.execute-api.eu-west-1.amazonaws.com"),
    };
    writeln!(io::stdout(), "{event:#}")?;
    Ok(())
}

/// The request that a gateway received.
pub(crate) struct Received {
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    /// The length of the body as it was sent, in bytes.
    length: usize,
    body: String,
    base64: bool,
}

impl Received {
    /// Encodes the body as base64 if it is not text, or if that is asked for.
    pub(crate) fn new(path: String, headers: Vec<(String, String)>, body: Vec<u8>, base64: bool) -> Self {
        let length = body.len();
        let (body, base64) = match String::from_utf8(body) {
            Ok(text) if !base64 => (text, false),
            Ok(text) => (STANDARD.encode(text), true),
            Err(bytes) => (STANDARD.encode(bytes.as_bytes()), true),
        };
        Self { path, query: String::new(), headers, length, body, base64 }
    }

    /// Returns the event of an HTTP API.
    pub(crate) fn http_api(&self) -> Value {
        self.payload_2_0("abcdef1234.execute-api.eu-west-1.amazonaws.com")
    }

    fn all_headers(&self, domain: &str) -> Map<String, Value> {
        let length = self.length.to_string();
        let usual = [
            ("accept", "*/*"),
            ("content-length", &length),
            ("content-type", "application/json"),
            ("host", domain),
            ("x-amzn-trace-id", "Root=1-5e9b5b5f-0a1b2c3d4e5f60718293a4b5"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-port", "443"),
            ("x-forwarded-proto", "https"),
        ];
        let signed = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        usual.into_iter().chain(signed).map(|(name, value)| (name.to_owned(), value.into())).collect()
    }

    /// The parameters of the query, decoded as this gateway does; `None` without a query.
    fn parameters(&self) -> Option<Map<String, Value>> {
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let parameters: Map<_, _> =
            pairs.map(|(name, value)| (name.to_owned(), decoded(value).into())).collect();
        (!parameters.is_empty()).then_some(parameters)
    }

    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
    fn payload_2_0(&self, domain: &str) -> Value {
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": self.path,
            "rawQueryString": self.query,
            "headers": self.all_headers(domain),
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "abcdef1234",
                "domainName": domain,
                "domainPrefix": "abcdef1234",
                "http": {
                    "method": "POST",
                    "path": self.path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.7",
                    "userAgent": "duffel-hooks",
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": "$default",
                "stage": "$default",
                "timeEpoch": unix_seconds(SystemTime::now()) * 1000,
            },
            "body": self.body,
            "isBase64Encoded": self.base64,
        })
    }

    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>
    fn payload_1_0(&self, domain: &str) -> Value {
        let headers = self.all_headers(domain);
        let lists: Map<_, _> = headers.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
        json!({
            "resource": "/{proxy+}",
            "path": self.path,
            "httpMethod": "POST",
            "headers": headers,
            "multiValueHeaders": lists,
            "queryStringParameters": self.parameters(),
            "multiValueQueryStringParameters": null,
            "pathParameters": { "proxy": self.path.trim_start_matches('/') },
            "stageVariables": null,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "abcdef1234",
                "domainName": domain,
                "domainPrefix": "abcdef1234",
                "extendedRequestId": "JKJaXmPLvHcESHA=",
                "httpMethod": "POST",
                "identity": { "sourceIp": "203.0.113.7", "userAgent": "duffel-hooks" },
                "path": format!("/prod{}", self.path),
                "protocol": "HTTP/1.1",
                "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                "requestTimeEpoch": unix_seconds(SystemTime::now()) * 1000,
                "resourceId": "123456",
                "resourcePath": "/{proxy+}",
                "stage": "prod",
            },
            "body": self.body,
            "isBase64Encoded": self.base64,
        })
    }
}
