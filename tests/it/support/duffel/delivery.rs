//! Duffel's deliveries: a POST, signed with the text of the endpoint's secret as the key.

use std::{
    sync::Mutex,
    time::{SystemTime, UNIX_EPOCH},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Delivery, State, Webhook, id, lock};

/// Delivers an event to the webhook that wants it, if there is one.
pub fn deliver(state: &Mutex<State>, event_id: &str) {
    let (event, webhook, settings) = {
        let mut state = lock(state);
        let settings = state.settings.clone();
        let event = state.events.iter().find(|event| event.id == event_id).unwrap().clone();
        let remembered = event.first.as_ref().filter(|_| settings.remembers_endpoint);
        let is_its = |webhook: &&Webhook| match remembered {
            Some((endpoint, _)) => webhook.id == *endpoint,
            None => !webhook.deleted && webhook.wants(&event),
        };
        let Some(webhook) = state.webhooks.iter().find(is_its).cloned() else { return };
        let stored = state.events.iter_mut().find(|event| event.id == event_id).unwrap();
        stored.first.get_or_insert((webhook.id.clone(), SystemTime::now()));
        (stored.clone(), webhook, settings)
    };
    let now = SystemTime::now();
    let at = event.first.as_ref().filter(|_| settings.signs_first_time).map_or(now, |(_, first)| *first);
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(settings.patience))
        .build()
        .new_agent();
    let answer = agent
        .post(&webhook.url)
        .header("Content-Type", "application/json")
        .header("X-Duffel-Signature", sign(&webhook.secret, settings.label, at, event.body.as_bytes()))
        .send(&event.body)
        .ok();
    let status = answer.as_ref().map(|answer| answer.status().as_u16());
    let body = answer.and_then(|mut answer| answer.body_mut().read_to_string().ok());
    let (endpoint, url) = (webhook.id, webhook.url);
    let delivery = Delivery { id: id("del"), event, endpoint, url, status, body, created_at: now };
    let mut state = lock(state);
    let stored = state.events.iter_mut().find(|event| event.id == event_id).unwrap();
    stored.attempts.push(delivery.succeeded());
    state.deliveries.push(delivery);
}

fn sign(secret: &str, label: &str, at: SystemTime, body: &[u8]) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    format!("t={seconds},{label}={}", hex::encode(mac.finalize().into_bytes()))
}
