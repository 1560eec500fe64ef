//! The client of Duffel's API, against the stand-in.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::duffel::{
    AccessToken, ApiError, Change, Client, DeliveryFilter, EventFilter, Retryability,
};
use http::StatusCode;
use serde_json::json;

use crate::support::{
    duffel::{ApiFault, DuffelStandIn, LIVE_TOKEN, TOKEN, endpoint},
    serve::Serve,
    test_receiver::DAY,
};

fn client(duffel: &DuffelStandIn) -> Client {
    Client::new(&duffel.url(), AccessToken::new(TOKEN).unwrap()).unwrap()
}

#[test]
fn a_webhook_is_created_changed_pinged_and_deleted() {
    let duffel = DuffelStandIn::start();
    let client = client(&duffel);
    let url = endpoint(&[202, 500]);
    let (webhook, secret) = client.create_webhook(&url, &["order.created".to_owned()]).unwrap();
    assert_eq!(webhook.url.as_deref(), Some(url.as_str()));
    assert_eq!((webhook.active, webhook.live_mode), (Some(true), Some(false)));
    assert_eq!(webhook.raw.get("secret"), None);
    assert_eq!(duffel.webhooks()[0]["secret"], secret.expose());
    let asked = &duffel.asked()[0];
    assert_eq!(asked.body, json!({ "data": { "url": url, "events": ["order.created"] } }));
    assert_eq!(asked.headers["user-agent"], concat!("duffel-webhook-receiver/", env!("CARGO_PKG_VERSION")));

    client.ping_webhook(&webhook.id).unwrap();
    let unheard = client.ping_webhook(&webhook.id).unwrap_err();
    assert!(unheard.is_endpoints_failure(), "{unheard}");

    let change = Change { active: Some(false), ..Change::default() };
    assert_eq!(client.update_webhook(&webhook.id, &change).unwrap().active, Some(false));
    assert_eq!(duffel.asked().pop().unwrap().body, json!({ "data": { "active": false } }));
    let listed: Vec<_> = client.webhooks().map(Result::unwrap).collect();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].active, &listed[0].events[..]), (Some(false), &["order.created".to_owned()][..]));

    client.delete_webhook(&webhook.id).unwrap();
    assert_eq!(client.webhooks().count(), 0);
    let gone = client.delete_webhook(&webhook.id).unwrap_err();
    assert_eq!((gone.status(), gone.retryability()), (Some(StatusCode::NOT_FOUND), Retryability::Permanent));
}

#[test]
fn a_list_is_read_to_its_end() {
    let duffel = DuffelStandIn::start();
    let ids: Vec<_> =
        (0..450).map(|order| duffel.occur("order.created", &json!({ "id": order.to_string() }))).collect();
    let mut listed: Vec<_> =
        client(&duffel).events(&EventFilter::default()).map(|event| event.unwrap().id).collect();
    listed.reverse();
    assert_eq!(listed, ids);
    let limits: Vec<_> =
        duffel.asked().iter().map(|asked| asked.parameter("limit").unwrap().to_owned()).collect();
    assert_eq!(limits, ["200", "200", "200"]);
    let _first = client(&duffel).events(&EventFilter::default()).next();
    assert_eq!(duffel.asked().len(), 1, "pages are read when they are needed");
}

#[test]
fn list_with_a_cursor_loop_is_abandoned() {
    let duffel = DuffelStandIn::start();
    let circle = r#"{"meta":{"after":"g2wA"},"data":[{"id":"wev_1"}]}"#;
    duffel.inject("GET", &ApiFault::Answer(200, circle), 3);
    let listed: Vec<_> = client(&duffel).events(&EventFilter::default()).collect();
    assert_eq!(listed.iter().filter(|event| event.is_ok()).count(), 1);
    assert!(matches!(listed.last(), Some(Err(ApiError::CursorLoop))), "{listed:?}");
}

#[test]
fn events_are_filtered_whether_duffel_does_it_or_not() {
    for ignores_filters in [false, true] {
        let duffel = DuffelStandIn::start();
        duffel.set(|settings| settings.ignores_filters = ignores_filters);
        duffel.register(&endpoint(&[500, 500, 202]));
        let now = SystemTime::now();
        let old = duffel.occur_at(now - 10 * DAY, "order.created", &json!({ "id": "ord_1" }));
        let lost = duffel.occur_at(now - DAY, "order.created", &json!({ "id": "ord_2" }));
        let other = duffel.occur_at(now - DAY, "air.order.changed", &json!({ "id": "ord_2" }));
        let events = |filter: EventFilter| -> Vec<_> {
            client(&duffel).events(&filter).map(|event| event.unwrap().id).collect()
        };
        let kind = EventFilter { kind: Some("air.order.changed".to_owned()), ..EventFilter::default() };
        assert_eq!(events(kind), [&*other]);
        let after = Some(now - 2 * DAY);
        assert_eq!(events(EventFilter { after, ..EventFilter::default() }), [&*other, &*lost]);
        assert_eq!(events(EventFilter { before: after, ..EventFilter::default() }), [&*old]);
        if !ignores_filters {
            let failed = EventFilter { delivery_success: Some(false), after, ..EventFilter::default() };
            assert_eq!(events(failed), [&*lost]);
        }

        let deliveries = |filter: DeliveryFilter| -> Vec<_> {
            client(&duffel).deliveries(&filter).map(|delivery| delivery.unwrap().event_id.unwrap()).collect()
        };
        let failed = DeliveryFilter { delivery_success: Some(false), ..DeliveryFilter::default() };
        assert_eq!(deliveries(failed), [&*lost, &*old]);
        let endpoint_id = Some("end_other".to_owned());
        assert!(deliveries(DeliveryFilter { endpoint_id, ..DeliveryFilter::default() }).is_empty());
    }
}

#[test]
fn a_token_sees_its_own_mode() {
    let duffel = DuffelStandIn::start();
    let id = duffel.occur_live("order.created", &json!({ "id": "ord_1" }));
    assert_eq!(client(&duffel).event(&id).unwrap_err().status(), Some(StatusCode::NOT_FOUND));
    let live = Client::new(&duffel.url(), AccessToken::new(LIVE_TOKEN).unwrap()).unwrap();
    assert_eq!(live.event(&id).unwrap().live_mode, Some(true));
}

#[test]
fn rate_limit_is_waited_out_and_reported() {
    let duffel = DuffelStandIn::start();
    for fault in [ApiFault::RateLimited(1), ApiFault::RetryAfter(429, 1), ApiFault::RetryAfter(503, 1)] {
        let waits = Arc::<Mutex<Vec<_>>>::default();
        let reported = waits.clone();
        let client =
            client(&duffel).on_wait(move |error, wait| reported.lock().unwrap().push((error.status(), wait)));
        duffel.inject("GET", &fault, 1);
        let began = Instant::now();
        assert_eq!(client.webhooks().count(), 0);
        // The date in the header has no fraction of a second.
        assert!(began.elapsed() >= Duration::from_millis(50), "{:?}", began.elapsed());
        let waits = waits.lock().unwrap();
        assert_eq!(waits.len(), 1);
        assert!(waits[0].0.is_some() && waits[0].1 <= Duration::from_millis(1500), "{waits:?}");
    }
    duffel.asked();
    duffel.inject("GET", &ApiFault::RetryAfter(429, 3600), 1);
    let limited = client(&duffel).webhooks().next().unwrap().unwrap_err();
    assert_eq!(
        (limited.status(), limited.retryability()),
        (Some(StatusCode::TOO_MANY_REQUESTS), Retryability::Transient)
    );
    assert!(limited.to_string().contains("retry in 1h"), "{limited}");
    assert_eq!(duffel.asked().len(), 1, "an hour is too long to wait");
}

#[test]
fn no_call_continues_after_the_deadline() {
    let duffel = DuffelStandIn::start();
    let soon = || client(&duffel).deadline(Instant::now() + Duration::from_secs(2));
    let began = Instant::now();
    duffel.inject("GET", &ApiFault::RetryAfter(429, 60), 1);
    let limited = soon().webhooks().next().unwrap().unwrap_err();
    assert_eq!(limited.status(), Some(StatusCode::TOO_MANY_REQUESTS));
    duffel.inject("GET", &ApiFault::Slow(Duration::from_secs(60)), 1);
    let slow = soon().webhooks().next().unwrap().unwrap_err();
    assert!(matches!(slow, ApiError::TimedOut), "{slow}");
    let over = client(&duffel).deadline(Instant::now()).event("wev_1").unwrap_err();
    assert!(matches!(over, ApiError::Deadline), "{over}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn only_safe_calls_are_retried() {
    let duffel = DuffelStandIn::start();
    let client = client(&duffel);
    let (id, _) = duffel.register(&endpoint(&[]));
    let event = duffel.occur("order.created", &json!({ "id": "ord_1" }));
    let times = |what: &str, fault: &ApiFault, call: &dyn Fn() -> Result<(), ApiError>| {
        duffel.asked();
        duffel.inject(what, fault, 1);
        (call().is_ok(), duffel.asked().len())
    };
    let list = || client.webhooks().next().unwrap().map(drop);
    for fault in [ApiFault::Status(503), ApiFault::Html(504), ApiFault::Down] {
        assert_eq!(times("GET", &fault, &list), (true, 2));
        assert_eq!(times("POST", &fault, &|| client.redeliver(&event)), (true, 2));
        assert_eq!(times("POST", &fault, &|| client.ping_webhook(&id)), (false, 1));
        let change = Change { active: Some(true), ..Change::default() };
        assert_eq!(times("PATCH", &fault, &|| client.update_webhook(&id, &change).map(drop)), (true, 2));
        let create = || client.create_webhook("https://example.com", &["a.b".to_owned()]).map(drop);
        assert_eq!(times("POST", &fault, &create), (false, 1));
    }
    for fault in [ApiFault::Status(500), ApiFault::Html(502), ApiFault::Status(400)] {
        assert_eq!(times("GET", &fault, &list), (false, 1));
        assert_eq!(times("POST", &fault, &|| client.redeliver(&event)), (false, 1));
    }
    // The deletion was carried out but its answer lost; the retry is answered 404.
    assert_eq!(times("DELETE", &ApiFault::AnswerLost, &|| client.delete_webhook(&id)), (true, 2));
    let create = || client.create_webhook("https://example.com", &["a.b".to_owned()]).map(drop);
    assert_eq!(times("POST", &ApiFault::RetryAfter(429, 0), &create), (true, 2));
    duffel.inject("GET", &ApiFault::Status(503), 9);
    duffel.asked();
    assert!(list().is_err());
    assert_eq!(duffel.asked().len(), 4);
}

#[test]
fn token_is_sent_to_no_other_host() {
    let token = || AccessToken::new(TOKEN).unwrap();
    for url in [
        "http://api.duffel.com",
        "http://10.0.0.1:80",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "ftp://127.0.0.1",
        "api.duffel.com",
        "https://api.duffel.com/?a=b",
        "",
    ] {
        assert!(matches!(Client::new(url, token()), Err(ApiError::Url(_))), "{url}");
    }
    for url in
        ["https://api.duffel.com", "https://api.duffel.com/", "http://[::1]:8080", "http://localhost:1"]
    {
        assert!(Client::new(url, token()).is_ok(), "{url}");
    }
    let (duffel, elsewhere) = (DuffelStandIn::start(), DuffelStandIn::start());
    duffel.inject("GET", &ApiFault::Redirect(format!("{}/air/webhooks", elsewhere.url())), 1);
    let redirected = client(&duffel).webhooks().next().unwrap().unwrap_err();
    assert_eq!(redirected.status(), Some(StatusCode::TEMPORARY_REDIRECT));
    assert!(elsewhere.asked().is_empty());
    let client = client(&duffel);
    for id in ["", "wev_1/../x", "wev 1", "wev_1?a=b", "..", "wév"] {
        assert!(matches!(client.event(id), Err(ApiError::Id(_))), "{id}");
    }
    let printed = format!("{:?} {client:?}", token());
    assert!(!printed.contains(TOKEN), "{printed}");
}

#[test]
fn redelivery_of_a_lost_event_arrives_once() {
    for redelivers_after in [None, Some(Duration::from_millis(100))] {
        let duffel = DuffelStandIn::start();
        duffel.set(|settings| settings.redelivers_after = redelivers_after);
        let client = client(&duffel);
        let (webhook, secret) = duffel.register("http://127.0.0.1:1/webhooks/duffel");
        let lost = duffel.occur("order.created", &json!({ "id": "ord_1" }));
        assert_eq!(duffel.attempts(&lost), [None]);
        let serve = Serve::start(&[("WEBHOOK_SECRET", &secret)]);
        let url = Some(serve.line("Receiving on "));
        client.update_webhook(&webhook, &Change { url, ..Change::default() }).unwrap();
        let failed = EventFilter { delivery_success: Some(false), ..EventFilter::default() };
        let failed: Vec<_> = client.events(&failed).map(|event| event.unwrap().id).collect();
        assert_eq!(failed, [&*lost]);
        client.redeliver(&lost).unwrap();
        let attributes = serve.message()["MessageAttributes"].take();
        assert_eq!(attributes["event_id"]["StringValue"], *lost);
        client.redeliver(&lost).unwrap();
        let next = duffel.occur("order.created", &json!({ "id": "ord_2" }));
        assert_eq!(serve.message()["MessageAttributes"]["event_id"]["StringValue"], *next);
        let delivered =
            |attempts: &[Option<u16>]| attempts.contains(&Some(202)) && attempts.contains(&Some(200));
        until(|| delivered(&duffel.attempts(&lost)));
        assert!(duffel.undelivered().is_empty());
        assert_eq!(duffel.retry_failed(), 0);
    }
}

fn until(true_at_last: impl Fn() -> bool) {
    let began = Instant::now();
    while !true_at_last() {
        assert!(began.elapsed() < Duration::from_secs(20), "it did not happen in time");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn records_without_a_time_are_not_filtered_out() {
    let duffel = DuffelStandIn::start();
    duffel.set(|settings| settings.hides_times = true);
    let event = duffel.occur("order.created", &json!({ "id": "ord_1" }));
    let filter = EventFilter { after: Some(SystemTime::now() - DAY), ..EventFilter::default() };
    let listed: Vec<_> = client(&duffel).events(&filter).map(Result::unwrap).collect();
    assert_eq!((&*listed[0].id, listed[0].created_at), (&*event, None));
}

#[test]
fn the_stand_in_has_both_answers_to_open_questions() {
    let duffel = DuffelStandIn::start();
    let client = client(&duffel);
    let failed = || -> Vec<_> {
        let filter = EventFilter { delivery_success: Some(false), ..EventFilter::default() };
        client.events(&filter).map(|event| event.unwrap().id).collect()
    };
    let nobody = duffel.occur("a.b", &json!({}));
    assert_eq!(failed(), [&*nobody]);
    duffel.set(|settings| settings.unattempted_is_nothing = true);
    assert!(failed().is_empty());

    let (old, _) = duffel.register(&endpoint(&[500, 500, 202]));
    let event = duffel.occur("a.b", &json!({}));
    assert_eq!(duffel.retry_failed(), 1);
    client.redeliver(&event).unwrap();
    assert_eq!(duffel.attempts(&event), [Some(500), Some(500), Some(202)]);
    assert!(failed().is_empty());
    duffel.set(|settings| settings.first_attempt_counts = true);
    assert_eq!(failed(), [&*event]);

    client.delete_webhook(&old).unwrap();
    let (new, _) = duffel.register(&endpoint(&[]));
    let last = || client.deliveries(&DeliveryFilter::default()).next().unwrap().unwrap().endpoint_id.unwrap();
    client.redeliver(&event).unwrap();
    assert_eq!(last(), new);
    duffel.set(|settings| settings.remembers_endpoint = true);
    client.redeliver(&event).unwrap();
    assert_eq!(last(), old);
}
