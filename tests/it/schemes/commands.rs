//! The tool with every preset: it explains, signs, verifies and delivers, and the receiver accepts.

use std::{fs, process::Output};

use duffel_webhook_receiver::signature::scheme::{AcceptedStatus, KeyNames, Preset};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::{
    serve::Serve,
    tool::{self, Done, assert_success, text},
};

const BODY: &str = "events/bodies/order.created.json";

fn json_of(output: &Output) -> Value {
    assert_success(output);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What `schemes show` prints of each preset.
fn explained() -> Vec<Value> {
    let show = |preset: &Preset| {
        json_of(&tool::command(["schemes", "show", preset.name, "--json"]).output().unwrap())
    };
    Preset::all().map(show).collect()
}

fn name(explained: &Value) -> &str {
    explained["name"].as_str().unwrap()
}

/// The secret that the source of the example has.
fn source_secret(explained: &Value) -> &str {
    explained["example"]["sources"][name(explained)]["secret"].as_str().unwrap()
}

fn run(secret: &str, arguments: &[&str]) -> Done {
    Done::of(&tool::command(arguments).env("WEBHOOK_SECRET", secret).output().unwrap())
}

/// Verifies a delivery, of which each header is a line as `sign` prints it.
fn verify(explained: &Value, body: &str, headers: &[String]) -> Done {
    let scheme = explained["example"]["scheme"].as_str().unwrap();
    let (signature, others) = headers.split_last().unwrap();
    // One header has its value only.
    let signature = if others.is_empty() || signature.starts_with('?') {
        signature.split_once(": ").map_or(&**signature, |(_, value)| value)
    } else {
        signature
    };
    let mut arguments = vec!["verify", body, "--scheme", scheme, "--signature", signature];
    for header in others {
        arguments.extend(["--header", header]);
    }
    run(source_secret(explained), &arguments)
}

#[test]
fn every_preset_is_listed() {
    let listed = text(&tool::command(["schemes"]).output().unwrap().stdout);
    let names: Vec<_> = listed.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, Preset::all().map(|preset| preset.name).collect::<Vec<_>>());
    let lines = text(&tool::command(["schemes", "--json"]).output().unwrap().stdout);
    for (line, preset) in lines.lines().zip(Preset::all()) {
        let listed: Value = serde_json::from_str(line).unwrap();
        assert_eq!(listed["name"], preset.name);
        assert_eq!(listed["documentation"], preset.documentation);
        assert_eq!(listed["weakness"].as_str(), preset.weakness);
        assert!(!listed["signature_covers"].as_array().unwrap().is_empty(), "{line}");
    }
    assert_eq!(lines.lines().count(), names.len());
}

#[test]
fn the_example_of_every_preset_is_valid() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("body.json");
    for explained in explained() {
        let delivery = &explained["example"]["delivery"];
        fs::write(&path, delivery["body"].as_str().unwrap()).unwrap();
        let pair = |pair: &Value| format!("{}: {}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        let mut headers: Vec<_> = delivery["headers"].as_array().unwrap().iter().map(pair).collect();
        if let Some((_, query)) = delivery["path"].as_str().unwrap().split_once('?') {
            let (name, value) = query.split_once('=').unwrap();
            let value = percent_encoding::percent_decode_str(value).decode_utf8().unwrap();
            headers.push(format!("?{name}: {value}"));
        }
        let verified = verify(&explained, path.to_str().unwrap(), &headers);
        assert!(verified.code == 0 && verified.out.starts_with("valid: "), "{explained}: {}", verified.err);
    }
}

#[test]
fn what_is_signed_for_every_preset_is_verified() {
    let (folder, other) = (TempDir::new().unwrap(), "Cargo.toml");
    let path = folder.path().join("body");
    fs::copy(BODY, &path).unwrap();
    let path = path.to_str().unwrap();
    for explained in explained() {
        let example = &explained["example"];
        let (scheme, secret) =
            (example["scheme"].as_str().unwrap(), example["signing_secret"].as_str().unwrap());
        let signed = run(secret, &["sign", path, "--scheme", scheme]);
        assert_eq!(signed.code, 0, "{scheme}: {}", signed.err);
        let headers: Vec<_> = signed.out.lines().map(str::to_owned).collect();
        let verified = verify(&explained, path, &headers);
        assert!(verified.code == 0 && verified.out.starts_with("valid: "), "{scheme}: {}", verified.err);
        // Nothing is signed by a token.
        let is_token = explained["algorithm"] == "token";
        assert_eq!(verify(&explained, other, &headers).code, i32::from(!is_token), "{scheme}");
    }
}

#[test]
fn every_preset_is_triggered_accepted_and_recognised_again() {
    let all = explained();
    let sources: Map<_, _> = all
        .iter()
        .map(|explained| {
            (name(explained).to_owned(), explained["example"]["sources"][name(explained)].clone())
        })
        .collect();
    let serve = Serve::start(&[("SOURCES", &Value::from(sources).to_string())]);
    let line = serve.line("Receiving on ");
    let url = line.rsplit_once('/').unwrap().0;
    for explained in &all {
        let (name, example) = (name(explained), &explained["example"]);
        let (scheme, secret) =
            (example["scheme"].as_str().unwrap(), example["signing_secret"].as_str().unwrap());
        let to = format!("{url}/{name}");
        let trigger = ["trigger", "--scheme", scheme, "--to", &to, "--count", "2", "--same-id"];
        let done = run(secret, &trigger);
        let lines: Vec<_> = done.out.lines().collect();
        let [first, second] = lines[..] else { panic!("{name}: {} {}", done.out, done.err) };
        // Some providers insist on a status, or on an answer without a body.
        let answer = Preset::named(name).unwrap().scheme().answer;
        let status =
            answer.status.map(|status| AcceptedStatus::ALL.into_iter().find(|(_, known)| *known == status));
        // Where nothing names an event, each delivery is one.
        let has_key = Preset::named(name).unwrap().scheme().key_names != KeyNames::Nothing;
        let again = if has_key { (second, 200, "duplicate") } else { (second, 202, "accepted") };
        for (line, usual, word) in [(first, 202, "accepted"), again] {
            let status = status.flatten().map_or(usual, |(number, _)| number);
            let is_empty = answer.is_empty || status == 204;
            assert!(line.starts_with(&status.to_string()), "{name}: {line}");
            assert_eq!(line.contains(&format!("{{\"status\":\"{word}\"}}")), !is_empty, "{name}: {line}");
        }
        let sent = serve.message();
        if !has_key {
            assert_ne!(
                serve.message()["MessageAttributes"]["identity"],
                sent["MessageAttributes"]["identity"]
            );
        }
        let attribute = |name: &str| sent["MessageAttributes"][name]["StringValue"].clone();
        // The delivery before was forwarded once.
        assert_eq!(attribute("source"), name);
        // Type and id are where the preset has them.
        let kind = first.split(' ').nth_back(1).unwrap();
        let has = |field: &str| explained[field] != "none";
        assert_eq!(attribute("event_type") == kind, has("type"), "{name}: {sent}");
        assert_eq!(attribute("event_id") != Value::Null, has("id"), "{name}: {sent}");
    }
}

#[test]
fn a_signature_covers_the_url_that_is_delivered_to() {
    let scheme = r#"{"scheme":"hmac-sha256","signed":"{url}{body}"}"#;
    let serve = |url: &str| {
        let mut source: Value = serde_json::from_str(scheme).unwrap();
        source["url"] = url.into();
        source["secret"] = "hush".into();
        Serve::start(&[("SOURCES", &json!({ "it": source }).to_string())])
    };
    let public = "https://hooks.example.com/webhooks/it";
    let server = serve(public);
    let to = server.line("Receiving on ");
    let other = run("hush", &["send", BODY, "--to", &to, "--scheme", scheme]);
    other.assert_failed(1, "401 Unauthorized");
    let with_url = scheme.replace("}\"}", &format!("}}\",\"url\":\"{public}\"}}"));
    assert_eq!(run("hush", &["send", BODY, "--to", &to, "--scheme", &with_url]).code, 0);
    // The server's own address, once it is known.
    let port = to.rsplit_once(':').unwrap().1.split('/').next().unwrap();
    drop(server);
    let mut command = tool::command(["serve", "--listen", &format!("127.0.0.1:{port}")]);
    let mut source: Value = serde_json::from_str(scheme).unwrap();
    (source["url"], source["secret"]) = (to.as_str().into(), "hush".into());
    let server = Serve::spawn(command.env("SOURCES", json!({ "it": source }).to_string()));
    assert_eq!(server.line("Receiving on "), to);
    assert_eq!(run("hush", &["send", BODY, "--to", &to, "--scheme", scheme]).code, 0);
    let refused = run("hush", &["sign", BODY, "--scheme", scheme]);
    refused.assert_failed(2, "cover the URL at which the provider delivers");
}

#[test]
fn a_signature_in_the_query_is_sent_there() {
    let scheme = r#"{"scheme":"hmac-sha256","signature_header":"?sig","encoding":"base64"}"#;
    let mut source: Value = serde_json::from_str(scheme).unwrap();
    source["secret"] = "hush".into();
    let server = Serve::start(&[("SOURCES", &json!({ "it": source }).to_string())]);
    let to = server.line("Receiving on ");
    // Base64 has characters that a query must escape.
    for _ in 0..8 {
        let done = run("hush", &["trigger", "example.created", "--scheme", scheme, "--to", &to]);
        assert_eq!(done.code, 0, "{}", done.err);
    }
    let event = run("hush", &["event", BODY, "--scheme", scheme, "--source", "it"]);
    let event: Value = serde_json::from_str(&event.out).unwrap();
    let query = event["rawQueryString"].as_str().unwrap();
    assert!(query.starts_with("sig=") && query.ends_with("%3D"), "{query}");
    let event = run("hush", &["event", BODY, "--scheme", scheme, "--gateway", "rest-api"]);
    let event: Value = serde_json::from_str(&event.out).unwrap();
    assert!(event["queryStringParameters"]["sig"].as_str().unwrap().ends_with('='), "{event}");
}

#[test]
fn a_public_key_cannot_sign() {
    let scheme = r#"{"scheme":"hmac-sha256","algorithm":"ed25519"}"#;
    let done = run("hush", &["sign", BODY, "--scheme", scheme]);
    done.assert_failed(1, "the secret must be the private key: 32 bytes in hex or base64");
    assert!(!done.err.contains("hush"));
}

#[test]
fn the_log_of_the_start_names_weak_schemes() {
    let sources = json!({
        "code": { "scheme": "github", "secret": "hush" },
        "plain": { "scheme": "hmac-sha256", "secret": "other" },
        "token": { "scheme": "hmac-sha256", "algorithm": "token", "secret": "third" },
    });
    let mut serve = Serve::start(&[("SOURCES", &sources.to_string())]);
    serve.line("Inspector");
    let mut warnings = Vec::new();
    for _ in 0..2 {
        let logged = serve.logged();
        assert_eq!(logged["level"], "WARN");
        warnings.push(logged["message"].as_str().unwrap_or_default().to_owned());
    }
    assert!(warnings[0].starts_with("source code: the scheme github is weak: "), "{warnings:?}");
    assert!(warnings[1].starts_with("source token: the scheme hmac-sha256 is weak: "), "{warnings:?}");
    let (_, rest) = serve.rest();
    assert!(!rest.iter().any(|line| line.contains("weak")), "{rest:?}");
}
