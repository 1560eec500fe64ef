//! The tool as its user sees it: a process, its output, its exit code.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
    sync::mpsc::channel,
    time::Duration,
};

use serde_json::Value;

use crate::support::{
    duffel::{ApiFault, DuffelStandIn, TOKEN},
    ministack::Backend,
    serve::Serve,
    snapshot, terminal,
    tool::{self, run_unread, text},
    topic::Topic,
};

const BODY: &str = "events/bodies/order.created.json";
const SECRET: &str = "QKfUULLQh+8SegYmIsF6kA==";

fn tool(arguments: &[&str]) -> Command {
    let mut command = tool::command(arguments);
    command.env("WEBHOOK_SECRET", SECRET);
    command
}

fn run(arguments: &[&str]) -> Output {
    tool(arguments).output().unwrap()
}

#[test]
fn serve_prints_the_message_that_a_consumer_receives() {
    let serve = Serve::start(&[]);
    let url = serve.line("Receiving on ");
    let secret = serve.line("Secret ");
    let send =
        |body: &str| tool(&["send", "--to", &url, body]).env("WEBHOOK_SECRET", &secret).output().unwrap();
    let accepted = send(BODY);
    assert!(accepted.status.success());
    assert_eq!(text(&accepted.stdout), "202 Accepted {\"status\":\"accepted\"}\n");
    let message = serve.message();
    assert_eq!(message["Body"].as_str().unwrap().as_bytes(), std::fs::read(BODY).unwrap());
    assert_eq!(message["MessageAttributes"]["event_type"]["StringValue"], "order.created");
    let logged = serve.logged();
    assert_eq!(logged["event.id"], "wev_0000A4tQSmKyqOrcySrGbo");
    assert_eq!(logged["message.id"], message["MessageId"]);
    assert_eq!(logged["status"], 202);
    let duplicate = send(BODY);
    assert!(duplicate.status.success());
    assert_eq!(text(&duplicate.stdout), "200 OK {\"status\":\"duplicate\"}\n");
    let ping = send("events/bodies/ping.triggered.json");
    assert!(ping.status.success());
    assert_eq!(serve.message()["MessageAttributes"]["event_type"]["StringValue"], "ping.triggered");
}

#[test]
fn serve_prints_how_to_send_a_delivery() {
    let serve = Serve::start(&[]);
    let mut greeting = Vec::new();
    while greeting.last().is_none_or(|line: &String| !line.trim_start().starts_with("--data-raw ")) {
        greeting.push(serve.log.recv_timeout(Duration::from_secs(20)).unwrap());
    }
    snapshot::assert("serve", &greeting.join("\n"));
}

#[test]
fn serve_prints_a_curl_command_that_works() {
    let serve = Serve::start(&[]);
    let mut command = "curl -i ".to_owned() + &serve.line("curl -i ");
    for prefix in ["-H ", "-H ", "--data-raw "] {
        command.truncate(command.trim_end_matches('\\').len());
        command = format!("{command} {prefix}{}", serve.line(prefix));
    }
    let url = command.split_whitespace().nth(2).unwrap().to_owned();
    let signature =
        command.split("x-duffel-signature: ").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    let body = command.split("--data-raw '").nth(1).unwrap().trim_end_matches('\'').to_owned();
    let response = ureq::post(&url).header("X-Duffel-Signature", signature).send(body).unwrap();
    assert_eq!(response.status(), 202);
}

#[test]
fn serve_refuses_what_is_signed_with_another_secret() {
    let serve = Serve::start(&[("WEBHOOK_SECRET", "mine")]);
    let url = serve.line("Receiving on ");
    let refused = run(&["send", "--to", &url, BODY]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(text(&refused.stdout), "401 Unauthorized {\"status\":\"unauthorized\"}\n");
    assert_eq!(
        text(&refused.stderr),
        "duffel-hooks: the delivery was refused with 401 Unauthorized: is WEBHOOK_SECRET the receiver's?\n"
    );
    let lost = run(&["send", "--to", &url.replace("duffel", "other"), BODY]);
    assert!(text(&lost.stderr).ends_with("404 Not Found: does the URL end in /webhooks/NAME?\n"));
    assert_eq!(serve.logged()["cause"], "mismatch");
}

#[test]
fn serve_reads_the_variables_of_the_function() {
    let serve = Serve::start(&[("WEBHOOK_SECRET", SECRET), ("EVENT_TYPES", "stays.*"), ("LIVE_MODE", "any")]);
    let url = serve.line("Receiving on ");
    assert_eq!(text(&run(&["send", "--to", &url, BODY]).stdout), "200 OK {\"status\":\"ignored\"}\n");
}

#[test]
fn serve_finds_sources_and_health_check_behind_the_base_path() {
    let serve = Serve::start(&[("BASE_PATH", "/in"), ("WEBHOOK_SECRET", SECRET)]);
    let url = serve.line("Receiving on ").replace("/webhooks/", "/in/webhooks/");
    let sent = run(&["send", "--to", &url, BODY]);
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    let health = url.replace("/webhooks/duffel", "/health");
    assert_eq!(ureq::get(&health).call().unwrap().body_mut().read_to_string().unwrap(), r#"{"status":"ok"}"#);
    assert_eq!(ureq::head(&health).call().unwrap().status(), 200);
}

#[test]
fn serve_answers_every_row_of_the_contract() {
    let serve = Serve::start(&[("WEBHOOK_SECRET", SECRET)]);
    let url = serve.line("Receiving on ");
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut unsigned = agent.post(&url).send("{}").unwrap();
    assert_eq!(unsigned.status(), 401);
    assert_eq!(unsigned.body_mut().read_to_string().unwrap(), r#"{"status":"unauthorized"}"#);
    let get = agent.get(&url).call().unwrap();
    assert_eq!((get.status().as_u16(), get.headers()["allow"].to_str().unwrap()), (405, "POST"));
    assert_eq!(agent.post(url.replace("duffel", "other")).send("{}").unwrap().status(), 404);
    let mut send =
        tool(&["send", "--to", &url, "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    send.stdin.take().unwrap().write_all(b"[]").unwrap();
    assert_eq!(
        text(&send.wait_with_output().unwrap().stdout),
        "400 Bad Request {\"status\":\"malformed\"}\n"
    );
    let large = tempfile::NamedTempFile::new().unwrap();
    let body = format!(r#"{{"id":"wev_1","type":"t","data":"{}"}}"#, "x".repeat(1 << 20));
    std::fs::write(large.path(), body).unwrap();
    let large = run(&["send", "--to", &url, large.path().to_str().unwrap()]);
    assert_eq!(text(&large.stdout), "413 Payload Too Large {\"status\":\"too_large\"}\n");
    // A body larger than the payload of an invocation is not read to its end.
    let endless = agent.post(&url).send(&vec![b'x'; 7 << 20]);
    assert!(endless.is_err() || endless.unwrap().status() == 413);
}

#[test]
fn verify_accepts_the_output_of_sign() {
    let header = text(&run(&["sign", BODY]).stdout).trim().to_owned();
    assert!(header.contains(",v2="));
    let verified = run(&["verify", BODY, "--signature", &header]);
    assert!(verified.status.success());
    assert!(text(&verified.stdout).starts_with("valid: v2 of 20"));
    for (body, header, reason) in [
        ("events/bodies/ping.triggered.json", header.as_str(), "no active secret made this signature"),
        (BODY, "nah", "a header of the signature is malformed: its form is --signature 't=SECONDS,v2=HEX'"),
        (BODY, "t=1,v1=8e009e73c195a338bb06f8cdc8f7e46a9f049ce8c6e94a4381544ed24eb1b7b7", "no active secret"),
    ] {
        let refused = run(&["verify", body, "--signature", header]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains(reason), "{}", text(&refused.stderr));
    }
}

#[test]
fn sign_makes_the_published_vector() {
    let signed = run(&["sign", BODY, "--timestamp", "1586620091"]);
    let vector = "t=1586620091,v2=8e009e73c195a338bb06f8cdc8f7e46a9f049ce8c6e94a4381544ed24eb1b7b7\n";
    assert_eq!(text(&signed.stdout), vector);
    let signed = run(&["sign", BODY, "--timestamp", "1586620091", "--label", "v1"]);
    assert_eq!(text(&signed.stdout), vector.replace("v2", "v1"));
    let stale = run(&["verify", BODY, "--signature", vector.trim()]);
    assert!(text(&stale.stderr).contains("s old, which is more than is tolerated"));
    let tolerated = run(&["verify", BODY, "--signature", vector.trim(), "--tolerance", "100y"]);
    assert_eq!(text(&tolerated.stdout), "valid: v2 of 2020-04-11T15:48:11Z\n");
}

#[test]
fn event_prints_the_event_of_a_gateway() {
    for gateway in ["http-api", "rest-api", "function-url"] {
        for arguments in [vec![], vec!["--base64"]] {
            let event =
                tool(&["gateway-event", BODY, "--gateway", gateway]).args(&arguments).output().unwrap();
            let request =
                duffel_webhook_receiver::gateway::GatewayRequest::read(&text(&event.stdout)).request;
            let header = request.headers()["x-duffel-signature"].to_str().unwrap().to_owned();
            assert_eq!(request.body()[..], std::fs::read(BODY).unwrap());
            assert_eq!(request.uri().path(), "/webhooks/duffel");
            assert!(run(&["verify", BODY, "--signature", &header]).status.success());
        }
    }
}

#[test]
fn errors_name_the_remedy() {
    let without_secret = tool(&["sign", BODY]).env_remove("WEBHOOK_SECRET").output().unwrap();
    assert_eq!(without_secret.status.code(), Some(1));
    assert!(text(&without_secret.stderr).contains("WEBHOOK_SECRET is not set: set it"));
    assert!(text(&run(&["sign", "no/such.json"]).stderr).contains("cannot read the body from no/such.json"));
    let nobody = run(&["send", "--to", "http://127.0.0.1:1/webhooks/duffel", BODY]);
    assert!(text(&nobody.stderr).contains("is the receiver running there?"), "{}", text(&nobody.stderr));
    let misconfigured = tool(&["serve", "--listen", "127.0.0.1:0"])
        .envs([("DEDUP_WINDOW", "soon"), ("LIVE_MODE", "both"), ("WEBHOOK_SECRET", "a,,b")])
        .output()
        .unwrap();
    assert_eq!(misconfigured.status.code(), Some(1));
    for variable in ["DEDUP_WINDOW", "LIVE_MODE", "WEBHOOK_SECRET"] {
        assert!(text(&misconfigured.stderr).contains(variable));
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let taken = run(&["serve", "--listen", &address]);
    assert!(text(&taken.stderr).contains("choose another with --listen"));
}

#[test]
fn serve_receives_from_every_source() {
    let sources = r#"{"duffel":{"scheme":"duffel","secret":"one"},"payments":{"scheme":"stripe","secret":["two","three"]}}"#;
    let serve = Serve::start(&[("SOURCES", sources)]);
    let (duffel, payments) = (serve.line("Receiving on "), serve.line("Receiving on "));
    assert!(duffel.ends_with("/webhooks/duffel") && payments.ends_with("/webhooks/payments"));
    let send = |secret: &str, arguments: &[&str]| {
        text(&tool(&["send", BODY]).args(arguments).env("WEBHOOK_SECRET", secret).output().unwrap().stdout)
    };
    assert_eq!(send("one", &["--to", &duffel]), "202 Accepted {\"status\":\"accepted\"}\n");
    assert_eq!(
        send("three", &["--to", &payments, "--scheme", "stripe"]),
        "202 Accepted {\"status\":\"accepted\"}\n"
    );
    assert_eq!(
        send("one", &["--to", &payments, "--scheme", "stripe"]),
        "401 Unauthorized {\"status\":\"unauthorized\"}\n"
    );
    assert_eq!(serve.message()["MessageAttributes"]["source"]["StringValue"], "duffel");
    assert_eq!(serve.message()["MessageAttributes"]["source"]["StringValue"], "payments");
    assert_eq!(serve.logged()["source"], "duffel");
}

#[test]
fn serve_takes_the_address_of_its_peer() {
    let own = r#"{"scheme":"duffel","secret":"one","allowed_ips":["127.0.0.0/8","::1"]}"#;
    let other = r#"{"scheme":"duffel","secret":"two","allowed_ips":["192.0.2.0/24"]}"#;
    let sources = format!(r#"{{"a-own":{own},"b-other":{other}}}"#);
    let serve = Serve::start(&[("SOURCES", &sources)]);
    let (own, other) = (serve.line("Receiving on "), serve.line("Receiving on "));
    for (secret, url, answer) in [
        ("one", own, "202 Accepted {\"status\":\"accepted\"}\n"),
        ("two", other, "403 Forbidden {\"status\":\"forbidden\"}\n"),
    ] {
        let sent = tool(&["send", BODY, "--to", &url]).env("WEBHOOK_SECRET", secret).output().unwrap();
        assert_eq!(text(&sent.stdout), answer, "{}", text(&sent.stderr));
    }
}

#[test]
fn serve_refuses_stored_sources() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:sources-a1b2c3";
    for arguments in
        [&["serve", "--listen", "127.0.0.1:0"][..], &["serve", "--forward", "--listen", "127.0.0.1:0"]]
    {
        let serve = tool(arguments).env("SOURCES_ARN", arn).output().unwrap();
        assert_eq!(serve.status.code(), Some(1));
        assert!(text(&serve.stderr).contains("give the value of the stored secret as SOURCES"));
    }
}

#[test]
fn serve_without_forward_refuses_secrets_in_aws() {
    let sources = r#"{"duffel":{"scheme":"duffel","secret_arn":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:a"}}"#;
    let serve = tool(&["serve", "--listen", "127.0.0.1:0"])
        .env_remove("WEBHOOK_SECRET")
        .env("SOURCES", sources)
        .output();
    assert!(
        text(&serve.unwrap().stderr).contains("source duffel: its secret is in AWS: give it as `secret`")
    );
}

#[test]
fn every_scheme_signs_what_it_verifies() {
    let generic = r#"{"scheme":"hmac-sha256","signature_header":"X-Signature","timestamp_header":"X-Timestamp","prefix":"v0="}"#;
    for (scheme, secret) in [
        ("stripe", "whsec_x"),
        ("github", SECRET),
        ("shopify", SECRET),
        ("standard-webhooks", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
        (generic, SECRET),
    ] {
        let run = |arguments: &[&str]| tool(arguments).env("WEBHOOK_SECRET", secret).output().unwrap();
        let signed = text(&run(&["sign", BODY, "--scheme", scheme]).stdout);
        let mut lines: Vec<_> = signed.lines().collect();
        let signature = lines.pop().unwrap();
        // Several headers are printed with their names.
        let signature = if lines.is_empty() { signature } else { signature.split_once(": ").unwrap().1 };
        let headers: Vec<_> = lines.iter().flat_map(|line| ["--header", line]).collect();
        let arguments =
            [&["verify", BODY, "--scheme", scheme, "--signature", signature], &headers[..]].concat();
        let verified = run(&arguments);
        assert!(verified.status.success(), "{scheme}: {}", text(&verified.stderr));
        let refused = run(&["verify", "Cargo.toml", "--scheme", scheme, "--signature", signature]);
        assert_eq!(refused.status.code(), Some(1));
    }
    let unknown = run(&["sign", BODY, "--scheme", "paypal"]);
    assert!(text(&unknown.stderr).contains("the schemes are duffel, standard-webhooks, stripe"));
    let misspelt = run(&["sign", BODY, "--scheme", r#"{"scheme":"hmac-sha256","prefx":"v0="}"#]);
    assert!(text(&misspelt.stderr).contains("prefx is not a field of this scheme"));
}

#[tokio::test]
async fn serve_forwards_to_the_real_queue_and_table() {
    let backend = Backend::new().await;
    let serve = Serve::forward(&backend, SECRET);
    let url = serve.line("Receiving on ");
    assert_eq!(serve.line("Forwarding to "), backend.queue_url);
    assert_eq!(text(&run(&["send", "--to", &url, BODY]).stdout), "202 Accepted {\"status\":\"accepted\"}\n");
    assert_eq!(text(&run(&["send", "--to", &url, BODY]).stdout), "200 OK {\"status\":\"duplicate\"}\n");
    let messages = backend.messages().await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].body().unwrap().as_bytes(), std::fs::read(BODY).unwrap());
}

#[tokio::test]
async fn serve_forwards_to_a_topic() {
    let (backend, topic) = (Backend::new().await, Topic::new().await);
    topic.subscribe(&backend, None).await;
    let variables = [&backend.variables()[..], &topic.variables(), &[("WEBHOOK_SECRET", SECRET)]].concat();
    let serve = Serve::forward_with(&variables);
    let url = serve.line("Receiving on ");
    assert_eq!(serve.line("Forwarding to "), topic.arn);
    assert_eq!(text(&run(&["send", "--to", &url, BODY]).stdout), "202 Accepted {\"status\":\"accepted\"}\n");
    let [message] = &backend.messages().await[..] else { panic!("one message") };
    assert_eq!(message.body().unwrap().as_bytes(), std::fs::read(BODY).unwrap());
}

#[test]
fn version_has_the_name_of_the_tool() {
    let version = format!("duffel-hooks {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(text(&run(&["--version"]).stdout), version);
}

#[test]
fn wrong_usage_of_send_exits_with_2() {
    let stripe = ["--scheme", "stripe"];
    for (arguments, reason) in [
        (&["--header", "X Foo: bar"][..], "not a valid header name"),
        (&["--header", "X-Foo: b\nr"], "not a valid header value"),
        (&["--header", "X-Foo"], "a colon after the name"),
        (&["--to", "http://"], "not a valid URL"),
        (&["--to", "ftp://127.0.0.1/webhooks/duffel"], "http:// or https://"),
        (&["--to", "127.0.0.1:1"], "did you mean http://127.0.0.1:1?"),
        (&["--label", "v9"], "--label: the scheme duffel has v1 and v2"),
        (&[&stripe[..], &["--label", "v2"]].concat(), "--label: the scheme stripe has v1"),
        (&["--scheme", "github", "--label", "v1"], "of the scheme github have no label"),
        (&["--id", "x"], "--id: the scheme duffel does not sign an id"),
        (&["--scheme", "nope"], "--scheme: the schemes are duffel,"),
    ] {
        let done = run(&[&["send", BODY], arguments].concat());
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {}", text(&done.stderr));
        assert!(text(&done.stderr).contains(reason), "{arguments:?}: {}", text(&done.stderr));
    }
}

#[test]
fn send_has_a_timeout() {
    // Nobody accepts the connection, but the operating system establishes it.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/webhooks/duffel", silent.local_addr().unwrap());
    let done = run(&["send", "--to", &url, BODY]);
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(text(&done.stderr), format!("duffel-hooks: no response from {url} within 30 s\n"));
}

#[test]
fn verify_takes_the_whole_header_line() {
    let header = text(&run(&["sign", BODY]).stdout).trim().to_owned();
    let verified = run(&["verify", BODY, "--signature", &format!("X-Duffel-Signature: {header}")]);
    assert!(verified.status.success(), "{}", text(&verified.stderr));
}

#[test]
fn verify_distinguishes_a_wrong_body_from_a_wrong_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("body.json");
    let path = path.to_str().unwrap();
    let body = std::fs::read_to_string(BODY).unwrap();
    let header = text(&run(&["sign", BODY]).stdout).trim().to_owned();
    let verify = |body: &str| {
        std::fs::write(path, body).unwrap();
        let done = run(&["verify", path, "--signature", &header]);
        assert_eq!(done.status.code(), Some(1));
        text(&done.stderr)
    };
    for (changed, says) in [
        (format!("{body}\n"), "without its last newline"),
        (format!("\u{feff}{body}"), "without its byte order mark"),
        (body.replace(",\"", ",\n  \""), "without the white space between its JSON tokens"),
    ] {
        let printed = verify(&changed);
        assert!(
            printed.contains("the secret is right and the body is not") && printed.contains(says),
            "{printed}"
        );
    }
    let printed = verify("another body\n");
    assert!(
        printed.contains(
            "no active secret made this signature: either the secret, the body or the header is wrong"
        ),
        "{printed}"
    );
    assert!(
        printed.contains("1 secret was tried, also with the usual mistakes in secret, body, time and form"),
        "{printed}"
    );
}

#[test]
fn verify_names_the_mistake_in_a_secret_or_in_the_form() {
    let sign = |secret: &str, scheme: &str| {
        let mut command = tool::command(["sign", BODY, "--scheme", scheme]);
        text(&command.env("WEBHOOK_SECRET", secret).output().unwrap().stdout).trim().to_owned()
    };
    let other = r#"{"scheme":"hmac-sha256","encoding":"base64"}"#;
    for (header, secret, scheme, says) in [
        (
            sign("hush", "duffel"),
            "new,\"hush\"",
            "duffel",
            "it would match secret 2 without the quotes around it",
        ),
        (sign("hush", "duffel"), "aHVzaA==", "duffel", "it would match decoded from base64"),
        (sign("hush", "hmac-sha256"), "hush", "duffel", "it would match without a time: the scheme has one"),
        (sign("hush", other), "hush", "hmac-sha256", "it would match in base64: the scheme has hex"),
        (
            sign("hush", "duffel").replacen("t=", "t=1", 1),
            "hush",
            "duffel",
            "either the secret, the body or the header is wrong",
        ),
    ] {
        let mut command = tool::command(["verify", BODY, "--scheme", scheme, "--signature", &header]);
        let done = command.env("WEBHOOK_SECRET", secret).output().unwrap();
        assert_eq!(done.status.code(), Some(1));
        let printed = text(&done.stderr);
        assert!(printed.contains(says) && !printed.contains(secret), "{says}: {printed}");
    }
}

#[test]
fn serve_takes_a_port_or_a_name() {
    for listen in ["0", "localhost:0"] {
        let mut command = tool(&["serve", "--listen", listen]);
        let serve = Serve::spawn(command.env_remove("WEBHOOK_SECRET"));
        assert!(serve.line("Receiving on ").starts_with("http://127.0.0.1:"));
    }
    let refused = run(&["serve", "--listen", "localhost"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("give a port, or an address and a port"));
}

#[test]
fn serve_prints_no_secret_that_it_was_given() {
    let secret = "a-secret-in-production";
    let mut serve = Serve::start(&[("WEBHOOK_SECRET", secret)]);
    let url = serve.line("Receiving on ");
    let sent = tool(&["send", "--to", &url, BODY]).env("WEBHOOK_SECRET", secret).output().unwrap();
    assert!(sent.status.success());
    let message = serve.message().to_string();
    let (out, log) = serve.rest();
    // `line` has read the greeting up to the URL.
    let printed = [&log[..], &[message], &out].concat().join("\n");
    assert!(printed.contains("with the same WEBHOOK_SECRET") && !printed.contains(secret), "{printed}");
    assert!(!log.join("\n").contains("x-duffel-signature"), "the greeting has a signed delivery: {log:?}");
}

#[test]
fn serve_prints_only_json_to_stdout() {
    let mut serve = Serve::start(&[]);
    let url = serve.line("Receiving on ");
    let secret = serve.line("Secret ");
    let mut sent = tool(&["send", "--to", &url, "order.created"]);
    assert!(sent.env("WEBHOOK_SECRET", &secret).output().unwrap().status.success());
    // Printed before the process is killed.
    let (first, mut lines) = (serve.lines.recv_timeout(Duration::from_secs(20)).unwrap(), Vec::new());
    while lines.last().is_none_or(|line| line != "}") {
        lines.push(serve.lines.recv_timeout(Duration::from_secs(20)).unwrap());
    }
    lines.insert(0, first);
    lines.extend(serve.rest().0);
    serde_json::from_str::<Value>(&lines.join("\n")).unwrap();
}

#[test]
fn the_command_that_serve_prints_works_in_any_folder() {
    let serve = Serve::start(&[]);
    let command = "WEBHOOK_SECRET=".to_owned() + &serve.line("WEBHOOK_SECRET=");
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output().unwrap();
    assert_eq!(text(&done.stdout), "202 Accepted {\"status\":\"accepted\"}\n", "{}", text(&done.stderr));
}

#[test]
fn serve_ends_if_nobody_reads_its_messages() {
    let mut serve = Serve::start(&[]);
    let (url, secret) = (serve.line("Receiving on "), serve.line("Secret "));
    drop(std::mem::replace(&mut serve.lines, channel().1));
    // The thread that reads the lines notices only when it sends the next one.
    for sample in ["order.created", "ping.triggered", "order.updated"] {
        let _ = tool(&["send", "--to", &url, sample]).env("WEBHOOK_SECRET", &secret).output().unwrap();
    }
    assert_eq!(serve.process.wait().unwrap().code(), Some(1));
    let log = serve.rest().1.join("\n");
    assert!(log.contains("the standard output is closed"), "{log}");
    assert!(log.contains("\"MessageAttributes\""), "what could not be printed is not in the log: {log}");
}

#[test]
fn send_reports_and_fails_if_it_cannot_print() {
    let serve = Serve::start(&[("WEBHOOK_SECRET", SECRET)]);
    let url = serve.line("Receiving on ");
    let done = run_unread(&mut tool(&["send", "--to", &url, BODY]));
    assert_eq!(done.status.code(), Some(1));
    let printed = text(&done.stderr);
    assert!(printed.starts_with("202 Accepted {\"status\":\"accepted\"}\n"), "{printed}");
    assert!(printed.contains("not all of it could be printed"), "{printed}");
    // A command that changes nothing succeeds.
    let listed = run_unread(&mut tool(&["sign", BODY]));
    assert_eq!((listed.status.code(), text(&listed.stderr).as_str()), (Some(0), ""));
}

#[test]
fn ctrl_c_ends_the_progress_line() {
    let duffel = DuffelStandIn::start();
    for number in 0..201 {
        duffel.occur("order.created", &serde_json::json!({ "id": format!("ord_{number}") }));
    }
    // The first page is answered at once, the second one late.
    for wait in [0, 10] {
        duffel.inject("GET /air/webhooks/events", &ApiFault::Slow(Duration::from_secs(wait)), 1);
    }
    let mut command = tool(&["events", "list", "--all"]);
    command.env("DUFFEL_API_URL", duffel.url()).env("DUFFEL_ACCESS_TOKEN", TOKEN);
    let done = terminal::interrupt(&command, "200 read");
    assert_eq!(done.status.code(), Some(130), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout), "\r200 read …\u{1b}[K^C\r\n", "{}", text(&done.stderr));
}
