//! The selection of events to replay.
#![allow(clippy::doc_markdown, reason = "this is the help")]

use std::time::SystemTime;

use clap::Args;
use duffel_webhook_receiver::{
    deployment::subscribers::Period,
    duffel::{Client, EventFilter, EventRecord, PING, Retryability},
};
use wildmatch::WildMatch;

use super::outcome::Replayed;
use crate::shared::{
    Result,
    offer::offering_types,
    undelivered,
    values::{parse_since, parse_type, parse_until},
};

/// Events by their ids, or those of a period
#[derive(Args)]
pub(super) struct Selection {
    /// The ids of the events, such as wev_0000A3tQSmKyqOrcySrGbo
    #[arg(value_name = "EVENT", required_unless_present = "since", conflicts_with = "since")]
    ids: Vec<String>,
    /// All events since then: 2h or 3d (ago), 2026-01-31 (its beginning, in UTC) or
    /// 2026-01-31T12:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    since: Option<SystemTime>,
    /// Of those, only events until then; a date includes the whole day, in UTC
    #[arg(long, value_name = "WHEN", value_parser = parse_until, requires = "since")]
    until: Option<SystemTime>,
    /// Of those, only events of this type, such as order.created or air.payment.*; may be repeated,
    /// or a list with commas [default: all but ping.triggered]
    #[arg(long = "type", value_name = "TYPE", requires = "since", value_delimiter = ',', value_parser = offering_types(parse_type), hide_possible_values = true)]
    types: Vec<String>,
    /// Of those, only events that the active webhook wants and that no endpoint accepted, however
    /// recent; reads all events of the period, and all accepted deliveries since
    #[arg(long, requires = "since")]
    failed: bool,
}

impl Selection {
    /// The period, if it is given.
    pub(super) fn period(&self) -> Option<Period> {
        self.since.map(|from| Period { from, until: self.until })
    }

    /// Reads the events, oldest first. They include ids that Duffel does not have, with its error.
    pub(super) fn events(&self, duffel: &Client, source: &str) -> Result<Vec<Replayed>> {
        let Some(since) = self.since else { return self.named(duffel, source) };
        let mut events = if self.failed {
            undelivered::since(duffel, since, self.until)?.ok_or(
                "Duffel has no active webhook in the token's mode, so it would deliver nothing: see \
                 duffel-hooks webhooks list",
            )?
        } else {
            self.listed(duffel, since)?
        };
        let types: Vec<_> = self.types.iter().map(|kind| WildMatch::new(kind)).collect();
        events.retain(|event| {
            let kind = event.kind.as_deref().unwrap_or_default();
            let wanted = match &types[..] {
                [] => kind != PING,
                types => types.iter().any(|wanted| wanted.matches(kind)),
            };
            wanted && self.until.is_none_or(|until| event.created_at.is_none_or(|at| at <= until))
        });
        Ok(events.iter().map(|event| Replayed::new(event, source)).collect())
    }

    fn listed(&self, duffel: &Client, since: SystemTime) -> Result<Vec<EventRecord>> {
        let filter = EventFilter { after: Some(since), before: self.until, ..EventFilter::default() };
        let mut events = duffel.events(&filter).collect::<std::result::Result<Vec<_>, _>>()?;
        // Duffel lists the newest first. Events without a time stay in their place.
        events.reverse();
        events.sort_by_key(|event| event.created_at);
        Ok(events)
    }

    fn named(&self, duffel: &Client, source: &str) -> Result<Vec<Replayed>> {
        let mut events = Vec::new();
        for id in &self.ids {
            events.push(match duffel.event(id) {
                Ok(event) => Replayed::new(&event, source),
                // Another refusal would apply to every event.
                Err(error) if error.retryability() == Retryability::Permanent && is_missing(&error) => {
                    Replayed::unknown(id, error.to_string())
                }
                Err(error) => return Err(error.into()),
            });
        }
        Ok(events)
    }
}

fn is_missing(error: &duffel_webhook_receiver::duffel::ApiError) -> bool {
    error.status() == Some(http::StatusCode::NOT_FOUND)
}
