//! What Duffel says of an event: the event, the attempts to deliver it, and the webhooks.

use std::{env, sync::Arc, time::SystemTime};

use duffel_webhook_receiver::duffel::{
    ApiError, Client, DeliveryFilter, DeliveryRecord, EventFilter, EventRecord, Webhook,
};
use tokio::task::spawn_blocking;

use super::Asked;
use crate::shared::{
    duffel::{client, earliest_at_duffel},
    progress::Progress,
};

/// How many records are read between two updates of the progress.
const PROGRESS_STEP: usize = 200;

/// Duffel's API, if there is an access token.
pub(super) struct AtDuffel {
    client: Asked<Arc<Client>>,
    since: SystemTime,
}

impl AtDuffel {
    pub(super) fn from_environment(since: SystemTime) -> Self {
        let client = if env::var_os("DUFFEL_ACCESS_TOKEN").is_some() {
            client().map(Arc::new).map_err(|error| error.to_string())
        } else {
            Err("DUFFEL_ACCESS_TOKEN is not set".to_owned())
        };
        Self { client, since: earliest_at_duffel(since) }
    }

    /// The mode of the access token, by its prefix.
    pub(super) fn live_mode(&self) -> Option<bool> {
        self.client.as_ref().ok()?.live_mode()
    }

    /// Fetches the events with these ids that Duffel has in the token's mode.
    pub(super) async fn events(&self, ids: Vec<String>) -> Asked<Vec<EventRecord>> {
        self.ask(move |client, _| {
            let mut events = Vec::new();
            for id in ids {
                match client.event(&id) {
                    Ok(event) => events.push(event),
                    Err(error) if is_missing(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(events)
        })
        .await
    }

    /// Lists the events of the period that pass.
    pub(super) async fn list(
        &self,
        passes: impl Fn(&EventRecord) -> bool + Send + 'static,
    ) -> Asked<Vec<EventRecord>> {
        self.ask(move |client, since| {
            let filter = EventFilter { after: Some(since), ..EventFilter::default() };
            read("events", client.events(&filter), passes)
        })
        .await
    }

    /// Lists the attempts to deliver these events, oldest first.
    pub(super) async fn attempts(&self, events: &[EventRecord]) -> Asked<Vec<DeliveryRecord>> {
        if events.is_empty() {
            return self.client.as_ref().map(|_| Vec::new()).map_err(Clone::clone);
        }
        let ids: Vec<_> = events.iter().map(|event| event.id.clone()).collect();
        let created: Option<Vec<_>> = events.iter().map(|event| event.created_at).collect();
        let first = created.and_then(|created| created.into_iter().min()).map(earliest_at_duffel);
        let kind = events[0].kind.clone();
        let kind = kind.filter(|kind| events.iter().all(|event| event.kind.as_ref() == Some(kind)));
        self.ask(move |client, since| {
            // An event is older than its deliveries.
            let filter = DeliveryFilter { kind, after: first.or(Some(since)), ..DeliveryFilter::default() };
            let is_its =
                |delivery: &DeliveryRecord| delivery.event_id.as_ref().is_some_and(|id| ids.contains(id));
            let mut attempts = read("deliveries", client.deliveries(&filter), is_its)?;
            attempts.sort_by_key(|attempt| attempt.created_at);
            Ok(attempts)
        })
        .await
    }

    pub(super) async fn webhooks(&self) -> Asked<Vec<Webhook>> {
        self.ask(|client, _| client.webhooks().collect()).await
    }

    /// Asks on another thread, since the client blocks.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Client, SystemTime) -> Result<T, ApiError> + Send + 'static,
    ) -> Asked<T> {
        let (client, since) = (self.client.clone()?, self.since);
        let answer = spawn_blocking(move || question(&client, since)).await;
        answer.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

fn is_missing(error: &ApiError) -> bool {
    error.status().is_some_and(|status| [404, 422].contains(&status.as_u16()))
}

/// Reads a list to its end, with its progress.
fn read<T>(
    what: &str,
    records: impl Iterator<Item = Result<T, ApiError>>,
    passes: impl Fn(&T) -> bool,
) -> Result<Vec<T>, ApiError> {
    let mut progress = Progress::of_part();
    let mut found = Vec::new();
    for (number, record) in (1..).zip(records) {
        found.extend(Some(record?).filter(&passes));
        if number % PROGRESS_STEP == 0 {
            progress.show(format!("{number} of Duffel's {what} read …"));
        }
    }
    progress.end();
    Ok(found)
}
