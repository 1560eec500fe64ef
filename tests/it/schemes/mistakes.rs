//! `verify` names the part that is wrong: secret, body, time or form.

use std::fs;

use tempfile::TempDir;

use crate::support::tool::{self, Done};

/// What is signed, with which scheme and secret.
const BODY: &str = "{\"id\":\"7\",\n  \"data\": {\"name\": \"Zoë\"}}";

struct Case<'a> {
    /// The scheme and the secret of the sender.
    signer: (&'a str, &'a str),
    /// Those of the receiver.
    receiver: (&'a str, &'a str),
    /// The body that was received.
    received: &'a str,
    says: &'a [&'a str],
}

fn run(secret: &str, arguments: &[&str]) -> Done {
    Done::of(&tool::command(arguments).env("WEBHOOK_SECRET", secret).output().unwrap())
}

/// Signs as the sender does, and verifies as the receiver does. Returns what is printed.
fn printed(case: &Case<'_>) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("body");
    let path = path.to_str().unwrap();
    fs::write(path, BODY).unwrap();
    let (scheme, secret) = case.signer;
    let signed = run(secret, &["sign", path, "--scheme", scheme]);
    assert_eq!(signed.code, 0, "{}", signed.err);
    fs::write(path, case.received).unwrap();
    let lines: Vec<_> = signed.out.lines().collect();
    let (signature, others) = lines.split_last().unwrap();
    let (scheme, secret) = case.receiver;
    let mut arguments = vec!["verify", path, "--scheme", scheme, "--signature", signature];
    for header in others {
        arguments.extend(["--header", header]);
    }
    let refused = run(secret, &arguments);
    assert_eq!(refused.code, 1, "{scheme}: {}", refused.out);
    refused.err
}

fn assert_found(cases: &[Case<'_>]) {
    for case in cases {
        let printed = printed(case);
        for says in case.says {
            assert!(printed.contains(says), "{says}: {printed}");
        }
        assert!(!printed.contains(case.receiver.1), "{printed}");
    }
}

const PLAIN: &str = "hmac-sha256";

#[test]
fn a_mistake_in_the_secret_is_found() {
    const HEX: &str = r#"{"scheme":"hmac-sha256","secret_encoding":"hex"}"#;
    const BASE64: &str = r#"{"scheme":"hmac-sha256","secret_encoding":"base64"}"#;
    const SHARED: &str = "00112233445566778899aabbccddeeff";
    let case = |signer, receiver, says| Case { signer, receiver, received: BODY, says };
    let secret = "signed with a secret that is not active";
    assert_found(&[
        case((PLAIN, "sesame"), (PLAIN, "\"sesame\""), &[secret, "without the quotes around it"]),
        case((PLAIN, "\"sesame\""), (PLAIN, "sesame"), &[secret, "with quotes around it"]),
        case((PLAIN, "sesame"), (PLAIN, "NAME=sesame"), &[secret, "without the part before its ="]),
        case((HEX, SHARED), (PLAIN, SHARED), &[secret, "decoded from hex"]),
        case(
            (PLAIN, SHARED),
            (HEX, SHARED),
            &[secret, "with its characters as the key, not decoded from hex"],
        ),
        case((BASE64, SHARED), (PLAIN, SHARED), &[secret, "decoded from base64"]),
        case(
            (PLAIN, SHARED),
            (BASE64, SHARED),
            &[secret, "with its characters as the key, not decoded from base64"],
        ),
        case((BASE64, SHARED), (HEX, SHARED), &[secret, "decoded from base64"]),
        case((PLAIN, "sesame"), (PLAIN, "another,\"sesame\""), &[secret, "secret 2 without the quotes"]),
    ]);
}

#[test]
fn a_mistake_in_the_body_is_found() {
    let compact = "{\"id\":\"7\",\"data\":{\"name\":\"Zoë\"}}";
    let case =
        |received, says| Case { signer: (PLAIN, "sesame"), receiver: (PLAIN, "sesame"), received, says };
    let body = "the secret is right and the body is not";
    let escaped = BODY.replace('ë', "\\u00eb");
    assert_found(&[
        case(&format!("{BODY}\n"), &[body, "without its last newline"]),
        case(&BODY.replace('\n', "\r\n"), &[body, "with LF for each CRLF"]),
        case(&format!("\u{feff}{BODY}"), &[body, "without its byte order mark"]),
        case(&escaped, &[body, "with non-ASCII characters not escaped in its JSON"]),
    ]);
    // Serialised again: the form that was signed is found.
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("body");
    let path = path.to_str().unwrap();
    fs::write(path, compact).unwrap();
    let signed = run("sesame", &["sign", path, "--scheme", PLAIN]);
    fs::write(path, BODY).unwrap();
    let refused = run("sesame", &["verify", path, "--scheme", PLAIN, "--signature", signed.out.trim()]);
    assert!(refused.err.contains(body), "{}", refused.err);
    assert!(refused.err.contains("without the white space between its JSON tokens"), "{}", refused.err);
}

#[test]
fn a_mistake_in_encoding_algorithm_or_header_is_found() {
    let own = |fields: &str| format!(r#"{{"scheme":"hmac-sha256",{fields}}}"#);
    let form = "the signature does not have the form of the scheme";
    let prefixed = own(r#""prefix":"sha256=""#);
    for (signer, receiver, says) in [
        (own(r#""encoding":"base64""#), PLAIN.to_owned(), "in base64: the scheme has hex"),
        (own(r#""encoding":"base64url""#), PLAIN.to_owned(), "in base64url: the scheme has hex"),
        (PLAIN.to_owned(), own(r#""encoding":"base64""#), "in hex: the scheme has base64"),
        (own(r#""algorithm":"hmac-sha1""#), PLAIN.to_owned(), "by hmac-sha1: the scheme has hmac-sha256"),
        (own(r#""algorithm":"hmac-sha512""#), PLAIN.to_owned(), "by hmac-sha512: the scheme has hmac-sha256"),
        (PLAIN.to_owned(), own(r#""algorithm":"hmac-sha384""#), "by hmac-sha256: the scheme has hmac-sha384"),
        (
            own(r#""algorithm":"hmac-sha1","prefix":"sha1=""#),
            prefixed.clone(),
            "by hmac-sha1: the scheme has hmac-sha256",
        ),
        (prefixed.clone(), PLAIN.to_owned(), "after sha256=: the scheme has no prefix"),
        (PLAIN.to_owned(), prefixed, "without its prefix"),
    ] {
        let printed = printed(&Case {
            signer: (&signer, "sesame"),
            receiver: (&receiver, "sesame"),
            received: BODY,
            says: &[],
        });
        let is_form = printed.contains(form) || printed.contains("a header of the signature is malformed");
        assert!(is_form && printed.contains(says), "{says}: {printed}");
    }
}

#[test]
fn a_mistake_in_time_or_content_is_found() {
    let own = |fields: &str| format!(r#"{{"scheme":"hmac-sha256","timestamp_header":"X-Time",{fields}}}"#);
    let timed = |content: &str| own(&format!(r#""signed":"{content}""#));
    let url = |url: &str| format!(r#"{{"scheme":"hmac-sha256","signed":"{{url}}{{body}}","url":"{url}"}}"#);
    let dotted = timed("{time}.{body}");
    for (signer, receiver, says) in [
        (own(r#""timestamp_unit":"ms""#), dotted.clone(), "with its time in seconds"),
        (dotted.clone(), own(r#""timestamp_unit":"ms""#), "with its time in milliseconds"),
        (
            own(r#""timestamp_unit":"ms","signed":"{time}{body}""#),
            timed("{time}{body}"),
            "with a time in milliseconds: the scheme has seconds",
        ),
        (
            own(r#""timestamp_unit":"rfc3339""#),
            dotted.clone(),
            "with a time in the form of RFC 3339: the scheme has seconds",
        ),
        (timed("{time}:{body}"), dotted.clone(), "over {time}:{body}: the scheme signs {time}.{body}"),
        (dotted.clone(), timed("{time}:{body}"), "over {time}.{body}: the scheme signs {time}:{body}"),
        (timed("{time}{body}"), dotted.clone(), "over {time}{body}: the scheme signs {time}.{body}"),
        (timed("{body}{time}"), dotted.clone(), "over {body}{time}: the scheme signs {time}.{body}"),
        (timed("v0:{time}:{body}"), dotted.clone(), "over v0:{time}:{body}: the scheme signs {time}.{body}"),
        (timed("{body}"), dotted.clone(), "over the body alone: the scheme signs the time as well"),
        (PLAIN.to_owned(), url("https://example.com/hook"), "without the URL before or after the body"),
        (
            url("https://example.com/hook/"),
            url("https://example.com/hook"),
            "with the URL https://example.com/hook/",
        ),
        (
            url("http://example.com/hook"),
            url("https://example.com/hook"),
            "with the URL http://example.com/hook",
        ),
        (
            url("https://example.com/hook"),
            url("https://example.com/hook/"),
            "with the URL https://example.com/hook",
        ),
    ] {
        let printed = printed(&Case {
            signer: (&signer, "sesame"),
            receiver: (&receiver, "sesame"),
            received: BODY,
            says: &[],
        });
        assert!(printed.contains(says), "{says}: {printed}");
    }
}

#[test]
fn a_time_that_is_off_by_a_second_is_found() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("body");
    let path = path.to_str().unwrap();
    fs::write(path, BODY).unwrap();
    let signed = run("sesame", &["sign", path, "--timestamp", "1700000000"]);
    let header = signed.out.trim().replace("t=1700000000", "t=1700000001");
    let refused = run("sesame", &["verify", path, "--signature", &header]);
    refused
        .assert_failed(1, "the time is not the one that was signed; it would match with the time 1700000000");
}

#[test]
fn the_header_of_another_preset_is_found() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("body");
    let path = path.to_str().unwrap();
    fs::write(path, BODY).unwrap();
    let signed = run("sesame", &["sign", path, "--scheme", "stripe"]);
    let line = format!("Stripe-Signature: {}", signed.out.trim());
    for (secret, says) in [
        ("sesame", "it would match by the scheme stripe"),
        ("another", "it has the header stripe-signature of the scheme stripe"),
    ] {
        let refused = run(secret, &["verify", path, "--scheme", "slack", "--signature", &line]);
        refused.assert_failed(1, says);
        assert!(!refused.err.contains("sesame"), "{}", refused.err);
    }
}
