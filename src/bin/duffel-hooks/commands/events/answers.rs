//! What the endpoints answered to the deliveries of events.

use std::{collections::HashMap, time::SystemTime};

use duffel_webhook_receiver::duffel::{ApiError, Client, DeliveryFilter, DeliveryRecord, EventRecord};

use crate::shared::duffel::earliest_at_duffel;

/// The deliveries of each event. The default is that they are not known.
#[derive(Default)]
pub(super) struct Answers(Option<HashMap<String, Answer>>);

struct Answer {
    is_delivered: bool,
    last_at: Option<SystemTime>,
    /// The status of the last answer, if there was one.
    last: Option<u16>,
}

impl Answers {
    /// Reads the deliveries since the first of these events.
    pub(super) fn find(client: &Client, events: &[EventRecord]) -> Result<Self, ApiError> {
        let Some(first) = events.iter().filter_map(|event| event.created_at).min() else {
            return Ok(Self::default());
        };
        let filter = DeliveryFilter { after: Some(earliest_at_duffel(first)), ..DeliveryFilter::default() };
        let mut answers = Self(Some(HashMap::new()));
        for delivery in client.deliveries(&filter) {
            answers.add(&delivery?);
        }
        Ok(answers)
    }

    fn add(&mut self, delivery: &DeliveryRecord) {
        let (Some(answers), Some(event)) = (&mut self.0, &delivery.event_id) else { return };
        let new = Answer { is_delivered: false, last_at: None, last: delivery.response_status_code };
        let answer = answers.entry(event.clone()).or_insert(new);
        answer.is_delivered |= delivery.succeeded() == Some(true);
        if delivery.created_at > answer.last_at {
            (answer.last_at, answer.last) = (delivery.created_at, delivery.response_status_code);
        }
    }

    /// The state of an event, and the last answer.
    pub(super) fn of(&self, event: &EventRecord) -> (&'static str, String) {
        let Some(answers) = &self.0 else { return ("unknown", String::new()) };
        let Some(answer) = answers.get(&event.id) else { return ("unsent", String::new()) };
        let last = answer.last.map_or_else(|| "none".to_owned(), |status| status.to_string());
        (if answer.is_delivered { "delivered" } else { "failed" }, last)
    }
}
