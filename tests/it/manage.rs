//! The commands that call Duffel's API, as their user sees them.

mod store;

use std::{
    process::Command,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Value, json};

use crate::support::{
    duffel::{ApiFault, DuffelStandIn, LIVE_TOKEN, TOKEN, endpoint},
    snapshot,
    test_receiver::DAY,
    tool::{self, Done, TOOL, run_unread},
};

fn tool(duffel: &DuffelStandIn, arguments: &str) -> Command {
    let mut command = tool::command(arguments.split_whitespace());
    command.env("DUFFEL_ACCESS_TOKEN", TOKEN).env("DUFFEL_API_URL", duffel.url());
    command
}

fn run(duffel: &DuffelStandIn, arguments: &str) -> Done {
    Done::of(&tool(duffel, arguments).output().unwrap())
}

#[test]
fn webhook_create_list_ping_update_delete() {
    let duffel = DuffelStandIn::start();
    let url = endpoint(&[202, 500]);
    let created = run(&duffel, &format!("webhooks create {url} --event order.created,air.order.changed"));
    assert_eq!(created.code, 0, "{}", created.err);
    let webhook = duffel.webhooks().remove(0);
    let id = webhook["id"].as_str().unwrap();
    let secret = webhook["secret"].as_str().unwrap();
    assert_eq!(created.out, format!("Webhook  {id}\nURL      {url}\nSecret   {secret}\n"));
    assert_eq!(webhook["events"], json!(["order.created", "air.order.changed"]));

    let listed = run(&duffel, "webhooks list");
    let lines = listed.lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["ID", "MODE", "ACTIVE", "CREATED", "URL", "EVENTS"]
    );
    let cells: Vec<_> = lines[1].split_whitespace().collect();
    assert_eq!([cells[0], cells[1], cells[2], cells[4]], [id, "test", "yes", &url]);
    assert_eq!(lines[0].find("MODE"), lines[1].find("test"));
    assert!(!listed.out.contains(secret));

    let pinged = run(&duffel, &format!("webhooks ping {id}"));
    assert_eq!(pinged.lines(), [format!("The endpoint of {id} accepted a ping.triggered event.")]);
    run(&duffel, &format!("webhooks ping {id}")).assert_failed(5, "Webhook failed to receive event");

    let updated = run(&duffel, &format!("webhooks update {id} --active false --event ping.triggered --json"));
    let record: Value = serde_json::from_str(updated.lines()[0]).unwrap();
    assert_eq!((&record["active"], &record["events"]), (&json!(false), &json!(["ping.triggered"])));
    assert_eq!(run(&duffel, &format!("webhooks update {id}")).code, 2);

    let unasked = run(&duffel, &format!("webhooks delete {id}"));
    unasked
        .assert_failed(2, &format!("there is no terminal to ask whether to delete webhook {id}: add --yes"));
    let deleted = run(&duffel, &format!("webhooks delete --yes {id}"));
    assert_eq!(deleted.lines(), [format!("Deleted {id}: Duffel does not deliver to it any more.")]);
    run(&duffel, &format!("webhooks delete --yes {id}"))
        .assert_failed(3, "Duffel answered 404 Not Found: Not found");
    assert_eq!(run(&duffel, "webhooks list").err, "No results.\n");
}

#[test]
fn second_webhook_is_refused_with_duffels_message() {
    let duffel = DuffelStandIn::start();
    let first = run(&duffel, "webhooks create https://example.com/webhooks/duffel --event a.b --json");
    let record: Value = serde_json::from_str(&first.out).unwrap();
    assert_eq!(record["secret"], duffel.webhooks()[0]["secret"]);
    let second = run(&duffel, "webhooks create https://example.com/webhooks/duffel --event a.b");
    second.assert_failed(3, "Duffel answered 422 Unprocessable Entity: Invalid request: Field");
    second.assert_failed(3, "a webhook for this organisation and mode already exists (validation_unique, ");
    second.assert_failed(3, " [request FsLh");
    second.assert_failed(
        3,
        "\nThere is one webhook per organisation and mode. `duffel-hooks webhooks list` shows it",
    );
    assert_eq!(second.out, "");
    // Live mode has a webhook of its own.
    let mut live = tool(&duffel, "webhooks create https://example.com/webhooks/duffel --event a.b");
    assert_eq!(Done::of(&live.env("DUFFEL_ACCESS_TOKEN", LIVE_TOKEN).output().unwrap()).code, 0);
}

#[test]
fn create_does_not_lose_the_secret_if_nobody_reads_stdout() {
    let duffel = DuffelStandIn::start();
    let create = "webhooks create https://example.com/webhooks/duffel --event a.b";
    for redirection in [">&-", ">/dev/null"] {
        for form in ["", "--json"] {
            let line = format!("{TOOL} {create} {form} {redirection}");
            let mut shell = Command::new("sh");
            shell.args(["-c", &line]).env("DUFFEL_ACCESS_TOKEN", TOKEN).env("DUFFEL_API_URL", duffel.url());
            let refused = Done::of(&shell.output().unwrap());
            refused.assert_failed(1, "no webhook was created: the standard output is closed or /dev/null");
            assert!(duffel.webhooks().is_empty());
        }
    }
    // If nobody reads stdout, it is printed to stderr.
    let unread = Done::of(&run_unread(&mut tool(&duffel, create)));
    let webhook = duffel.webhooks().remove(0);
    unread.assert_failed(1, &format!("Secret   {}", webhook["secret"].as_str().unwrap()));

    // The other commands that change something fail in the same way.
    let id = webhook["id"].as_str().unwrap();
    for (arguments, line) in [
        (format!("webhooks update {id} --active false"), format!("Webhook  {id}")),
        (format!("webhooks delete --yes {id}"), format!("Deleted {id}")),
    ] {
        Done::of(&run_unread(&mut tool(&duffel, &arguments))).assert_failed(1, &line);
    }
    assert!(duffel.webhooks().is_empty());
}

#[test]
fn invalid_arguments_are_refused_before_the_call() {
    let duffel = DuffelStandIn::start();
    for events in ["", " ", "a.b,", "a.b c.d"] {
        let mut command = tool(&duffel, "webhooks create https://example.com/webhooks/duffel --event");
        let refused = Done::of(&command.arg(events).output().unwrap());
        assert_eq!(refused.code, 2, "{events:?}: {}", refused.err);
    }
    assert!(duffel.asked().is_empty());
    let mut command = tool(&duffel, "webhooks create https://example.com/webhooks/duffel --event");
    assert_eq!(Done::of(&command.arg("a.b, c.d").output().unwrap()).code, 0);
    assert_eq!(duffel.webhooks()[0]["events"], json!(["a.b", "c.d"]));

    for (url, why) in [
        ("http://example.com/webhooks/duffel", "Duffel delivers over HTTPS only"),
        ("https://192.0.2.1/webhooks/duffel", "Duffel does not deliver to IP addresses"),
        ("https://localhost/webhooks/duffel", "Duffel cannot deliver to this machine"),
        ("example.com", "https://"),
    ] {
        let create = format!("webhooks create {url} --event a.b");
        for arguments in [create, format!("webhooks update end_1 --url {url}")] {
            let mut command = tool(&duffel, &arguments);
            // Nobody listens there.
            Done::of(&command.env("DUFFEL_API_URL", "https://127.0.0.1:1").output().unwrap())
                .assert_failed(2, why);
        }
    }
}

#[test]
fn ping_is_retried_until_the_receiver_has_read_the_secret() {
    let duffel = DuffelStandIn::start();
    let (id, _) = duffel.register(&endpoint(&[503, 202, 404]));
    let pinged = run(&duffel, &format!("webhooks ping {id}"));
    assert_eq!(
        (pinged.code, &*pinged.err),
        (
            0,
            "The endpoint responded 503: a receiver reads its secret at most every 30 s: trying again in 5 s\n"
        )
    );
    let began = Instant::now();
    let refused = run(&duffel, &format!("webhooks ping {id}"));
    refused.assert_failed(5, "The endpoint responded 404: see the receiver's log.\n");
    assert!(began.elapsed() < Duration::from_secs(4), "waiting does not help");
}

#[test]
fn events_are_listed_to_the_end_or_to_a_limit() {
    let duffel = DuffelStandIn::start();
    let mut ids: Vec<_> =
        (0..450).map(|order| duffel.occur("order.created", &json!({ "id": order.to_string() }))).collect();
    ids.reverse();
    let all = run(&duffel, "events list --all --json");
    assert_eq!((all.ids(), &*all.err), (ids.clone(), ""));
    let table = run(&duffel, "events list --all");
    assert_eq!(table.lines().len(), 451);
    let cells: Vec<_> = table.lines()[1].split_whitespace().collect();
    assert_eq!([cells[0], cells[1], cells[2], cells[4]], [&*ids[0], "order.created", "test", "449"]);
    let first = run(&duffel, "events list --json");
    assert_eq!(first.ids(), ids[..25]);
    assert_eq!(first.err, "There are more: see --limit and --all\n");
    let exactly = run(&duffel, "events list --json --limit 450");
    assert_eq!((exactly.ids().len(), &*exactly.err), (450, ""));
    // A reader that has read enough is not a failure.
    let mut head = Command::new("sh");
    let line = format!("{TOOL} events list --all | head -n 1");
    head.args(["-c", &line]).env("DUFFEL_ACCESS_TOKEN", TOKEN).env("DUFFEL_API_URL", duffel.url());
    let head = Done::of(&head.output().unwrap());
    assert_eq!((head.out.lines().count(), &*head.err), (1, ""));
}

#[test]
fn every_filter_of_a_list_is_applied() {
    let duffel = DuffelStandIn::start();
    let (webhook, _) = duffel.register(endpoint(&[500, 202, 202]).as_str());
    let now = SystemTime::now();
    let old = duffel.occur_at(now - 10 * DAY, "order.created", &json!({ "id": "ord_1" }));
    let mid = duffel.occur_at(now - 4 * DAY, "order.created", &json!({ "id": "ord_2" }));
    let new = duffel.occur_at(now - DAY, "air.order.changed", &json!({ "id": "ord_2" }));
    let events = |filter: &str| run(&duffel, &format!("events list --json {filter}")).ids();
    assert_eq!(events(""), [&*new, &mid, &old]);
    assert_eq!(events("--type order.created"), [&*mid, &old]);
    assert_eq!(events("--failed"), [&*old]);
    assert_eq!(events("--delivered"), [&*new, &mid]);
    assert_eq!(events("--since 2d"), [&*new]);
    assert_eq!(events("--since 6d --until 2d"), [&*mid]);
    let date = humantime::format_rfc3339_seconds(now - 6 * DAY).to_string();
    assert_eq!(events(&format!("--until {date}")), [&*old]);
    assert_eq!(events(&format!("--since {}", &date[..10])), [&*new, &mid]);
    let day = humantime::format_rfc3339_seconds(now - 4 * DAY).to_string();
    assert_eq!(events(&format!("--since {0} --until {0}", &day[..10])), [&*mid], "a date is the whole day");
    for wrong in ["--since soon", "--failed --delivered", "--limit 0", "--limit 5 --all"] {
        assert_eq!(run(&duffel, &format!("events list {wrong}")).code, 2, "{wrong}");
    }
    for old in ["--since 60y", "--until 60y", "--since 1969-12-31", "--since 1970-01-01T00:00:00+01:00"] {
        run(&duffel, &format!("events list {old}")).assert_failed(2, "1970");
    }

    let deliveries = |filter: &str| run(&duffel, &format!("deliveries list --json {filter}")).ids().len();
    assert_eq!(deliveries(""), 3);
    assert_eq!(deliveries("--failed"), 1);
    assert_eq!(deliveries("--delivered"), 2);
    assert_eq!(deliveries("--type air.order.changed"), 1);
    assert_eq!(deliveries("--since 1h"), 3);
    assert_eq!(deliveries("--until 1h"), 0);
    assert_eq!(deliveries(&format!("--webhook {webhook}")), 3);
    assert_eq!(deliveries("--webhook end_other"), 0);
    let table = run(&duffel, "deliveries list --failed");
    let cells: Vec<_> = table.lines()[1].split_whitespace().collect();
    assert_eq!([cells[1], cells[2], cells[3], cells[5]], [&*old, "order.created", "500", &webhook]);
}

#[test]
fn events_are_shown_and_redelivered() {
    let duffel = DuffelStandIn::start();
    duffel.register("http://127.0.0.1:1/");
    let (one, two) = (duffel.occur("a.b", &json!({ "id": "1" })), duffel.occur("a.b", &json!({ "id": "2" })));
    let shown = run(&duffel, &format!("events get {one} --json"));
    assert_eq!((shown.lines().len(), shown.ids()), (1, vec![one.clone()]));
    let shown = run(&duffel, &format!("events get {one}"));
    assert!(
        shown.out.starts_with("{\n") && shown.out.contains(&format!("\"id\": \"{one}\"")),
        "{}",
        shown.out
    );
    let asked = run(&duffel, &format!("events redeliver {one} {two}"));
    assert_eq!(asked.lines(), [format!("{one}  requested"), format!("{two}  requested")]);
    assert_eq!([duffel.attempts(&one).len(), duffel.attempts(&two).len()], [2, 2]);
    // An unknown event does not stop the others.
    let partly = run(&duffel, &format!("events redeliver wev_nobody {two}"));
    partly.assert_failed(3, "wev_nobody: Duffel answered 404");
    assert_eq!(partly.out, format!("wev_nobody  refused\n{two}  requested\n"));
    duffel.inject("POST", &ApiFault::Status(500), 1);
    let stopped = run(&duffel, &format!("events redeliver {one} {two}"));
    stopped.assert_failed(4, "duffel-hooks: 2 of 2 not requested\n");
    assert_eq!(stopped.err.matches("Duffel answered 500").count(), 1, "{}", stopped.err);
    let refused = run(&duffel, "events redeliver wev_1 wev_2");
    refused.assert_failed(3, "duffel-hooks: 2 of 2 refused\n");
    assert_eq!(refused.err.matches("Duffel answered 404").count(), 2, "{}", refused.err);
    // All are requested even if nobody reads the output.
    duffel.asked();
    let mut unread = tool(&duffel, &format!("events redeliver {one} {two} {one} {two}"));
    let unread = Done::of(&run_unread(&mut unread));
    unread.assert_failed(1, "not all of it could be printed");
    assert_eq!(unread.err.matches("  requested\n").count(), 4, "{}", unread.err);
    assert_eq!(duffel.asked().len(), 4);
    for (command, wrong) in [("webhooks create https://a.b", "a.b,,c.d"), ("webhooks update end_1", "a.b,")] {
        run(&duffel, &format!("{command} --event {wrong}")).assert_failed(2, "an entry is empty");
    }
    run(&duffel, "events get ../webhooks").assert_failed(1, "\"../webhooks\" is not a valid Duffel ID");
}

#[test]
fn events_are_listed_with_their_state_and_last_answer() {
    let duffel = DuffelStandIn::start();
    duffel.occur("order.created", &json!({ "id": "ord_0" }));
    duffel.register(&endpoint(&[500, 202, 404, 503, 202]));
    for number in 1..=3 {
        duffel.occur("order.created", &json!({ "id": format!("ord_{number}") }));
    }
    // The first and the third event are sent again; then the first is accepted.
    assert_eq!(duffel.retry_failed(), 2);
    let states = || {
        let listed = run(&duffel, "events list");
        let row = |line: &str| {
            let cells: Vec<_> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
            cells[4..].join(" ")
        };
        (listed.out.lines().skip(1).map(row).collect::<Vec<_>>(), listed)
    };
    let (rows, listed) = states();
    assert_eq!(rows, ["ord_3 delivered 202", "ord_2 delivered 202", "ord_1 failed 503", "ord_0 unsent -"]);
    assert_eq!(listed.code, 0);

    duffel.inject("GET /air/webhooks/deliveries", &ApiFault::Status(500), 1);
    let (rows, listed) = states();
    assert_eq!(rows[0], "ord_3 unknown -");
    listed.assert_failed(4, "Duffel answered 500");
}

#[test]
fn lists_are_tables_and_an_empty_list_is_a_notice() {
    let list = |duffel: &DuffelStandIn, what: &str| {
        let listed = run(duffel, what);
        assert_eq!(listed.code, 0, "{}", listed.err);
        format!("$ duffel-hooks {what}\n{}{}", listed.out, listed.err)
    };
    let duffel = DuffelStandIn::start();
    let empty = list(&duffel, "webhooks list");
    let create = "webhooks create https://example.com/webhooks/duffel --event order.created,ping.triggered";
    assert_eq!(run(&duffel, create).code, 0);
    let webhooks = list(&duffel, "webhooks list");

    let duffel = DuffelStandIn::start();
    duffel.register(&endpoint(&[500, 202]));
    for (kind, id) in [("order.created", "ord_1"), ("air.order.changed", "ord_2")] {
        duffel.occur(kind, &json!({ "id": id }));
    }
    let [events, one, deliveries] =
        ["events list", "events list --limit 1", "deliveries list"].map(|what| list(&duffel, what));
    snapshot::assert("lists", &[empty, webhooks, events, one, deliveries].join("\n"));
}

#[test]
fn rate_limit_is_waited_out_and_reported() {
    let duffel = DuffelStandIn::start();
    duffel.set(|settings| settings.rate = Some((2, Duration::from_secs(3))));
    for _ in 0..401 {
        duffel.occur("a.b", &json!({}));
    }
    let listed = run(&duffel, "events list --all --json");
    assert_eq!((listed.code, listed.ids().len()), (0, 401));
    assert!(
        listed.err.contains("duffel-hooks: Duffel's rate limit is reached (429): trying again in "),
        "{}",
        listed.err
    );
    duffel.set(|settings| settings.rate = None);
    duffel.inject("GET", &ApiFault::RetryAfter(429, 3600), 1);
    run(&duffel, "events list").assert_failed(4, "(rate_limit_exceeded)");
}

#[test]
fn api_failures_are_reported_with_a_remedy() {
    let duffel = DuffelStandIn::start();
    let after = |fault: &ApiFault, times: usize| {
        duffel.inject("GET", fault, times);
        run(&duffel, "webhooks list")
    };
    let html = after(&ApiFault::Html(502), 1);
    html.assert_failed(
        4,
        "Duffel answered 502 Bad Gateway, and not JSON but \"502 Bad Gateway\" [request FsLh",
    );
    assert_eq!(html.err.lines().count(), 1, "{}", html.err);
    after(&ApiFault::Status(500), 1)
        .assert_failed(4, "Something went wrong (internal_server_error) [request FsLh");
    after(&ApiFault::Html(503), 4).assert_failed(4, "503 Service Unavailable");
    after(&ApiFault::Down, 4).assert_failed(4, "the connection to Duffel was lost");
    after(&ApiFault::Answer(200, "Welcome to the hotel"), 1)
        .assert_failed(1, "Duffel answered 200 OK, and not in the documented form\n");
    after(&ApiFault::Answer(200, r#"{"data":[{"url":"x"}]}"#), 1)
        .assert_failed(1, "not in the documented form");
    after(&ApiFault::Answer(422, r#"{"errors":[{"title":"\u001b[31mRed"}]}"#), 1)
        .assert_failed(3, ": \u{fffd}[31mRed");
    let began = Instant::now();
    assert_eq!(after(&ApiFault::Slow(Duration::from_secs(1)), 1).code, 0);
    assert!(began.elapsed() >= Duration::from_secs(1));

    let unset = Done::of(&tool(&duffel, "events list").env_remove("DUFFEL_ACCESS_TOKEN").output().unwrap());
    unset.assert_failed(1, "DUFFEL_ACCESS_TOKEN is not set: create an access token");
    let with = |token: &str| {
        Done::of(&tool(&duffel, "events list").env("DUFFEL_ACCESS_TOKEN", token).output().unwrap())
    };
    with("duffel_test_other")
        .assert_failed(3, "401 Unauthorized: Unauthorized: The access token used is not");
    assert!(!with("duffel_test_other").err.contains("duffel_test_other"));
    with("duffel_test_other").assert_failed(3, "\nIs DUFFEL_ACCESS_TOKEN right");
    // `Done::of` asserts that the token is not printed.
    let echo = "<title>No duffel_test_n0t-a_real0ne</title>";
    after(&ApiFault::Answer(400, echo), 1)
        .assert_failed(3, "400 Bad Request, and not JSON but \"No (token)\"");
    with(" ").assert_failed(1, "DUFFEL_ACCESS_TOKEN: the access token is blank");
    let broken = with("duffel_test_bro ken");
    broken.assert_failed(1, "white space within it");
    assert!(!broken.err.contains("bro ken"));
    let at = |url: &str| Done::of(&tool(&duffel, "events list").env("DUFFEL_API_URL", url).output().unwrap());
    at("http://127.0.0.1:1").assert_failed(4, "Duffel cannot be reached: the connection was refused");
    at("http://api.duffel.com").assert_failed(1, "DUFFEL_API_URL: ");
}

#[test]
fn invalid_time_is_shown_as_duffel_wrote_it() {
    let duffel = DuffelStandIn::start();
    let answer = r#"{"data":[{"id":"wev_1","created_at":"1970-01-01T00:00:00+01:00"},
        {"id":"wev_2","created_at":"9999-12-31T23:59:59-01:00"}]}"#;
    duffel.inject("GET", &ApiFault::Answer(200, answer), 1);
    let listed = run(&duffel, "events list");
    assert_eq!(listed.lines().len(), 3);
    assert!(listed.out.contains("1970-01-01T00:00:00+01:00"), "{}", listed.out);
    assert!(listed.out.contains("9999-12-31T23:59:59-01:00"), "{}", listed.out);
}

#[test]
fn secret_in_a_truncated_response_is_not_shown() {
    let duffel = DuffelStandIn::start();
    let cut = r#"{"data":{"secret":"QKfUULLQh+8SegYmIsF6kA==","id":"#;
    duffel.inject("POST", &ApiFault::Answer(201, cut), 1);
    let created = run(&duffel, "webhooks create https://example.com/webhooks/duffel --event a.b");
    created.assert_failed(1, "Duffel answered 201 Created, and not in the documented form\n");
    assert!(!format!("{}{}", created.out, created.err).contains("QKfU"), "{}", created.err);
}
