//! `trigger`, and `send --new`: events that are new each time, at a real receiver.

use std::{
    collections::BTreeSet,
    fs,
    io::Read,
    net::TcpListener,
    process::{Command, Output},
};

use duffel_webhook_receiver::{
    consume::{Received, event::Payload},
    signature::scheme::Scheme,
};
use serde_json::{Value, json};

use crate::{
    contract::{errors, types_with_a_schema},
    support::{
        serve::Serve,
        tool::{self, Done, assert_success, text},
    },
};

const SECRET: &str = "QKfUULLQh+8SegYmIsF6kA==";
const WHSEC: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// The secret of a scheme's source. Sources must not share one.
fn secret(scheme: &str) -> String {
    if scheme == "standard-webhooks" { WHSEC.to_owned() } else { format!("{SECRET}{scheme}") }
}

/// A receiver with a source for each scheme, by its name.
struct Receiver {
    serve: Serve,
    /// The URL without the name of the source.
    url: String,
}

impl Receiver {
    fn start() -> Self {
        let sources = Scheme::NAMES
            .map(|scheme| (scheme.to_owned(), json!({ "scheme": scheme, "secret": secret(scheme) })));
        let sources: serde_json::Map<_, _> = sources.into_iter().collect();
        let serve = Serve::start(&[("SOURCES", &Value::from(sources).to_string())]);
        let line = serve.line("Receiving on ");
        let url = line.rsplit_once('/').unwrap().0.to_owned() + "/";
        Self { serve, url }
    }

    fn run(&self, scheme: &str, arguments: &[&str]) -> Output {
        let mut command = tool::command(arguments);
        command.args(["--to", &format!("{}{scheme}", self.url)]);
        command.env("WEBHOOK_SECRET", secret(scheme)).output().unwrap()
    }

    fn received(&self) -> Received {
        Received::read(self.serve.message()).unwrap()
    }

    /// Triggers an event that the receiver accepts. Returns its message.
    fn accepted(&self, scheme: &str, arguments: &[&str]) -> Received {
        let done = self.run(scheme, &[&["trigger"], arguments].concat());
        assert_success(&done);
        assert!(
            text(&done.stdout).starts_with("202 Accepted {\"status\":\"accepted\"} "),
            "{}",
            text(&done.stdout)
        );
        self.received()
    }
}

fn body(message: &Received) -> Value {
    serde_json::from_slice(message.body()).unwrap()
}

/// Runs the tool without a receiver.
fn run(arguments: &[&str]) -> Done {
    let mut command: Command = tool::command(arguments);
    Done::of(&command.env("WEBHOOK_SECRET", SECRET).output().unwrap())
}

/// The rows of `trigger --list`: scheme, type and basis.
fn listed() -> Vec<[String; 3]> {
    let done = run(&["trigger", "--list"]);
    let mut lines = done.lines().into_iter().map(|line| {
        let cells: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        cells.try_into().unwrap()
    });
    assert_eq!(lines.next(), Some(["SCHEME", "TYPE", "PAYLOAD"].map(str::to_owned)));
    lines.collect()
}

/// Every type goes through the receiver, and has the form that is documented.
#[test]
fn every_listed_type_is_accepted_and_valid_by_the_contract() {
    let receiver = Receiver::start();
    let with_schema = types_with_a_schema();
    let mut documents = Vec::new();
    let mut kinds = BTreeSet::new();
    for [scheme, kind, basis] in listed() {
        let done = receiver.run(&scheme, &["trigger", &kind]);
        assert_success(&done);
        // What is not documented is said, and nothing else.
        let caveat = text(&done.stderr);
        assert_eq!(caveat.is_empty(), basis == "documented", "{kind}: {caveat}");
        assert!(caveat.is_empty() || caveat.contains(&kind), "{kind}: {caveat}");
        let message = receiver.received();
        assert_eq!((message.source(), message.kind()), (&*scheme, Some(&*kind)));
        let id = message.event_id().unwrap();
        let line = format!("202 Accepted {{\"status\":\"accepted\"}} {kind} {id}\n");
        assert_eq!(text(&done.stdout), line);
        if scheme == "duffel" {
            let has_schema = with_schema.contains(&kind);
            assert_eq!(
                has_schema,
                ["documented", "observed", "reported"].contains(&&*basis) && kind != "air.order.changed"
            );
            documents.push((
                if has_schema { format!("{kind}.json") } else { "envelope.json".to_owned() },
                body(&message),
            ));
            kinds.insert(kind);
        }
    }
    for kind in Payload::KINDS.into_iter().chain(["cars.booking.created", "cars.booking.cancelled"]) {
        assert!(kinds.contains(kind), "{kind}");
    }
    let found = errors(documents.iter().map(|(schema, document)| (&**schema, document.clone())));
    for (error, document) in found.iter().zip(&documents) {
        assert_eq!(*error, None, "{document:?}");
    }
}

#[test]
fn each_event_has_new_ids() {
    let receiver = Receiver::start();
    let done = receiver.run("duffel", &["trigger", "order.created", "--count", "3"]);
    assert_success(&done);
    let lines = text(&done.stdout);
    assert_eq!(lines.lines().filter(|line| line.starts_with("202 ")).count(), 3, "{lines}");
    let bodies: Vec<_> = (0..3).map(|_| body(&receiver.received())).collect();
    for pointer in ["/id", "/idempotency_key", "/data/object/id", "/data/object/offer_id"] {
        let ids: BTreeSet<_> =
            bodies.iter().map(|body| body.pointer(pointer).unwrap().as_str().unwrap()).collect();
        assert_eq!(ids.len(), 3, "{pointer}: {ids:?}");
    }
    for (line, body) in lines.lines().zip(&bodies) {
        assert!(line.ends_with(&format!("order.created {}", body["id"].as_str().unwrap())), "{line}");
        assert_eq!(body["idempotency_key"], body["data"]["object"]["id"]);
        assert_eq!(body["live_mode"], false);
    }
}

#[test]
fn one_event_is_repeated_under_its_id() {
    let receiver = Receiver::start();
    for (scheme, kind) in
        [("duffel", "air.order.changed"), ("github", "push"), ("standard-webhooks", "contact.created")]
    {
        let done = receiver.run(scheme, &["trigger", kind, "--count", "3", "--same-id"]);
        assert_success(&done);
        let lines = text(&done.stdout);
        let statuses: Vec<_> = lines.lines().map(|line| line.split(" {").next().unwrap()).collect();
        assert_eq!(statuses, ["202 Accepted", "200 OK", "200 OK"], "{lines}");
        let ids: BTreeSet<_> = lines.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
        assert_eq!(ids.len(), 1, "{lines}");
    }
    assert_eq!(run(&["trigger", "push", "--same-id"]).code, 2);
}

#[test]
fn values_are_set_at_json_pointers() {
    let receiver = Receiver::start();
    let changes = [
        ["--set", "/data/object/order_id=ord_1"],
        ["--set", "/idempotency_key=ord_1"],
        ["--set", "/live_mode=true"],
        ["--set", "/data/object/new/list=[1,2]"],
        ["--set", "/data/object/number=\"7\""],
    ];
    let message = receiver.accepted("duffel", &[&["air.order.changed"], &changes.concat()[..]].concat());
    let body = body(&message);
    let expected = json!({ "order_id": "ord_1", "new": { "list": [1, 2] }, "number": "7" });
    assert_eq!(body["data"]["object"], expected);
    assert_eq!((message.idempotency_key(), message.live_mode()), (Some("ord_1"), Some(true)));
    // A type that is not in the list.
    let message = receiver.accepted("duffel", &["order.created", "--set", "/type=rail.booking.created"]);
    assert_eq!(message.kind(), Some("rail.booking.created"));
}

#[test]
fn the_scheme_is_that_of_the_type_and_may_be_configured() {
    let receiver = Receiver::start();
    let message = receiver.accepted("shopify", &["orders/create"]);
    assert_eq!(message.attribute("shop"), Some("example.myshopify.com"));
    // Headers of the command line take precedence.
    let message = receiver.accepted("github", &["push", "--header", "X-GitHub-Delivery: mine"]);
    assert_eq!(message.event_id(), Some("mine"));
    let sources = r#"{"other":{"scheme":"hmac-sha256","secret":"one","signature_header":"X-Sig","type":"/meta/event"}}"#;
    let serve = Serve::start(&[("SOURCES", sources)]);
    let url = serve.line("Receiving on ");
    let scheme = r#"{"scheme":"hmac-sha256","signature_header":"X-Sig","type":"/meta/event"}"#;
    let mut command = tool::command(["trigger", "example.created", "--to", &url, "--scheme", scheme]);
    assert_success(&command.env("WEBHOOK_SECRET", "one").output().unwrap());
    let message = Received::read(serve.message()).unwrap();
    assert_eq!(message.kind(), Some("example.created"));
}

#[test]
fn trigger_works_outside_the_repository_and_at_a_local_serve_by_default() {
    let folder = tempfile::tempdir().unwrap();
    let listed = tool::command(["trigger", "--list"]).current_dir(&folder).output().unwrap();
    assert_success(&listed);
    // Somebody's own `serve` may be running there.
    let Ok(listener) = TcpListener::bind("127.0.0.1:4567") else { return };
    for (kind, scheme) in [("order.created", "duffel"), ("push", "github")] {
        let mut command = tool::command(["trigger", kind]);
        command.current_dir(&folder).env("WEBHOOK_SECRET", SECRET);
        let process = tool::start(&mut command);
        let (mut stream, _) = listener.accept().unwrap();
        let mut start = [0; 128];
        let length = stream.read(&mut start).unwrap();
        drop(stream);
        let expected = format!("POST /webhooks/{scheme} HTTP/1.1\r\n");
        assert!(text(&start[..length]).starts_with(&expected), "{}", text(&start[..length]));
        let done = Done::of(&process.wait_with_output().unwrap());
        done.assert_failed(1, &format!("no response from http://127.0.0.1:4567/webhooks/{scheme} ("));
    }
}

#[test]
fn refused_deliveries_are_counted() {
    let serve = Serve::start(&[("WEBHOOK_SECRET", "another")]);
    let url = serve.line("Receiving on ");
    let done = run(&["trigger", "ping.triggered", "--to", &url, "--count", "2"]);
    done.assert_failed(
        1,
        "2 of 2 deliveries were refused with 401 Unauthorized: is WEBHOOK_SECRET the receiver's?",
    );
    assert_eq!(done.out.lines().count(), 2);
    run(&["trigger", "ping.triggered", "--to", &url])
        .assert_failed(1, "duffel-hooks: the delivery was refused with 401 Unauthorized");
    let unset = tool::command(["trigger", "ping.triggered", "--to", &url]).output().unwrap();
    Done::of(&unset).assert_failed(1, "WEBHOOK_SECRET is not set");
}

#[test]
fn wrong_usage_of_trigger_exits_with_2() {
    for (arguments, reason) in [
        (&["order.craeted"][..], "similar value exists: 'order.created'"),
        (&[], "<TYPE>"),
        (&["push", "--list"], "cannot be used with"),
        (&["order.created", "--scheme", "stripe"], "order.created is of another scheme: see trigger --list"),
        (&["order.created", "--count", "0"], "0 is not in 1.."),
        (&["order.created", "--set", "id=1"], "a JSON pointer begins with /"),
        (&["order.created", "--set", "/id"], "there must be a = after the JSON pointer"),
        (&["order.created", "--set", "/id/x=1"], "--set /id/x: the value above x is neither"),
        (&["order.created", "--to", "localhost:1"], "did you mean http://localhost:1?"),
        (&["order.created", "--label", "v9"], "--label: the scheme duffel has v1 and v2"),
    ] {
        run(&[&["trigger"], arguments].concat()).assert_failed(2, reason);
    }
}

#[test]
fn send_makes_a_new_event_of_a_file() {
    let receiver = Receiver::start();
    let path = "events/bodies/order.created.json";
    let original = fs::read_to_string(path).unwrap();
    let mut ids = BTreeSet::new();
    for _ in 0..2 {
        let done = receiver.run("duffel", &["send", path, "--new"]);
        assert_success(&done);
        assert_eq!(text(&done.stdout), "202 Accepted {\"status\":\"accepted\"}\n");
        let message = receiver.received();
        let (id, key) = (message.event_id().unwrap(), message.idempotency_key().unwrap());
        assert_eq!(text(&done.stderr), format!("/id is {id}\n/idempotency_key is {key}\n"));
        let back = text(message.body())
            .replace(id, "wev_0000A4tQSmKyqOrcySrGbo")
            .replace(key, "ord_0000ABd6wggSct7BoraU1o");
        assert_eq!(back, original, "nothing else is changed");
        ids.insert(id.to_owned());
    }
    assert_eq!(ids.len(), 2);
    // The id is in a header, and the body stays the same.
    for _ in 0..2 {
        let done = receiver.run("github", &["send", path, "--new", "--scheme", "github"]);
        assert_eq!(text(&done.stdout), "202 Accepted {\"status\":\"accepted\"}\n", "{}", text(&done.stderr));
        assert_eq!(text(receiver.received().body()), original);
    }
    run(&["send", "Cargo.toml", "--new"]).assert_failed(2, "--new: the body is not JSON");
}
