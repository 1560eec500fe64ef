//! The conclusion about an event of which no delivery was accepted, as far as is known.

use std::time::Duration;

use duffel_webhook_receiver::duffel::{DeliveryRecord, EventRecord, Webhook};

use super::{Conclusion, Place, replayed};
use crate::{
    commands::trace::{
        evidence::Evidence,
        explanation::{Explanation, explain},
        in_gateway::GatewayLine,
    },
    shared::{delivery_line::DeliveryLine, output::mode},
};

/// For as long after the event, Duffel retries.
const RETRIES: Duration = Duration::from_hours(72);

pub(super) fn conclude(evidence: &Evidence) -> Conclusion {
    let attempts = evidence.attempts.as_deref().unwrap_or_default();
    if let Some(accepted) = attempts.iter().rev().find(|attempt| attempt.succeeded() == Some(true)) {
        return not_in_log(evidence, accepted);
    }
    let line = evidence.own_lines().next_back();
    if let Some(attempt) = attempts.last() {
        return failed(evidence, attempt, line.or_else(|| evidence.refusal(attempt)), line.is_none());
    }
    if let Some(line) = line {
        return refused(evidence, line.status, Some(line), false, None);
    }
    match &evidence.event {
        Ok(Some(event)) if evidence.attempts.is_ok() => never_delivered(evidence, event),
        _ => unknown(evidence),
    }
}

/// The last attempt was not accepted.
fn failed(
    evidence: &Evidence,
    attempt: &DeliveryRecord,
    line: Option<&DeliveryLine>,
    by_time: bool,
) -> Conclusion {
    if let Some(url) = elsewhere(evidence, attempt) {
        let text = format!(
            "Duffel tried to deliver it to {url}, which is not this stack, and was not accepted there."
        );
        return repoint(Conclusion::new(Place::Elsewhere, text), evidence, attempt.endpoint_id.as_deref());
    }
    match attempt.response_status_code {
        None => {
            let text = format!(
                "Duffel tried to deliver it to {} and got no answer.{}",
                attempt.url.as_deref().unwrap_or("the webhook's URL"),
                retries(evidence)
            );
            let done =
                Conclusion::new(Place::NotAccepted, text).fix("find out why the endpoint does not answer");
            let done = done.command(format!("duffel-hooks doctor --stack {}", evidence.common.stack.name));
            replayed(done, evidence)
        }
        Some(status) => {
            let gateway = evidence.refusal_of_gateway(attempt).filter(|_| line.is_none());
            refused(evidence, status, line, by_time, gateway)
        }
    }
}

/// A delivery was answered with an error.
fn refused(
    evidence: &Evidence,
    status: u16,
    line: Option<&DeliveryLine>,
    by_time: bool,
    gateway: Option<&GatewayLine>,
) -> Conclusion {
    let cause = line.and_then(|line| line.cause.as_deref());
    let explanation = cause.and_then(explain);
    let place = if status >= 500 || status == 429 { Place::NotAccepted } else { Place::Refused };
    let who = if line.is_some() { "The receiver refused it" } else { "It was refused" };
    let reason = match (cause, &explanation, line.and_then(|line| line.error.as_deref())) {
        (Some(cause), Some(Explanation { means, .. }), _) => format!(": {means} ({cause})"),
        (_, _, Some(error)) => format!(": {error}"),
        _ if gateway.is_some() => gateway.map(|line| format!(": {}", line.reason())).unwrap_or_default(),
        _ if status == 429 => ": the gateway has a limit of requests (RateLimit, BurstLimit)".to_owned(),
        _ => ", and the receiver's log has no line for it".to_owned(),
    };
    let by_time = match line.map(|_| ()).or_else(|| gateway.map(|_| ())) {
        Some(()) if by_time => " The line of the log was found by its time and status.",
        _ => "",
    };
    let text = format!("{who} with {status}{reason}.{by_time}{}", retries(evidence));
    let fix = explanation.as_ref().map_or("find out why", |explanation| explanation.fix);
    let mut done = Conclusion::new(place, text).fix(format!("{fix}; then have it delivered again"));
    if explanation.is_none_or(|explanation| explanation.see_doctor) {
        done = done.command(format!("duffel-hooks doctor --stack {}", evidence.common.stack.name));
    }
    replayed(done, evidence)
}

/// Duffel's attempt was accepted, and neither log nor ledger know of it.
fn not_in_log(evidence: &Evidence, accepted: &DeliveryRecord) -> Conclusion {
    if let Some(url) = elsewhere(evidence, accepted) {
        let text = format!("Duffel delivered it to {url}, which is not this stack, and was accepted there.");
        return repoint(Conclusion::new(Place::Elsewhere, text), evidence, accepted.endpoint_id.as_deref());
    }
    let why = match (&evidence.lines, evidence.common.stack.log_level.as_deref()) {
        (Err(reason), _) => format!("the receiver's log could not be searched: {reason}"),
        (Ok(_), Some(level @ ("WARN" | "ERROR"))) => {
            format!("with LogLevel={level}, the receiver does not log what it forwards")
        }
        (Ok(_), _) => "the receiver's log has no line of it in the time that was searched".to_owned(),
    };
    let text =
        format!("Duffel's delivery was accepted, but what the receiver did with it is not known: {why}.");
    Conclusion::new(Place::Forwarded, text)
        .fix("see whether consumers take messages from the queue")
        .command(format!("duffel-hooks queue show --stack {}", evidence.common.stack.name))
}

/// The URL of a delivery to another address than those of the stack's sources. A domain of its own is not known.
fn elsewhere<'a>(evidence: &Evidence, attempt: &'a DeliveryRecord) -> Option<&'a str> {
    let (sources, _) = evidence.common.stack.webhook_url.as_deref()?.rsplit_once('/')?;
    let is_own = |url: &str| url.strip_prefix(sources).is_some_and(|rest| rest.starts_with('/'));
    attempt.url.as_deref().filter(|url| !is_own(url) && !evidence.common.stack.has_domain)
}

fn repoint(conclusion: Conclusion, evidence: &Evidence, webhook: Option<&str>) -> Conclusion {
    let done = conclusion
        .fix("if this stack should have received it, change the webhook's URL and deliver it again");
    let done = match (webhook, &evidence.common.stack.webhook_url) {
        (Some(id), Some(url)) => done.command(format!("duffel-hooks webhooks update {id} --url {url}")),
        _ => done,
    };
    replayed(done, evidence)
}

/// Duffel has the event, and no attempt to deliver it.
fn never_delivered(evidence: &Evidence, event: &EventRecord) -> Conclusion {
    let (reason, command) = match &evidence.common.webhooks {
        Ok(webhooks) => why_not(evidence, event, webhooks),
        Err(_) => {
            ("the webhooks could not be listed".to_owned(), Some("duffel-hooks webhooks list".to_owned()))
        }
    };
    let text = format!("Duffel has not tried to deliver it: {reason}.");
    let done =
        Conclusion::new(Place::NeverDelivered, text).fix("correct the webhook, then have it delivered");
    let done = command.into_iter().fold(done, Conclusion::command);
    replayed(done, evidence)
}

/// The reason why Duffel does not deliver an event, and the command that corrects it.
fn why_not(evidence: &Evidence, event: &EventRecord, webhooks: &[Webhook]) -> (String, Option<String>) {
    let kind = event.kind.as_deref().unwrap_or("TYPE");
    let Some(webhook) = webhooks.first() else {
        let mode = Some(mode(event.live_mode)).filter(|mode| !mode.is_empty());
        let of_mode = mode.map(|mode| format!(" in {mode} mode")).unwrap_or_default();
        let url = evidence.common.stack.webhook_url.as_deref().unwrap_or("URL");
        let secret = evidence.common.stack.secret.as_deref().unwrap_or("ARN");
        let command = format!("duffel-hooks webhooks create {url} --store {secret} --event {kind}");
        return (format!("there is no webhook{of_mode}"), Some(command));
    };
    let id = &webhook.id;
    if webhook.active == Some(false) {
        let command = format!("duffel-hooks webhooks update {id} --active true");
        return (format!("the webhook {id} is not active"), Some(command));
    }
    if !webhook.events.is_empty() && !webhook.events.iter().any(|wanted| wanted == kind) {
        let types = [&webhook.events[..], &[kind.to_owned()]].concat().join(",");
        let command = format!("duffel-hooks webhooks update {id} --event {types}");
        return (format!("the webhook {id} is not registered for {kind}"), Some(command));
    }
    if webhook.created_at.zip(event.created_at).is_some_and(|(webhook, event)| event < webhook) {
        return (format!("the webhook {id} was created after it"), None);
    }
    (format!("the webhook {id} is active and registered for {kind}, so that Duffel may still do so"), None)
}

/// A sentence about Duffel's retries, if the time of the event is known.
fn retries(evidence: &Evidence) -> String {
    let event = evidence.event.as_ref().ok().and_then(Option::as_ref);
    let Some(end) = event.and_then(|event| event.created_at?.checked_add(RETRIES)) else {
        return String::new();
    };
    let at = humantime::format_rfc3339_seconds(end);
    if end > evidence.common.now {
        format!(" Duffel retries until {at}.")
    } else {
        format!(" Duffel gave up at {at}.")
    }
}

fn unknown(evidence: &Evidence) -> Conclusion {
    let asked = evidence.unasked().is_empty();
    let text = if asked {
        "Nothing is known of it: it is neither at Duffel, nor in the log, nor in the ledger."
    } else {
        "Nothing is known of it, but not everything could be asked."
    };
    let fix = "check the name, the mode of the access token, the stack, and --since";
    Conclusion::new(Place::Unknown, text).fix(fix)
}
