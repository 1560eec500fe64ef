//! The local inspector of `serve`, over HTTP.

mod access;
mod bounds;
mod browser;
mod explanation;
mod forward;
mod search;
mod send;
mod stream;
pub mod terminal;

use std::process::Command;

use serde_json::{Value, json};
use ureq::http::Response;

use crate::support::{serve::Serve, tool};

/// A running `serve` with its inspector.
struct Inspector {
    serve: Serve,
    /// The address, without a path.
    url: String,
    agent: ureq::Agent,
}

impl Inspector {
    fn start(variables: &[(&str, &str)]) -> Self {
        Self::of(Serve::start(variables))
    }

    fn of(serve: Serve) -> Self {
        let url = serve.line("Receiving on ").split("/webhooks/").next().unwrap().to_owned();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { serve, url, agent }
    }

    fn get(&self, path: &str) -> Response<ureq::Body> {
        self.agent.get(format!("{}{path}", self.url)).call().unwrap()
    }

    fn json(&self, path: &str) -> Value {
        let mut response = self.get(path);
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
    }

    fn text(&self, path: &str) -> String {
        self.get(path).body_mut().read_to_string().unwrap()
    }

    /// Delivers a body with headers to a source, and returns the status.
    fn deliver(&self, source: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> u16 {
        let request = self.agent.post(format!("{}/webhooks/{source}", self.url));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send(body.as_ref()).unwrap().status().as_u16()
    }

    /// Asks for a delivery, and returns the status and the answer.
    fn ask(&self, order: &Value) -> (u16, Value) {
        let request = self.agent.post(format!("{}/inspector/send", self.url));
        let mut response =
            request.header("content-type", "application/json").send(order.to_string()).unwrap();
        let answer = response.body_mut().read_to_string().unwrap();
        (response.status().as_u16(), serde_json::from_str(&answer).unwrap())
    }

    /// Sends a delivery from the page, and returns it as the inspector shows it.
    fn send(&self, order: &Value) -> Value {
        let (status, answer) = self.ask(order);
        assert_eq!(status, 202, "{answer}");
        self.json(&format!("/inspector/deliveries/{}", answer["number"]))
    }

    fn sample(&self, kind: &str) -> Value {
        self.send(&json!({ "source": "duffel", "type": kind }))
    }

    fn newest(&self) -> Value {
        let number = self.json("/inspector/deliveries?limit=1")["deliveries"][0]["number"].clone();
        self.json(&format!("/inspector/deliveries/{number}"))
    }

    fn rows(&self) -> Vec<Value> {
        self.json("/inspector/deliveries")["deliveries"].as_array().unwrap().clone()
    }
}

/// Returns the signature header that `sign` makes of a body.
fn signature(secret: &str, body: &str, arguments: &[&str]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), body).unwrap();
    let mut command: Command = tool::command(["sign", file.path().to_str().unwrap()]);
    let signed = command.args(arguments).env("WEBHOOK_SECRET", secret).output().unwrap();
    tool::text(&signed.stdout).trim().to_owned()
}

#[test]
fn page_and_deliveries_are_shown_with_what_a_consumer_gets() {
    let inspector = Inspector::start(&[]);
    let page = inspector.get("/");
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert_eq!(
        inspector.get("/inspector/page.js").headers()["content-type"],
        "text/javascript; charset=utf-8"
    );
    assert_eq!(inspector.get("/inspector/page.css").headers()["content-type"], "text/css; charset=utf-8");
    assert_eq!(inspector.json("/inspector/deliveries")["deliveries"], json!([]));

    let delivery = inspector.sample("order.created");
    let message = inspector.serve.message();
    assert_eq!(delivery["message"], message);
    assert_eq!(delivery["body"]["text"], message["Body"]);
    assert_eq!(delivery["record"]["message_id"], message["MessageId"]);
    assert_eq!(delivery["record"]["identity"], message["MessageAttributes"]["identity"]["StringValue"]);
    let rows = inspector.rows();
    let row = rows[0].as_object().unwrap();
    assert!(row.iter().all(|(name, value)| delivery[name] == *value), "{row:?}");
    let fields = [
        ("number", json!(1)),
        ("source", json!("duffel")),
        ("method", json!("POST")),
        ("path", json!("/webhooks/duffel")),
        ("status", json!(202)),
        ("outcome", json!("accepted")),
        ("cause", json!(null)),
        ("event_type", json!("order.created")),
        ("sent_by", json!("page")),
    ];
    for (name, value) in fields {
        assert_eq!(row[name], value, "{name}");
    }
}

#[test]
fn queue_and_ledger_are_shown_as_they_stand() {
    let inspector = Inspector::start(&[("DEDUP_WINDOW", "3d")]);
    let first = inspector.sample("order.created");
    inspector.send(&json!({ "delivery": 1, "as": "same" }));
    inspector.sample("ping.triggered");
    let state = inspector.json("/inspector/state");
    assert_eq!((&state["queue"]["total"], &state["ledger"]["total"]), (&json!(2), &json!(2)));
    assert_eq!(state["queue"]["destination"], "memory");
    assert_eq!(state["window_s"], 3 * 24 * 3600);
    let sent: Vec<_> =
        state["queue"]["messages"].as_array().unwrap().iter().map(|sent| &sent["number"]).collect();
    assert_eq!(sent, [3, 1]);
    let message = &state["queue"]["messages"][1];
    assert_eq!(message["message_id"], first["message"]["MessageId"]);
    assert_eq!(message["group_id"], first["message"]["Attributes"]["MessageGroupId"]);
    assert_eq!(message["event_id"], first["event_id"]);
    let records = state["ledger"]["records"].as_array().unwrap();
    assert!(records.iter().any(|record| *record == first["record"]), "{records:?}");
    let source = json!({
        "name": "duffel", "scheme": "duffel", "url": format!("{}/webhooks/duffel", inspector.url), "can_sign": true,
    });
    assert_eq!(state["sources"], json!([source]));
}

#[test]
fn neither_page_nor_health_check_is_a_delivery() {
    let mut inspector = Inspector::start(&[("BASE_PATH", "/inspector")]);
    for path in
        ["/", "/inspector/deliveries", "/inspector/nothing", "/health", "/inspector/health", "/favicon.ico"]
    {
        inspector.get(path);
    }
    assert_eq!(inspector.rows(), Vec::<Value>::new());
    // Below the base path, a source is found as before.
    assert_eq!(inspector.deliver("../inspector/webhooks/duffel", &[], ""), 404);
    let url = format!("{}/inspector/webhooks/duffel", inspector.url);
    assert_eq!(inspector.agent.post(url).send("{}").unwrap().status(), 401);
    assert_eq!(inspector.agent.post(format!("{}/", inspector.url)).send("{}").unwrap().status(), 404);
    let rows = inspector.rows();
    let seen: Vec<_> = rows.iter().map(|row| (&row["path"], &row["outcome"])).collect();
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert_eq!(seen[1], (&json!("/inspector/webhooks/duffel"), &json!("unauthorized")));
    assert_eq!(seen[0], (&json!("/"), &json!("not_found")));
    let (_, log) = inspector.serve.rest();
    let logged: Vec<_> = log.iter().filter(|line| line.starts_with('{')).collect();
    assert_eq!(logged.len(), 4, "the icon and three deliveries: {logged:?}");
}

#[test]
fn credentials_are_masked_and_signatures_are_shown() {
    let inspector = Inspector::start(&[]);
    let headers = [
        ("authorization", "Bearer hush-1"),
        ("cookie", "session=hush-2"),
        ("x-api-key", "hush-3"),
        ("x-amz-security-token", "hush-4"),
        ("x-duffel-signature", "t=1,v2=ab"),
    ];
    assert_eq!(inspector.deliver("duffel?token=hush-5", &headers, "{}"), 401);
    let shown = [1, 2, 3].map(|form| {
        inspector.text(&format!("/inspector/deliveries/1{}", ["", "/curl", "/gateway-event"][form - 1]))
    });
    let row = inspector.rows()[0].to_string();
    for hidden in ["hush-1", "hush-2", "hush-3", "hush-4"] {
        assert!(shown.iter().all(|text| !text.contains(hidden)) && !row.contains(hidden), "{hidden}");
    }
    assert!(!row.contains("hush-5"), "{row}");
    let delivery: Value = serde_json::from_str(&shown[0]).unwrap();
    let headers = delivery["headers"].as_array().unwrap();
    assert!(headers.contains(&json!(["authorization", "•••", true])), "{headers:?}");
    assert!(headers.contains(&json!(["x-duffel-signature", "t=1,v2=ab", false])), "{headers:?}");
}

#[test]
fn no_secret_is_shown() {
    let secret = "\"a-secret-in-production\"";
    let mut inspector = Inspector::start(&[("WEBHOOK_SECRET", secret)]);
    inspector.sample("order.created");
    for form in ["same", "tampered", "stale", "other_secret"] {
        inspector.send(&json!({ "delivery": 1, "as": form }));
    }
    let body = "{}";
    let header = signature("a-secret-in-production", body, &[]);
    assert_eq!(inspector.deliver("duffel", &[("x-duffel-signature", &header)], body), 401);
    let mut shown = vec![inspector.text("/inspector/deliveries"), inspector.text("/inspector/state")];
    for number in 1..=6 {
        for form in ["", "/curl", "/gateway-event"] {
            shown.push(inspector.text(&format!("/inspector/deliveries/{number}{form}")));
        }
    }
    let (out, log) = inspector.serve.rest();
    shown.extend(out.into_iter().chain(log));
    assert!(shown.iter().all(|text| !text.contains("a-secret-in-production")));
}
