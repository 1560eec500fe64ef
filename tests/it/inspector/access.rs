//! Who may read and use the inspector.

use std::{
    io::{Read, Write},
    net::{IpAddr, TcpStream, UdpSocket},
};

use serde_json::json;

use super::Inspector;
use crate::support::{serve::Serve, tool};

const PATHS: [&str; 7] = [
    "/",
    "/inspector/page.js",
    "/inspector/deliveries",
    "/inspector/stream",
    "/inspector/deliveries/1",
    "/inspector/state",
    "/inspector/samples",
];

/// Sends a request with exactly these headers, and returns the status and the whole answer.
fn request(address: &str, start: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let length = body.len();
    let text =
        format!("{start} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

/// Asserts that a request is refused, with the reason, and that a delivery is not.
fn assert_refused(inspector: &Inspector, headers: &[(&str, &str)], reason: &str) {
    let address = inspector.url.strip_prefix("http://").unwrap();
    let own = [("Host", address)];
    let has_host = headers.iter().any(|(name, _)| *name == "Host");
    let headers = if has_host { headers.to_vec() } else { [&own[..], headers].concat() };
    for path in PATHS {
        let (status, answer) = request(address, &format!("GET {path}"), &headers, "");
        assert_eq!(status, 403, "{path}: {answer}");
        assert!(answer.contains(reason), "{path}: {answer}");
        assert!(
            !answer.contains("instance") && !answer.to_lowercase().contains("access-control"),
            "{answer}"
        );
    }
    let json = [&headers[..], &[("Content-Type", "application/json")]].concat();
    let order = r#"{"source":"duffel","type":"order.created"}"#;
    assert_eq!(request(address, "POST /inspector/send", &json, order).0, 403);
    // A provider's delivery comes under any name, through any tunnel.
    assert_eq!(request(address, "POST /webhooks/duffel", &json, "{}").0, 401);
}

#[test]
fn another_name_of_this_machine_is_refused() {
    let inspector = Inspector::start(&[]);
    for host in ["evil.example", "evil.example:4567", "localhost.evil.example", "localhost", "localhost:1"] {
        assert_refused(&inspector, &[("Host", host)], "the Host header is not this machine's");
    }
    let address = inspector.url.strip_prefix("http://").unwrap();
    let port = address.rsplit(':').next().unwrap();
    assert_eq!(request(address, "GET /", &[], "").0, 403, "without a host");
    for name in ["localhost", "LocalHost", "127.0.0.1", "[::1]"] {
        let host = format!("{name}:{port}");
        assert_eq!(request(address, "GET /", &[("Host", &host)], "").0, 200, "{host}");
    }
    let elsewhere = format!("GET http://evil.example:{port}/");
    assert_eq!(request(address, &elsewhere, &[("Host", address)], "").0, 403);
}

#[test]
fn another_page_is_refused() {
    let inspector = Inspector::start(&[]);
    for origin in ["https://evil.example", "http://localhost:3000", "null"] {
        assert_refused(&inspector, &[("Origin", origin)], "a page of another origin");
    }
    for site in ["cross-site", "same-site"] {
        assert_refused(&inspector, &[("Sec-Fetch-Site", site)], "from another site");
    }
    let address = inspector.url.strip_prefix("http://").unwrap();
    let own = [("Host", address), ("Origin", &inspector.url), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(request(address, "GET /inspector/deliveries", &own, "").0, 200);
    assert_eq!(request(address, "GET /", &[("Host", address), ("Sec-Fetch-Site", "none")], "").0, 200);
    // The question of a browser before a request that is not simple.
    let asks = [&own[..2], &[("Access-Control-Request-Method", "POST")]].concat();
    let (status, answer) = request(address, "OPTIONS /inspector/send", &asks, "");
    assert_eq!(status, 405, "{answer}");
    assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
}

#[test]
fn a_tunnel_is_refused() {
    let inspector = Inspector::start(&[]);
    for name in ["X-Forwarded-For", "Forwarded", "Via", "CF-Connecting-IP"] {
        assert_refused(&inspector, &[(name, "203.0.113.7")], "through a proxy or a tunnel");
    }
}

#[test]
fn a_post_without_the_content_type_of_json_is_refused() {
    let inspector = Inspector::start(&[]);
    let address = inspector.url.strip_prefix("http://").unwrap();
    let order = r#"{"source":"duffel","type":"order.created"}"#;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let headers = [("Host", address), ("Content-Type", kind)];
        assert_eq!(request(address, "POST /inspector/send", &headers, order).0, 403, "{kind}");
    }
    assert_eq!(request(address, "POST /inspector/send", &[("Host", address)], order).0, 403);
    assert_eq!(inspector.rows(), Vec::<serde_json::Value>::new());
}

#[test]
fn no_get_changes_anything() {
    let inspector = Inspector::start(&[]);
    inspector.sample("order.created");
    let before = (inspector.json("/inspector/deliveries"), inspector.json("/inspector/state"));
    for path in PATHS.iter().filter(|path| **path != "/inspector/stream") {
        inspector.get(path);
        inspector.get(&format!("{path}?source=duffel&type=order.created"));
    }
    let sent = inspector.get("/inspector/send?source=duffel&type=order.created");
    assert_eq!((sent.status().as_u16(), &sent.headers()["allow"]), (405, &"POST".parse().unwrap()));
    for path in PATHS.iter().filter(|path| **path != "/") {
        let posted = inspector.agent.post(format!("{}{path}", inspector.url));
        let posted = posted.header("content-type", "application/json").send("{}").unwrap();
        assert_eq!(posted.status(), 405, "{path}");
    }
    assert_eq!((inspector.json("/inspector/deliveries"), inspector.json("/inspector/state")), before);
}

#[test]
fn a_client_on_another_machine_has_deliveries_only() {
    // No packet is sent.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let own = socket.connect("203.0.113.7:9").and_then(|()| socket.local_addr()).map(|address| address.ip());
    let Some(IpAddr::V4(own)) = own.ok().filter(|address| !address.is_loopback()) else {
        eprintln!("not tested: this machine has no address but loopback");
        return;
    };
    let serve = Serve::spawn(&mut tool::command(["serve", "--listen", "0.0.0.0:0"]));
    let url = serve.line("Receiving on ");
    let port = url.split(':').nth(2).unwrap().split('/').next().unwrap().to_owned();
    let address = format!("{own}:{port}");
    for host in [format!("localhost:{port}"), address.clone()] {
        for path in PATHS {
            let (status, answer) = request(&address, &format!("GET {path}"), &[("Host", &host)], "");
            assert_eq!(status, 403, "{path}");
            assert!(answer.contains("clients on this machine only"), "{answer}");
        }
    }
    assert_eq!(request(&address, "POST /webhooks/duffel", &[("Host", &address)], "{}").0, 401);
    let local = format!("127.0.0.1:{port}");
    let (status, answer) = request(&local, "GET /inspector/deliveries", &[("Host", &local)], "");
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains(&json!("unauthorized").to_string()), "{answer}");
}
