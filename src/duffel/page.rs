//! Lists, read page by page; each page has the cursor of the next.

use std::{collections::HashSet, time::SystemTime, vec};

use http::Method;
use serde_json::Value;

use super::{
    Client,
    call::Retry,
    error::ApiError,
    record::{DeliveryFilter, DeliveryRecord, EventFilter, EventRecord, Record, Webhook},
};

/// The maximum number of records that Duffel puts on a page.
const PAGE_LIMIT: usize = 200;

/// A record that can be listed.
pub(super) trait Listed: Record {
    type Filter;

    /// The query parameters of a filter.
    fn query(filter: &Self::Filter) -> Vec<(&'static str, String)>;

    /// Whether the record passes the filter, as far as its fields are known; Duffel may not apply it.
    fn passes(&self, filter: &Self::Filter) -> bool;
}

impl Listed for Webhook {
    type Filter = ();

    fn query((): &()) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn passes(&self, (): &()) -> bool {
        true
    }
}

impl Listed for EventRecord {
    type Filter = EventFilter;

    fn query(filter: &EventFilter) -> Vec<(&'static str, String)> {
        let kind = filter.kind.clone().map(|kind| ("type", kind));
        let success = filter.delivery_success.map(|success| ("delivery_success", success.to_string()));
        kind.into_iter().chain(success).chain(created_at(filter.after, filter.before)).collect()
    }

    fn passes(&self, filter: &EventFilter) -> bool {
        agrees(self.kind.as_ref(), filter.kind.as_ref())
            && agrees(self.delivery_success.as_ref(), filter.delivery_success.as_ref())
            && is_within(self.created_at, filter.after, filter.before)
    }
}

impl Listed for DeliveryRecord {
    type Filter = DeliveryFilter;

    fn query(filter: &DeliveryFilter) -> Vec<(&'static str, String)> {
        let kind = filter.kind.clone().map(|kind| ("type", kind));
        let success = filter.delivery_success.map(|success| ("delivery_success", success.to_string()));
        let endpoint = filter.endpoint_id.clone().map(|id| ("endpoint_id", id));
        let created_at = created_at(filter.after, filter.before);
        kind.into_iter().chain(success).chain(endpoint).chain(created_at).collect()
    }

    fn passes(&self, filter: &DeliveryFilter) -> bool {
        agrees(self.kind.as_ref(), filter.kind.as_ref())
            && agrees(self.succeeded().as_ref(), filter.delivery_success.as_ref())
            && agrees(self.endpoint_id.as_ref(), filter.endpoint_id.as_ref())
            && is_within(self.created_at, filter.after, filter.before)
    }
}

/// `created_at` takes `after` and `before`:
/// <https://github.com/duffelhq/duffel-api-javascript/blob/main/src/notifications/Webhooks/WebhooksType.ts>
fn created_at(
    after: Option<SystemTime>,
    before: Option<SystemTime>,
) -> impl Iterator<Item = (&'static str, String)> {
    let bounds = [("created_at[after]", after), ("created_at[before]", before)];
    bounds
        .into_iter()
        .filter_map(|(name, at)| Some((name, humantime::format_rfc3339_micros(at?).to_string())))
}

fn agrees<T: PartialEq>(stated: Option<&T>, wanted: Option<&T>) -> bool {
    stated.is_none() || wanted.is_none() || stated == wanted
}

fn is_within(stated: Option<SystemTime>, after: Option<SystemTime>, before: Option<SystemTime>) -> bool {
    let Some(at) = stated else { return true };
    after.is_none_or(|after| at >= after) && before.is_none_or(|before| at <= before)
}

/// A list as an iterator, which ends after the first call that fails.
#[expect(private_bounds, reason = "there are three types of records, and no need for another")]
pub struct Records<'a, T: Listed> {
    client: &'a Client,
    path: &'static str,
    filter: T::Filter,
    page: vec::IntoIter<Result<T, ApiError>>,
    after: Option<String>,
    seen: HashSet<String>,
    ended: bool,
}

#[expect(private_bounds, reason = "there are three types of records, and no need for another")]
impl<'a, T: Listed> Records<'a, T> {
    pub(super) fn new(client: &'a Client, path: &'static str, filter: T::Filter) -> Self {
        let page = Vec::new().into_iter();
        Self { client, path, filter, page, after: None, seen: HashSet::new(), ended: false }
    }

    fn next_page(&mut self) -> Result<(), ApiError> {
        let mut query = vec![("limit", PAGE_LIMIT.to_string())];
        query.extend(T::query(&self.filter));
        query.extend(self.after.take().map(|after| ("after", after)));
        let answer = self.client.call(&Method::GET, self.path, &query, None, Retry::Always)?;
        let Value::Array(records) = answer.data()? else { return Err(answer.unreadable()) };
        let records: Vec<_> = records.into_iter().map(|record| answer.record(record)).collect();
        self.page = records.into_iter();
        self.after = answer.after();
        match &self.after {
            None => self.ended = true,
            // Otherwise a loop of cursors would be read forever.
            Some(after) if !self.seen.insert(after.clone()) => return Err(ApiError::CursorLoop),
            Some(_) => {}
        }
        Ok(())
    }
}

impl<T: Listed> Iterator for Records<'_, T> {
    type Item = Result<T, ApiError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            for record in self.page.by_ref() {
                if record.as_ref().map_or(true, |record| record.passes(&self.filter)) {
                    return Some(record);
                }
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.next_page() {
                self.ended = true;
                self.page = Vec::new().into_iter();
                return Some(Err(error));
            }
        }
    }
}
