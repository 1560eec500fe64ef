//! Duffel's webhook API, as documented.
#![expect(clippy::result_large_err, reason = "an error is an answer here")]

use std::{
    io,
    net::TcpListener,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    ApiFault, Asked, DataIn, Delivery, Event, LIVE_TOKEN, Settings, State, TOKEN, Webhook, delivery::deliver,
    lock,
};

type Answer = Response<Full<Bytes>>;

pub fn serve(listener: TcpListener, state: &Arc<Mutex<State>>, mut stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => accepted.unwrap().0,
                _ = &mut stopped => return,
            };
            let state = state.clone();
            let service = service_fn(move |request| answer(state.clone(), request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    runtime.shutdown_background();
}

/// Answers a request; an error closes the connection.
async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> io::Result<Answer> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let asked = Asked {
        what: format!("{} {}", parts.method, parts.uri.path()),
        query: pairs(parts.uri.query().unwrap_or_default()),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let fault = {
        let mut state = lock(&state);
        state.asked.push(asked.clone());
        let at = state.faults.iter().position(|(what, _)| asked.what.starts_with(what));
        at.and_then(|at| state.faults.remove(at)).map(|(_, fault)| fault)
    };
    let limits = limits(&state);
    let mut answer = match fault {
        Some(ApiFault::Down) => return Err(io::ErrorKind::ConnectionAborted.into()),
        Some(ApiFault::AnswerLost) => {
            api(state, asked).await;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Some(ApiFault::RateLimited(seconds)) => too_many("ratelimit-reset", &date_in(seconds)),
        Some(ApiFault::RetryAfter(429, seconds)) => too_many("retry-after", &seconds.to_string()),
        Some(ApiFault::RetryAfter(status, seconds)) => {
            let mut answer = html(status);
            answer.headers_mut().insert("retry-after", seconds.into());
            answer
        }
        Some(ApiFault::Status(status)) => {
            error(status, "api_error", "internal_server_error", "Something went wrong", None)
        }
        Some(ApiFault::Html(status)) => html(status),
        Some(ApiFault::Answer(status, body)) => {
            Response::builder().status(status).body(Full::from(body)).unwrap()
        }
        Some(ApiFault::Redirect(location)) => {
            let answer = Response::builder().status(307).header("location", location);
            answer.body(Full::default()).unwrap()
        }
        _ if limits.is_err() => limits.clone().unwrap_err(),
        Some(ApiFault::Slow(by)) => {
            let answer = api(state, asked).await;
            tokio::time::sleep(by).await;
            answer
        }
        None => api(state, asked).await,
    };
    if let Ok(headers) = limits {
        for (name, value) in headers {
            answer.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    Ok(answer)
}

/// The headers of the rate limit, or the answer 429 if it is exceeded.
fn limits(state: &Mutex<State>) -> Result<Vec<(&'static str, String)>, Answer> {
    let mut state = lock(state);
    let Some((limit, window)) = state.settings.rate else { return Ok(Vec::new()) };
    let began = state.recent.first().copied().unwrap_or_else(Instant::now);
    if began.elapsed() >= window {
        state.recent.clear();
    }
    let left = window.saturating_sub(began.elapsed());
    let reset = date_in(left.as_secs() + u64::from(left.subsec_nanos() > 0));
    if state.recent.len() >= limit {
        let mut answer = too_many("ratelimit-reset", &reset);
        answer.headers_mut().insert("ratelimit-limit", limit.into());
        answer.headers_mut().insert("ratelimit-remaining", 0.into());
        return Err(answer);
    }
    state.recent.push(Instant::now());
    let remaining = limit - state.recent.len();
    Ok(vec![
        ("ratelimit-limit", limit.to_string()),
        ("ratelimit-remaining", remaining.to_string()),
        ("ratelimit-reset", reset),
    ])
}

fn date_in(seconds: u64) -> String {
    httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds))
}

async fn api(state: Arc<Mutex<State>>, asked: Asked) -> Answer {
    match tokio::task::spawn_blocking(move || route(&state, &asked)).await.unwrap() {
        Ok(answer) | Err(answer) => answer,
    }
}

fn route(state: &Arc<Mutex<State>>, asked: &Asked) -> Result<Answer, Answer> {
    let live = authenticate(asked)?;
    let (method, path) = asked.what.split_once(' ').unwrap();
    let path: Vec<_> = path.trim_start_matches("/air/webhooks").trim_start_matches('/').split('/').collect();
    match (method, &path[..]) {
        ("POST", [""]) => create(state, asked, live),
        ("GET", [""]) => {
            let present = |webhook: &&Webhook| webhook.live == live && !webhook.deleted;
            let state = lock(state);
            let webhooks: Vec<_> = state.webhooks.iter().filter(present).map(|it| it.json(false)).collect();
            page(asked, &webhooks, &["limit", "before", "after"])
        }
        ("GET", ["events"]) => {
            let state = lock(state);
            let passes = |event: &&Event| event.live == live && passes_event(asked, event, &state.settings);
            let events = state
                .events
                .iter()
                .filter(passes)
                .map(|event| event.json(state.settings.data_in >= DataIn::Lists));
            let events: Vec<_> = events.map(|event| hide(event, &state.settings)).collect();
            page(
                asked,
                &events,
                &["limit", "before", "after", "type", "delivery_success", CREATED_AFTER, CREATED_BEFORE],
            )
        }
        ("GET", ["deliveries"]) => {
            let state = lock(state);
            let passes = |delivery: &&Delivery| {
                delivery.event.live == live && passes_delivery(asked, delivery, &state.settings)
            };
            let deliveries = state.deliveries.iter().filter(passes).map(Delivery::json);
            let deliveries: Vec<_> = deliveries.map(|delivery| hide(delivery, &state.settings)).collect();
            page(
                asked,
                &deliveries,
                &[
                    "limit",
                    "before",
                    "after",
                    "type",
                    "delivery_success",
                    "endpoint_id",
                    CREATED_AFTER,
                    CREATED_BEFORE,
                ],
            )
        }
        ("GET", ["events", id]) => {
            let state = lock(state);
            let event = state.events.iter().find(|event| event.id == *id && event.live == live);
            let has_data = state.settings.data_in >= DataIn::Event;
            Ok(ok(200, &json!({ "data": event.ok_or_else(not_found)?.json(has_data) })))
        }
        ("POST", ["events", id, "actions", "redeliver"]) => redeliver(state, id, live),
        ("POST", [id, "actions", "ping"]) => ping(state, id, live),
        ("PATCH", [id]) => update(state, asked, id, live),
        ("DELETE", [id]) => {
            let mut state = lock(state);
            webhook(&mut state, id, live)?.deleted = true;
            Ok(empty(204))
        }
        _ => Err(not_found()),
    }
}

/// Returns whether the token is that of live mode.
fn authenticate(asked: &Asked) -> Result<bool, Answer> {
    let header = |name: &str| asked.headers.get(name).map_or("", |value| value.to_str().unwrap());
    let unauthorized = |code, message| Err(error(401, "authentication_error", code, message, None));
    let live = match header("authorization").strip_prefix("Bearer ") {
        None => {
            return unauthorized(
                "missing_authorization_header",
                "The 'Authorization' header needs to be set",
            );
        }
        Some(TOKEN) => false,
        Some(LIVE_TOKEN) => true,
        Some(_) => return unauthorized("access_token_not_found", "The access token used is not recognized"),
    };
    let bad = |status, code, message| Err(error(status, "invalid_request_error", code, message, None));
    match header("duffel-version") {
        "v2" => {}
        "" => return bad(400, "missing_version_header", "The 'Duffel-Version' header needs to be set"),
        _ => {
            return bad(
                400,
                "unsupported_version",
                "The version set to the 'Duffel-Version' header is no longer supported",
            );
        }
    }
    if header("accept") != "application/json" {
        return bad(406, "unacceptable", "The 'Accept' header should be set to 'application/json'");
    }
    if !asked.body.is_null() && header("content-type") != "application/json" {
        return bad(
            400,
            "unsupported_format",
            "The 'Content-Type' header should be set to 'application/json'",
        );
    }
    Ok(live)
}

fn create(state: &Mutex<State>, asked: &Asked, live: bool) -> Result<Answer, Answer> {
    let required = |field: &str| {
        let message = format!("Field '{field}' can't be blank");
        error(422, "validation_error", "validation_required", &message, Some(field))
    };
    let data = &asked.body["data"];
    let url = data["url"].as_str().ok_or_else(|| required("url"))?;
    let events =
        strings(&data["events"]).filter(|events| !events.is_empty()).ok_or_else(|| required("events"))?;
    let mut state = lock(state);
    if state.webhooks.iter().any(|webhook| webhook.live == live && !webhook.deleted) {
        let message =
            "Field 'identity_organisation_id' a webhook for this organisation and mode already exists";
        let field = Some("identity_organisation_id");
        return Err(error(422, "validation_error", "validation_unique", message, field));
    }
    let webhook = Webhook::new(url, &events, live);
    let answer = ok(201, &json!({ "meta": null, "data": webhook.json(true) }));
    state.webhooks.push(webhook);
    Ok(answer)
}

fn update(state: &Mutex<State>, asked: &Asked, id: &str, live: bool) -> Result<Answer, Answer> {
    let mut state = lock(state);
    let webhook = webhook(&mut state, id, live)?;
    let data = &asked.body["data"];
    webhook.active = data["active"].as_bool().unwrap_or(webhook.active);
    webhook.url = data["url"].as_str().unwrap_or(&webhook.url).to_owned();
    webhook.events = strings(&data["events"]).unwrap_or_else(|| webhook.events.clone());
    Ok(ok(200, &json!({ "data": webhook.json(false) })))
}

fn ping(state: &Arc<Mutex<State>>, id: &str, live: bool) -> Result<Answer, Answer> {
    let event = Event::new("ping.triggered", &json!({}), live, SystemTime::now());
    {
        let mut state = lock(state);
        webhook(&mut state, id, live)?;
        state.events.push(event.clone());
    }
    deliver(state, &event.id);
    let state = lock(state);
    let event = state.events.iter().find(|other| other.id == event.id).unwrap();
    if event.attempts.contains(&true) { Ok(empty(204)) } else { Err(endpoint_failed()) }
}

fn redeliver(state: &Arc<Mutex<State>>, id: &str, live: bool) -> Result<Answer, Answer> {
    let later = {
        let mut state = lock(state);
        let is_it = |event: &Event| event.id == id && event.live == live;
        state.events.iter().find(|event| is_it(event)).ok_or_else(not_found)?;
        state.redelivered.push(id.to_owned());
        state.settings.redelivers_after
    };
    let Some(later) = later else {
        deliver(state, id);
        let state = lock(state);
        let event = state.events.iter().find(|event| event.id == id).unwrap();
        let accepted = event.attempts.last() == Some(&true);
        return if accepted || !state.settings.redelivery_reports_failure {
            Ok(empty(204))
        } else {
            Err(endpoint_failed())
        };
    };
    let (state, id) = (state.clone(), id.to_owned());
    std::thread::spawn(move || {
        std::thread::sleep(later);
        deliver(&state, &id);
    });
    Ok(empty(202))
}

fn webhook<'a>(state: &'a mut State, id: &str, live: bool) -> Result<&'a mut Webhook, Answer> {
    let is_it = |webhook: &&mut Webhook| webhook.id == id && webhook.live == live && !webhook.deleted;
    state.webhooks.iter_mut().find(is_it).ok_or_else(not_found)
}

const CREATED_AFTER: &str = "created_at[after]";
const CREATED_BEFORE: &str = "created_at[before]";

fn passes_event(asked: &Asked, event: &Event, settings: &Settings) -> bool {
    let success = asked.parameter("delivery_success");
    settings.ignores_filters
        || asked.parameter("type").is_none_or(|kind| kind == event.kind)
            && success.is_none_or(|success| event.success(settings) == success.parse().ok())
            && is_within(asked, event.created_at)
}

fn passes_delivery(asked: &Asked, delivery: &Delivery, settings: &Settings) -> bool {
    let success = asked.parameter("delivery_success");
    settings.ignores_filters
        || asked.parameter("type").is_none_or(|kind| kind == delivery.event.kind)
            && success.is_none_or(|success| success.parse() == Ok(delivery.succeeded()))
            && asked.parameter("endpoint_id").is_none_or(|id| id == delivery.endpoint)
            && is_within(asked, delivery.created_at)
}

fn is_within(asked: &Asked, at: SystemTime) -> bool {
    let bound = |name| asked.parameter(name).map(|text| humantime::parse_rfc3339(text).unwrap());
    bound(CREATED_AFTER).is_none_or(|after| at > after)
        && bound(CREATED_BEFORE).is_none_or(|before| at < before)
}

fn hide(mut record: Value, settings: &Settings) -> Value {
    if settings.hides_times {
        record.as_object_mut().unwrap().remove("created_at");
    }
    record
}

/// A page of records, the newest first.
fn page(asked: &Asked, records: &[Value], known: &[&str]) -> Result<Answer, Answer> {
    let bad = |message: String| error(422, "validation_error", "validation_invalid", &message, None);
    if let Some((name, _)) = asked.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return Err(bad(format!("Parameter '{name}' is not known")));
    }
    let limit: usize = asked.parameter("limit").map_or(Ok(50), str::parse).unwrap_or(0);
    if !(1..=200).contains(&limit) {
        return Err(bad("Parameter 'limit' must be from 1 to 200".to_owned()));
    }
    let newest_first: Vec<_> = records.iter().rev().collect();
    let place = |name| {
        let Some(cursor) = asked.parameter(name) else { return Ok(None) };
        let id = URL_SAFE.decode(cursor).ok().and_then(|id| String::from_utf8(id).ok());
        let at = newest_first.iter().position(|record| record["id"].as_str() == id.as_deref());
        at.map(Some).ok_or_else(|| bad(format!("Parameter '{name}' is not a valid cursor")))
    };
    let (after, before) = (place("after")?, place("before")?);
    let begin = match (after, before) {
        (Some(after), _) => after + 1,
        (None, Some(before)) => before.saturating_sub(limit),
        (None, None) => 0,
    };
    let end = newest_first.len().min(begin + limit).min(before.unwrap_or(usize::MAX));
    let cursor = |at: usize| URL_SAFE.encode(newest_first[at]["id"].as_str().unwrap());
    let meta = json!({
        "limit": limit,
        "after": (end < newest_first.len()).then(|| cursor(end - 1)),
        "before": (begin > 0).then(|| cursor(begin)),
    });
    Ok(ok(200, &json!({ "meta": meta, "data": newest_first[begin..end] })))
}

fn ok(status: u16, body: &Value) -> Answer {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("x-request-id", request_id())
        .body(Full::from(body.to_string()))
        .unwrap()
}

fn empty(status: u16) -> Answer {
    Response::builder().status(status).header("x-request-id", request_id()).body(Full::default()).unwrap()
}

fn error(status: u16, kind: &str, code: &str, message: &str, field: Option<&str>) -> Answer {
    let id = request_id();
    let mut problem = json!({
        "type": kind, "title": title(status), "message": message, "code": code,
        "documentation_url": "https://duffel.com/docs/api/overview/response-handling",
    });
    if let Some(field) = field {
        problem["source"] = json!({ "field": field, "pointer": format!("/{field}") });
    }
    let body = json!({ "meta": { "status": status, "request_id": id }, "errors": [problem] });
    let mut answer = ok(status, &body);
    answer.headers_mut().insert("x-request-id", id.parse().unwrap());
    answer
}

fn title(status: u16) -> &'static str {
    match status {
        401 => "Unauthorized",
        404 => "Not found",
        422 => "Invalid request",
        429 => "Rate limit exceeded",
        _ => "Error",
    }
}

fn not_found() -> Answer {
    let message = "The resource you are trying to access does not exist.";
    error(404, "invalid_request_error", "not_found", message, None)
}

fn endpoint_failed() -> Answer {
    let message = "The webhook endpoint did not answer with success";
    let mut answer = error(422, "invalid_state_error", "webhook_client_error", message, None);
    let body = json!({
        "meta": { "status": 422, "request_id": answer.headers()["x-request-id"].to_str().unwrap() },
        "errors": [{
            "type": "invalid_state_error", "title": "Webhook failed to receive event",
            "message": message, "code": "webhook_client_error",
        }],
    });
    *answer.body_mut() = Full::from(body.to_string());
    answer
}

fn too_many(header: &'static str, value: &str) -> Answer {
    let message =
        "Too many requests: please retry your request after the time specified in the ratelimit-reset header";
    let mut answer = error(429, "rate_limit_error", "rate_limit_exceeded", message, None);
    answer.headers_mut().insert(header, value.parse().unwrap());
    answer
}

fn html(status: u16) -> Answer {
    let reason = http::StatusCode::from_u16(status).unwrap();
    let page = format!(
        "<html>\r\n<head><title>{reason}</title><style>body {{ color: red }}</style></head>\r\n<body>\r\n<center><h1>{reason}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    let answer = Response::builder().status(status).header("content-type", "text/html");
    answer.header("x-request-id", request_id()).body(Full::from(page)).unwrap()
}

fn request_id() -> String {
    format!("FsLh{}", &Uuid::new_v4().simple().to_string()[..16])
}

fn strings(value: &Value) -> Option<Vec<String>> {
    Some(value.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}
