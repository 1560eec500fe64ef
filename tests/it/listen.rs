//! `listen`: Duffel's events at a receiver on this machine, whatever happens meanwhile.

use std::{
    collections::BTreeMap,
    io::Read,
    net::TcpListener,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Value, json};

use crate::support::{
    duffel::{ApiFault, DataIn, DuffelStandIn, LIVE_TOKEN, TOKEN, endpoint},
    runtime_api::reserved_address,
    serve::Serve,
    tool::{self, Done, run_unread},
};

const SECRET: &str = "QKfUULLQh+8SegYmIsF6kA==";

fn command(duffel: &DuffelStandIn, to: &str, arguments: &str) -> Command {
    let mut command = tool::command(["listen", "--to", to, "--interval", "1s"]);
    command.args(arguments.split_whitespace());
    command
        .env("DUFFEL_ACCESS_TOKEN", TOKEN)
        .env("DUFFEL_API_URL", duffel.url())
        .env("WEBHOOK_SECRET", SECRET);
    command
}

/// A running `listen` that has begun.
fn listen(duffel: &DuffelStandIn, to: &str, arguments: &str) -> Serve {
    let listen = Serve::spawn(&mut command(duffel, to, arguments));
    listen.line("Listening to ");
    listen
}

fn receiver() -> (Serve, String) {
    let serve = Serve::start(&[("WEBHOOK_SECRET", SECRET)]);
    let url = serve.line("Receiving on ");
    (serve, url)
}

/// The next line of the output, without its time.
fn line(listen: &Serve) -> String {
    let line = listen.lines.recv_timeout(Duration::from_secs(20)).unwrap();
    line.split_once("  ").unwrap().1.to_owned()
}

/// Ends a run, and returns its exit code and the lines that were not read yet.
fn end(mut listen: Serve, signal: &str) -> (i32, Vec<String>, String) {
    tool::signal(signal, &listen.process);
    let code = listen.process.wait().unwrap().code().unwrap();
    let (lines, log) = listen.rest();
    (code, lines, log.join("\n"))
}

fn order(number: usize) -> Value {
    json!({ "id": format!("ord_{number}"), "offer_id": format!("off_{number}") })
}

/// The bodies that a consumer of the receiver gets, and the number of deliveries of each event.
fn received(mut serve: Serve) -> (Vec<Value>, BTreeMap<String, usize>) {
    let (lines, log) = serve.rest();
    let text = lines.join("\n");
    let messages = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let body = |message: Value| serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
    let bodies = messages.map(|message| body(message.unwrap())).collect();
    let mut deliveries = BTreeMap::new();
    for logged in log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        if let Some(id) = logged["event.id"].as_str() {
            *deliveries.entry(id.to_owned()).or_default() += 1;
        }
    }
    (bodies, deliveries)
}

fn ids(bodies: &[Value]) -> Vec<&str> {
    bodies.iter().map(|body| body["id"].as_str().unwrap()).collect()
}

#[test]
fn events_that_happen_while_it_listens_are_delivered_once() {
    let duffel = DuffelStandIn::start();
    duffel.set(|settings| settings.data_in = DataIn::Lists);
    let (serve, url) = receiver();
    duffel.occur("order.created", &order(0));
    let listen = listen(&duffel, &url, "");
    let first = duffel.occur("order.created", &order(1));
    assert_eq!(line(&listen), format!("202  order.created  {first}  {{\"status\":\"accepted\"}}"));
    let second = duffel.occur("order.created", &order(2));
    assert_eq!(line(&listen), format!("202  order.created  {second}  {{\"status\":\"accepted\"}}"));
    // Long enough for more lists, each of which has all three events.
    thread::sleep(Duration::from_millis(2_500));
    let (code, lines, log) = end(listen, "INT");
    assert_eq!((code, lines), (0, Vec::new()));
    assert_eq!(log, "2 events delivered");
    let (bodies, deliveries) = received(serve);
    assert_eq!(ids(&bodies), [&first, &second]);
    assert_eq!(bodies[0]["data"]["object"], order(1));
    assert_eq!(deliveries, BTreeMap::from([(first, 1), (second, 1)]));
}

#[test]
fn a_generated_secret_is_printed_once_and_signs() {
    let duffel = DuffelStandIn::start();
    let port = reserved_address().port();
    let url = format!("http://127.0.0.1:{port}/webhooks/duffel");
    let mut command = command(&duffel, &url, "");
    let listen = Serve::spawn(command.env_remove("WEBHOOK_SECRET"));
    let secret = listen.line("Secret ");
    listen.line("Listening to ");
    let address = format!("127.0.0.1:{port}");
    let mut serve = tool::command(["serve", "--listen", &address]);
    let serve = Serve::spawn(serve.env("WEBHOOK_SECRET", &secret));
    serve.line("Receiving on ");
    let id = duffel.occur("ping.triggered", &json!({}));
    assert!(line(&listen).starts_with(&format!("202  ping.triggered  {id}")));
    assert!(!end(listen, "INT").2.contains(&secret));
}

#[test]
fn earlier_events_are_read_over_all_pages_and_delivered_in_their_order() {
    let duffel = DuffelStandIn::start();
    duffel.set(|settings| settings.data_in = DataIn::Lists);
    let now = SystemTime::now();
    let at = |minutes: u32| now - Duration::from_secs(60) * minutes;
    let too_old = duffel.occur_at(at(700), "order.created", &order(0));
    let expected: Vec<_> = (1..=450)
        .map(|number| {
            duffel.occur_at(at(600 - number), "order.created", &order(usize::try_from(number).unwrap()))
        })
        .collect();
    let (serve, url) = receiver();
    duffel.asked();
    let listen = listen(&duffel, &url, "--since 11h --json");
    let lines: Vec<Value> = expected
        .iter()
        .map(|_| serde_json::from_str(&listen.lines.recv_timeout(Duration::from_secs(20)).unwrap()).unwrap())
        .collect();
    assert_eq!(ids(&lines), expected);
    assert_eq!(
        (&lines[0]["status"], &lines[0]["type"], &lines[0]["outcome"], &lines[0]["has_data"]),
        (&json!(202), &json!("order.created"), &json!("accepted"), &json!(true))
    );
    let (code, rest, log) = end(listen, "TERM");
    assert_eq!((code, rest, log.as_str()), (0, Vec::new(), "450 events delivered"));
    let (bodies, deliveries) = received(serve);
    assert_eq!(ids(&bodies), expected);
    assert!(!deliveries.contains_key(&too_old) && deliveries.values().all(|times| *times == 1));
    let asked = duffel.asked();
    assert!(asked.len() >= 3 && asked.iter().all(|asked| asked.parameter("created_at[after]").is_some()));
}

#[test]
fn only_the_selected_types_are_delivered() {
    let duffel = DuffelStandIn::start();
    let (serve, url) = receiver();
    let listen = listen(&duffel, &url, "--type air.payment.*,order.created --type stays.booking.created");
    let mut expected = Vec::new();
    for (number, kind) in
        ["order.created", "air.payment.failed", "air.order.changed", "stays.booking.created"]
            .into_iter()
            .enumerate()
    {
        let id = duffel.occur(kind, &order(number));
        expected.extend(Some(id).filter(|_| kind != "air.order.changed"));
    }
    for _ in &expected {
        line(&listen);
    }
    thread::sleep(Duration::from_millis(1_500));
    assert_eq!(end(listen, "HUP").0, 0);
    assert_eq!(ids(&received(serve).0), expected);
}

#[test]
fn data_is_fetched_if_the_list_has_none_and_never_made_up() {
    for data_in in [DataIn::Event, DataIn::Deliveries] {
        let duffel = DuffelStandIn::start();
        duffel.set(|settings| settings.data_in = data_in);
        let (serve, url) = receiver();
        let listen = listen(&duffel, &url, "");
        let events = [1, 2].map(|number| duffel.occur("order.created", &order(number)));
        assert!(line(&listen).starts_with("202") && line(&listen).starts_with("202"));
        let (code, _, log) = end(listen, "INT");
        assert_eq!(code, 0);
        let (bodies, _) = received(serve);
        assert_eq!(ids(&bodies), events);
        let remarks = log.matches("Duffel's API returns no `data`").count();
        if data_in == DataIn::Event {
            assert_eq!((&bodies[1]["data"]["object"], remarks), (&order(2), 0));
        } else {
            let members: Vec<_> = bodies[1].as_object().unwrap().keys().collect();
            assert_eq!(members, ["api_version", "created_at", "id", "idempotency_key", "live_mode", "type"]);
            assert_eq!(remarks, 1, "{log}");
        }
        let fetched = duffel.asked().iter().filter(|asked| asked.what.contains("/events/wev_")).count();
        assert_eq!(fetched, 2);
    }
}

#[test]
fn rate_limits_are_honoured() {
    let duffel = DuffelStandIn::start();
    let (serve, url) = receiver();
    let listen = listen(&duffel, &url, "");
    duffel.inject("GET /air/webhooks/events", &ApiFault::RetryAfter(429, 3), 1);
    let began = Instant::now();
    listen.line("duffel-hooks: Duffel's rate limit is reached (429)");
    duffel.asked();
    let id = duffel.occur("order.created", &order(1));
    assert!(line(&listen).contains(&id));
    assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
    // A limit of the organisation, which lists and single events share.
    duffel.set(|settings| settings.rate = Some((3, Duration::from_secs(2))));
    let events: Vec<_> = (2..10).map(|number| duffel.occur("order.created", &order(number))).collect();
    for id in &events {
        assert!(line(&listen).contains(id));
    }
    assert_eq!(end(listen, "INT").0, 0);
    let (bodies, deliveries) = received(serve);
    assert_eq!(bodies.len(), 9);
    assert!(deliveries.values().all(|times| *times == 1));
}

#[test]
fn faults_of_duffel_delay_events_and_lose_none() {
    let duffel = DuffelStandIn::start();
    let (serve, url) = receiver();
    let listen = listen(&duffel, &url, "");
    duffel.inject("GET /air/webhooks/events/wev_", &ApiFault::Status(500), 1);
    duffel.inject("GET /air/webhooks/events", &ApiFault::Status(500), 1);
    duffel.inject("GET /air/webhooks/events", &ApiFault::AnswerLost, 1);
    let id = duffel.occur("order.created", &order(1));
    assert!(listen.line("duffel-hooks: Duffel answered 500").ends_with("listing the events again in 1 s"));
    let failed = line(&listen);
    assert!(failed.starts_with(&format!("---  order.created  {id}  Duffel answered 500")), "{failed}");
    assert!(failed.ends_with("trying again in 1 s"), "{failed}");
    assert!(line(&listen).starts_with(&format!("202  order.created  {id}")));
    assert_eq!(end(listen, "INT").0, 0);
    assert_eq!(received(serve).1, BTreeMap::from([(id, 1)]));
}

#[test]
fn a_refusal_of_duffel_ends_it() {
    let duffel = DuffelStandIn::start();
    let mut refused = command(&duffel, "http://127.0.0.1:1/", "");
    let refused = Done::of(&refused.env("DUFFEL_ACCESS_TOKEN", "duffel_test_revoked").output().unwrap());
    refused.assert_failed(3, "The access token used is not recognized");
    refused.assert_failed(3, "Is DUFFEL_ACCESS_TOKEN right, and not revoked?");
}

#[test]
fn a_receiver_that_is_down_for_a_moment_gets_everything_in_order() {
    let duffel = DuffelStandIn::start();
    let port = reserved_address().port();
    let url = format!("http://127.0.0.1:{port}/webhooks/duffel");
    let listen = listen(&duffel, &url, "");
    let events: Vec<_> = (0..5).map(|number| duffel.occur("order.created", &order(number))).collect();
    let refused = line(&listen);
    assert_eq!(
        refused,
        format!("---  order.created  {}  the connection was refused: trying again in 1 s", events[0])
    );
    assert!(line(&listen).ends_with("the connection was refused: trying again in 2 s"));
    let address = format!("127.0.0.1:{port}");
    let serve = Serve::spawn(tool::command(["serve", "--listen", &address]).env("WEBHOOK_SECRET", SECRET));
    serve.line("Receiving on ");
    for id in &events {
        let line = std::iter::repeat_with(|| line(&listen)).find(|line| !line.starts_with("---")).unwrap();
        assert!(line.starts_with(&format!("202  order.created  {id}")), "{line}");
    }
    assert_eq!(end(listen, "INT").0, 0);
    assert_eq!(ids(&received(serve).0), events);
}

#[test]
fn events_of_one_object_keep_their_order_while_one_is_retried() {
    let duffel = DuffelStandIn::start();
    let url = endpoint(&[503, 429]);
    let [created, changed] = ["order.created", "air.order.changed"].map(|kind| duffel.occur(kind, &order(1)));
    let other = duffel.occur("order.created", &order(2));
    let listen = listen(&duffel, &url, "--since 1h");
    let lines: Vec<_> = (0..5).map(|_| line(&listen)).collect();
    let expected = [
        format!("503  order.created  {created}  {{}}: trying again in 1 s"),
        format!("429  order.created  {other}  {{}}: trying again in 1 s"),
        format!("202  order.created  {created}  {{}}"),
        format!("202  order.created  {other}  {{}}"),
        format!("202  air.order.changed  {changed}  {{}}"),
    ];
    assert_eq!((&lines[..3], lines.len()), (&expected[..3], 5));
    assert!(expected[3..].iter().all(|line| lines[3..].contains(line)), "{lines:?}");
    assert_eq!(end(listen, "INT").0, 0);
}

#[test]
fn a_refused_event_is_delivered_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("listen.json");
    let resume = format!("--resume {}", file.display());
    let duffel = DuffelStandIn::start();
    let (serve, url) = receiver();
    let mut wrong = command(&duffel, &url, &resume);
    let wrong = Serve::spawn(wrong.env("WEBHOOK_SECRET", "another"));
    wrong.line("Listening to ");
    let id = duffel.occur("order.created", &order(1));
    assert_eq!(
        line(&wrong),
        format!(
            "401  order.created  {id}  {{\"status\":\"unauthorized\"}}: refused: is this WEBHOOK_SECRET the receiver's?"
        )
    );
    let (code, lines, log) = end(wrong, "INT");
    assert_eq!((code, lines), (1, Vec::new()));
    let shown = file.display();
    let last_words = format!(
        "duffel-hooks: 0 events delivered, 1 refused\nto go on, run the same command again ({shown})"
    );
    assert!(log.ends_with(&last_words), "{log}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(&id) && !text.contains("off_1"), "{text}");

    let listen = listen(&duffel, &url, &resume);
    assert!(line(&listen).starts_with(&format!("202  order.created  {id}")));
    assert_eq!(end(listen, "INT").0, 0);
    assert_eq!(ids(&received(serve).0), [&id]);
}

#[test]
fn a_file_is_used_by_one_run_in_one_mode_and_must_be_valid() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("listen.json");
    let resume = format!("--resume {}", file.display());
    let duffel = DuffelStandIn::start();
    let url = endpoint(&[]);
    let first = listen(&duffel, &url, &resume);
    let second = Done::of(&command(&duffel, &url, &resume).output().unwrap());
    second.assert_failed(1, "another run uses the file");
    drop(first);
    let mut live = command(&duffel, &url, &format!("{resume} --live"));
    let live = Done::of(&live.env("DUFFEL_ACCESS_TOKEN", LIVE_TOKEN).output().unwrap());
    live.assert_failed(1, "is about events of test mode, and the access token is of live mode");
    std::fs::write(&file, "{}").unwrap();
    let broken = Done::of(&command(&duffel, &url, &resume).output().unwrap());
    broken.assert_failed(1, "is not a valid file of --resume");
}

#[test]
fn an_event_that_duffel_has_no_more_is_reported_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("listen.json");
    let open = json!({ "id": "wev_gone", "type": "order.created", "object": "ord_1", "created_at": null });
    let text = json!({
        "mode": "test", "after": "2026-01-01T00:00:00Z", "seen": {}, "open": [open], "unclear": ["wev_gone"],
    });
    std::fs::write(&file, text.to_string()).unwrap();
    let duffel = DuffelStandIn::start();
    let url = endpoint(&[]);
    let resume = format!("--resume {}", file.display());
    let listen = Serve::spawn(&mut command(&duffel, &url, &resume));
    assert!(
        listen
            .line("duffel-hooks: the last run ended while wev_gone was in flight")
            .contains("may arrive twice")
    );
    assert_eq!(line(&listen), "---  order.created  wev_gone  Duffel does not have it any more");
    assert_eq!(end(listen, "INT").0, 0);
}

#[test]
fn live_events_are_delivered_only_if_they_are_asked_for() {
    let duffel = DuffelStandIn::start();
    let (serve, url) = receiver();
    let run = |arguments: &str, token: &str| {
        Done::of(&command(&duffel, &url, arguments).env("DUFFEL_ACCESS_TOKEN", token).output().unwrap())
    };
    run("", LIVE_TOKEN).assert_failed(2, "DUFFEL_ACCESS_TOKEN is a token of live mode");
    run("--live", TOKEN).assert_failed(2, "--live: DUFFEL_ACCESS_TOKEN is a token of test mode");
    assert!(duffel.asked().is_empty());
    let mut live = command(&duffel, &url, "--live");
    let live = Serve::spawn(live.env("DUFFEL_ACCESS_TOKEN", LIVE_TOKEN));
    live.line("Listening to ");
    let id = duffel.occur_live("order.created", &order(1));
    assert!(line(&live).contains(&id));
    assert_eq!(end(live, "INT").0, 0);
    assert_eq!(received(serve).0[0]["live_mode"], json!(true));
}

/// A token without the usual prefix does not say its mode. The events do.
#[test]
fn a_live_event_of_a_token_of_unknown_mode_is_not_delivered() {
    let duffel = DuffelStandIn::start();
    let (mut serve, url) = receiver();
    let event = r#"{"data":[{"id":"wev_1","type":"order.created","live_mode":true}],"meta":{"after":null}}"#;
    duffel.inject("GET /air/webhooks/events", &ApiFault::Answer(200, event), 1);
    let mut unknown = command(&duffel, &url, "--since 1h");
    let unknown = Done::of(&unknown.env("DUFFEL_ACCESS_TOKEN", "other").output().unwrap());
    unknown.assert_failed(1, "wev_1 is not an event of the mode that was asked for: see --live");
    assert_eq!(serve.rest().1.iter().filter(|line| line.contains("wev_1")).count(), 0);
}

#[test]
fn events_are_delivered_once_whatever_duffel_leaves_out_of_its_lists() {
    let duffel = DuffelStandIn::start();
    duffel.set(|settings| (settings.ignores_filters, settings.hides_times) = (true, true));
    let (serve, url) = receiver();
    let folder = tempfile::tempdir().unwrap();
    let resume = format!("--resume {}", folder.path().join("listen.json").display());
    duffel.occur("order.created", &order(0));
    let mut expected = Vec::new();
    for run in [1, 2] {
        let listen = listen(&duffel, &url, &resume);
        for number in [1, 2] {
            expected.push(duffel.occur("order.created", &order(10 * run + number)));
            assert!(line(&listen).contains(&expected[expected.len() - 1]));
        }
        thread::sleep(Duration::from_millis(1_200));
        assert_eq!(end(listen, "INT").1, Vec::<String>::new());
    }
    let (bodies, deliveries) = received(serve);
    assert_eq!(ids(&bodies), expected);
    assert!(deliveries.values().all(|times| *times == 1), "{deliveries:?}");
}

/// A receiver that accepts connections and never responds.
fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1]).unwrap();
            open.push(stream);
        }
    });
    url
}

#[test]
fn a_second_interruption_does_not_wait_for_the_response() {
    let duffel = DuffelStandIn::start();
    let folder = tempfile::tempdir().unwrap();
    let resume = format!("--resume {}", folder.path().join("listen.json").display());
    let url = silent();
    let mut interrupted = listen(&duffel, &url, &resume);
    let id = duffel.occur("order.created", &order(1));
    wait_until_written(&folder.path().join("listen.json"), &format!("\"unclear\": [\n    \"{id}\""));
    tool::signal("HUP", &interrupted.process);
    interrupted.line("duffel-hooks: waiting for the response to ");
    // The kernel and the shell may both send it.
    tool::signal("HUP", &interrupted.process);
    thread::sleep(Duration::from_millis(300));
    assert!(interrupted.process.try_wait().unwrap().is_none());
    let (code, _, log) = end(interrupted, "TERM");
    assert_eq!(code, 1);
    assert!(log.contains("0 events delivered, 1 waiting"), "{log}");
    assert!(log.contains(&format!("{id} was in flight: it may have arrived")), "{log}");

    let (serve, url) = receiver();
    let resumed = Serve::spawn(&mut command(&duffel, &url, &resume));
    resumed.line(&format!("duffel-hooks: the last run ended while {id} was in flight"));
    assert!(line(&resumed).contains(&id));
    assert_eq!(end(resumed, "INT").0, 0);
    assert_eq!(received(serve).1, BTreeMap::from([(id, 1)]));
}

fn wait_until_written(file: &Path, text: &str) {
    let began = Instant::now();
    while !std::fs::read_to_string(file).is_ok_and(|written| written.contains(text)) {
        assert!(began.elapsed() < Duration::from_secs(20), "not written: {text}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn it_ends_if_nobody_reads_its_output() {
    let duffel = DuffelStandIn::start();
    duffel.occur("order.created", &order(1));
    let url = endpoint(&[]);
    let ended = Done::of(&run_unread(&mut command(&duffel, &url, "--since 1h")));
    ended.assert_failed(1, "the standard output is closed");
    ended.assert_failed(1, "1 event delivered");
}

/// Runs of one file, each of which ends after a random time: by a signal in the first half, by a crash in the second.
#[test]
fn interrupted_runs_deliver_every_event_and_report_each_that_may_arrive_twice() {
    let duffel = DuffelStandIn::start();
    let (serve, url) = receiver();
    let folder = tempfile::tempdir().unwrap();
    let resume = format!("--resume {} --since 1h", folder.path().join("listen.json").display());
    let seed = std::env::var("LISTEN_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("LISTEN_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut expected = BTreeMap::new();
    let mut doubtful = BTreeMap::<String, usize>::new();
    let mut history = Vec::new();
    for run in 0..24 {
        let is_last = run == 23;
        for number in 0..10 {
            let id = duffel.occur("order.created", &order(10 * run + number));
            expected.insert(id, 1);
        }
        let mut process = Serve::spawn(&mut command(&duffel, &url, &resume));
        if is_last {
            // Ends when there is nothing left.
            let first = process.lines.recv_timeout(Duration::from_secs(20)).unwrap();
            history.push(format!("run {run}: {first}"));
            while let Ok(line) = process.lines.recv_timeout(Duration::from_secs(3)) {
                history.push(format!("run {run}: {line}"));
            }
            let (code, _, log) = end(process, "INT");
            assert_eq!(code, 0, "{log}");
            count_doubtful(&log, &mut doubtful);
            break;
        }
        thread::sleep(Duration::from_millis(random.u64(5..400)));
        let is_crash = run >= 12;
        tool::signal(if is_crash { "KILL" } else { ["INT", "TERM", "HUP"][run % 3] }, &process.process);
        let status = process.process.wait().unwrap();
        let (lines, log) = process.rest();
        history.extend(log.iter().chain(&lines).map(|line| format!("run {run}, {status}: {line}")));
        count_doubtful(&log.join("\n"), &mut doubtful);
    }
    let (bodies, deliveries) = received(serve);
    assert_eq!(bodies.len(), expected.len());
    println!("{} events, {doubtful:?} reported as in flight", expected.len());
    for (id, times) in &deliveries {
        let allowed = 1 + doubtful.get(id).copied().unwrap_or_default();
        let lines: Vec<_> = history.iter().filter(|line| line.contains(id)).collect();
        assert!((1..=allowed).contains(times), "{id}: {times} deliveries: {lines:#?}");
    }
    assert_eq!(deliveries.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
}

fn count_doubtful(log: &str, doubtful: &mut BTreeMap<String, usize>) {
    for line in log.lines() {
        if let Some(rest) = line.strip_prefix("duffel-hooks: the last run ended while ") {
            *doubtful.entry(rest.split(' ').next().unwrap().to_owned()).or_default() += 1;
        }
    }
}
