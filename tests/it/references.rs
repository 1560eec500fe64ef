//! The providers' own libraries sign what we accept, and accept what we sign, with random bodies.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::SystemTime,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use duffel_webhook_receiver::{
    receive::Source,
    signature::{
        Verifier,
        scheme::Scheme,
        sign::{Signing, sign},
    },
    time::unix_seconds,
};
use http::Request;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    schemes::SURPLUS_BITS,
    support::{
        setup,
        test_receiver::{TestReceiver, key},
    },
};

const DELIVERIES: usize = 100;

const PYTHON: [&str; 2] = ["standardwebhooks==1.1.0", "stripe==16.1.0"];
const NODE: [&str; 2] = ["svix@2.5.0", "@octokit/webhooks-methods@6.0.0"];

/// Random JSON with letters, control characters, and characters of every length.
fn random_body() -> String {
    let letter = |byte: u8| match byte % 8 {
        0 => '\u{1f600}',
        1 => 'é',
        2 => '"',
        3 => '\n',
        4 => '\u{2028}',
        _ => char::from(b'a' + byte % 26),
    };
    let text = || Uuid::new_v4().as_bytes().iter().map(|byte| letter(*byte)).collect::<String>();
    let number = Uuid::new_v4().as_u64_pair().0 >> 12;
    json!({ "id": Uuid::new_v4().to_string(), "type": "t", text(): [text(), number, null, { text(): true }] })
        .to_string()
}

fn random_secret(scheme: &Scheme) -> String {
    let bytes = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
    let prefix = if scheme.name == "github" { "" } else { "whsec_" };
    format!("{prefix}{}", STANDARD.encode(bytes))
}

struct Case {
    scheme: Scheme,
    secret: String,
    id: String,
    body: String,
}

impl Case {
    fn random(name: &str) -> Self {
        let scheme = Scheme::named(name).unwrap();
        let secret = random_secret(&scheme);
        Self { secret, scheme, id: format!("msg_{}", Uuid::new_v4().simple()), body: random_body() }
    }

    fn sign(&self) -> Vec<(String, String)> {
        let signing = Signing { id: &self.id, seconds: unix_seconds(SystemTime::now()), label: None };
        sign(&self.scheme, &key(&self.scheme, &self.secret), signing, self.body.as_bytes()).unwrap()
    }

    /// The status of the endpoint's answer to the body with these headers.
    fn send(&self, headers: &[(String, String)], body: &str) -> u16 {
        let keys = vec![key(&self.scheme, &self.secret)];
        let tolerance = self.scheme.tolerance.unwrap_or_default();
        let verifier = Verifier::new("it", self.scheme.clone(), keys, tolerance);
        let receiver = TestReceiver::of(vec![Source::new(verifier)]);
        let request = Request::post("/webhooks/it");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        receiver.send(request.body(Bytes::from(body.to_owned())).unwrap(), SystemTime::now()).0
    }
}

/// Runs cases in both directions through a reference: `verdicts` answers a list of deliveries with a list of verdicts.
fn check(names: &[&str], verdicts: impl Fn(&Value) -> Value) {
    let cases: Vec<_> = (0..DELIVERIES).map(|index| Case::random(names[index % names.len()])).collect();
    let delivery = |case: &Case, body: &str| {
        json!({
            "scheme": case.scheme.name, "secret": case.secret, "id": case.id, "body": STANDARD.encode(body),
        })
    };
    let signed_by_us = |case: &Case, body: &str| {
        let mut delivery = delivery(case, body);
        // The reference knows the names of its own standard only.
        let headers: serde_json::Map<_, _> =
            case.sign().into_iter().map(|(name, value)| (name, value.into())).collect();
        delivery["headers"] = headers.into();
        delivery
    };
    let touched = |case: &Case| format!("{} ", case.body);
    let ours: Vec<_> = cases.iter().map(|case| signed_by_us(case, &case.body)).collect();
    for verdict in verdicts(&ours.into()).as_array().unwrap() {
        assert!(verdict.get("headers").is_some(), "what we signed was refused: {verdict}");
    }
    let spoilt: Vec<_> = cases
        .iter()
        .map(|case| {
            let mut delivery = signed_by_us(case, &case.body);
            delivery["body"] = STANDARD.encode(touched(case)).into();
            delivery
        })
        .collect();
    for verdict in verdicts(&spoilt.into()).as_array().unwrap() {
        assert!(verdict.get("refused").is_some(), "the reference does not look at the body");
    }
    let theirs: Vec<_> = cases.iter().map(|case| delivery(case, &case.body)).collect();
    let theirs = verdicts(&theirs.into());
    assert_eq!(theirs.as_array().unwrap().len(), DELIVERIES);
    for (case, verdict) in cases.iter().zip(theirs.as_array().unwrap()) {
        let headers = verdict["headers"].as_object().unwrap();
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        assert_eq!(case.send(&headers, &case.body), 202, "what {} signed was refused", case.scheme.name);
        assert_eq!(case.send(&headers, &touched(case)), 401);
    }
}

/// Sends deliveries to a program, and reads its verdicts.
fn ask(command: &mut Command, deliveries: &Value) -> Value {
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(deliveries.to_string().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn script(name: &str) -> String {
    fs::canonicalize(Path::new("tests/references").join(name)).unwrap().to_str().unwrap().to_owned()
}

#[test]
fn the_python_libraries_agree_with_us() {
    let python = setup::python("references", &PYTHON);
    check(&["standard-webhooks", "stripe"], |deliveries| {
        ask(Command::new(&python).arg(script("reference.py")), deliveries)
    });
}

#[test]
fn the_javascript_libraries_agree_with_us() {
    let folder = setup::node("references", &NODE);
    // A module finds only libraries beside itself.
    fs::copy(script("reference.mjs"), folder.join("reference.mjs")).unwrap();
    check(&["standard-webhooks", "github"], |deliveries| {
        ask(Command::new("node").arg(folder.join("reference.mjs")), deliveries)
    });
}

#[test]
fn the_rust_library_agrees_with_us() {
    check(&["standard-webhooks"], |deliveries| {
        let verdict = |delivery: &Value| {
            let text = |name: &str| delivery[name].as_str().unwrap();
            let webhook = standardwebhooks::Webhook::new(text("secret")).unwrap();
            let body = STANDARD.decode(text("body")).unwrap();
            let Some(headers) = delivery["headers"].as_object() else {
                let now = unix_seconds(SystemTime::now());
                let signature = webhook.sign(text("id"), now.cast_signed(), &body).unwrap();
                return json!({ "headers": {
                    "webhook-id": text("id"), "webhook-timestamp": now.to_string(), "webhook-signature": signature,
                }});
            };
            let mut map = http::HeaderMap::new();
            for (name, value) in headers {
                let name: http::HeaderName = name.parse().unwrap();
                map.insert(name, value.as_str().unwrap().parse().unwrap());
            }
            match webhook.verify(&body, &map) {
                Ok(()) => json!({ "headers": {} }),
                Err(error) => json!({ "refused": error.to_string() }),
            }
        };
        deliveries.as_array().unwrap().iter().map(verdict).collect()
    });
}

/// A secret whose last character has surplus bits, which no random one has.
#[test]
fn the_javascript_library_accepts_surplus_bits_as_we_do() {
    let folder = setup::node("references", &NODE);
    let copy = folder.join("surplus-bits.mjs");
    fs::copy(script("reference.mjs"), &copy).unwrap();
    let secrets =
        SURPLUS_BITS.iter().flat_map(|(secret, _)| [(*secret).to_owned(), format!("whsec_{secret}")]);
    let cases: Vec<_> = secrets.map(|secret| Case { secret, ..Case::random("standard-webhooks") }).collect();
    let delivery = |case: &Case| {
        json!({
            "scheme": case.scheme.name, "secret": case.secret, "id": case.id, "body": STANDARD.encode(&case.body),
        })
    };
    let verdict = ask(Command::new("node").arg(copy), &cases.iter().map(delivery).collect());
    for (case, verdict) in cases.iter().zip(verdict.as_array().unwrap()) {
        let headers = verdict["headers"].as_object().unwrap_or_else(|| panic!("{verdict}"));
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        assert_eq!(case.send(&headers, &case.body), 202, "{}", case.secret);
    }
}
