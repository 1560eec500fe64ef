//! Mutants of the pipeline, written on plain data, because the types of the real one make most mutations a compile error.

use std::time::SystemTime;

use bytes::Bytes;
use duffel_webhook_receiver::{ledger::Record, receive::Source, signature::Delivery, time::unix_seconds};
use http::Request;
use serde_json::Value;

use super::{
    events::sources,
    ports::{Lost, Ports},
    scheduler::{Answer, Pipe, Subject},
    world::{RETENTION_MARGIN, Replace, SentMessage},
};

/// The mutation of a mutant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// None. It shows that the other mutants are detected for their mutations, not for how they are written.
    None,
    AcknowledgesFirst,
    IgnoresTheQueue,
    RecordsFirst,
    /// Claims the event before it sends it, so that no other delivery sends it.
    ClaimsFirst,
    NeverLooks,
    LooksLast,
    /// Uses the key of the object as the identity of the event.
    IdentifiesByKeyAlone,
    /// Uses the id as the identity, although one event may have two ids.
    IdentifiesByIdAlone,
    /// Treats an unknown type as one that happens once for an object.
    IdentifiesUnknownTypesByKey,
    /// Lets a duplicate with another id extend the record.
    ExtendsUnderOtherIds,
    ForwardsEverything,
    ParsesFirst,
    NeverVerifies,
    /// Lets a record expire by the clock of the process, although the clock of the sender may be ahead.
    ExpiresByOurClock,
    /// Answers 503 if the event was forwarded but not recorded.
    FailsIfUnrecorded,
}

/// The mutant with one mutation.
pub fn mutant(mutation: Mutation) -> Subject {
    Subject::new(move |ports, window| Box::new(Mutant { ports, sources: sources(window), window, mutation }))
}

struct Parsed {
    kind: String,
    id: Option<String>,
    identity: String,
    group: String,
}

struct Mutant {
    ports: Ports,
    sources: Vec<Source>,
    window: u64,
    mutation: Mutation,
}

impl Pipe for Mutant {
    fn deliver(&self, request: Request<Bytes>, now: SystemTime) -> Answer<'_> {
        Box::pin(async move {
            let answer = self.receive(&request, now).await;
            answer.unwrap_or_else(|refusal| refusal).to_owned()
        })
    }
}

impl Mutant {
    async fn receive(&self, request: &Request<Bytes>, now: SystemTime) -> Result<&str, &'static str> {
        let source =
            self.sources.iter().find(|source| request.uri().path().ends_with(source.verifier.source()));
        let source = source.ok_or("404 not_found")?;
        if self.mutation == Mutation::ParsesFirst {
            self.parse(source, request.body())?;
        }
        let signed = self.verify(source, request, now)?;
        let Parsed { kind, id, identity, group } = self.parse(source, request.body())?;
        let filters = self.mutation != Mutation::ForwardsEverything;
        if filters && source.verifier.source() == "duffel" && !kind.starts_with("order.") {
            return Ok("200 ignored");
        }
        let clock = unix_seconds(now);
        let from = if self.mutation == Mutation::ExpiresByOurClock { clock } else { clock.max(signed) };
        let record = Record {
            event_id: id,
            event_type: None,
            body_sha256: None,
            message_id: String::new(),
            recorded_at: clock,
            counts_from: from,
            expires_at: from + self.window + RETENTION_MARGIN,
        };
        if !matches!(self.mutation, Mutation::NeverLooks | Mutation::LooksLast)
            && let Some(known) = self.find(&identity, clock).await?
        {
            if known.event_id == record.event_id || self.mutation == Mutation::ExtendsUnderOtherIds {
                self.record(&identity, &record).await.ok();
            }
            return Ok("200 duplicate");
        }
        let claim = format!("{identity}, claimed");
        if self.mutation == Mutation::ClaimsFirst {
            if self.find(&claim, clock).await?.is_some() {
                return Err("503 unavailable");
            }
            self.record(&claim, &record).await.map_err(|Lost| "503 unavailable")?;
        }
        if self.mutation == Mutation::RecordsFirst {
            self.record(&identity, &record).await.map_err(|Lost| "503 unavailable")?;
        }
        if self.mutation == Mutation::AcknowledgesFirst {
            self.ports.answer("202 accepted".to_owned());
        }
        let body = str::from_utf8(request.body()).unwrap().to_owned();
        let signature = header(source, request).unwrap_or_default();
        let sent =
            self.ports.send(SentMessage { identity: identity.clone(), group, body, signature }, true).await;
        if self.mutation != Mutation::IgnoresTheQueue {
            sent.map_err(|Lost| "503 unavailable")?;
        }
        if self.mutation == Mutation::LooksLast && self.find(&identity, clock).await?.is_some() {
            return Ok("200 duplicate");
        }
        let recorded = self.record(&identity, &record).await;
        if self.mutation == Mutation::FailsIfUnrecorded {
            recorded.map_err(|Lost| "503 unavailable")?;
        }
        Ok("202 accepted")
    }

    /// Returns the signed time, or 0.
    fn verify(
        &self,
        source: &Source,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Result<u64, &'static str> {
        let name = source.verifier.scheme().families[0].signature.clone();
        let headers = header(source, request).map(|value| (name, value)).into_iter().collect();
        let delivery = Delivery { headers, body: request.body().clone(), trace: None };
        match source.verifier.verify(delivery, now) {
            Ok(verified) => Ok(verified.timestamp().unwrap_or_default()),
            Err(_) if self.mutation == Mutation::NeverVerifies => Ok(0),
            Err(_) => Err("401 unauthorized"),
        }
    }

    fn parse(&self, source: &Source, body: &[u8]) -> Result<Parsed, &'static str> {
        let event: Value = serde_json::from_slice(body).map_err(|_| "400 malformed")?;
        let text = |name: &str| event[name].as_str().unwrap_or_default();
        let kind = text("type").to_owned();
        let identity = match source.verifier.source() {
            "duffel" if kind.is_empty() => return Err("400 malformed"),
            "duffel" if self.mutation == Mutation::IdentifiesByKeyAlone => text("idempotency_key").to_owned(),
            "duffel" if self.mutation == Mutation::IdentifiesByIdAlone => text("id").to_owned(),
            "duffel" => {
                let id_counts = match self.mutation {
                    Mutation::IdentifiesUnknownTypesByKey => kind == "order.updated",
                    _ => kind != "order.created",
                };
                let id = if id_counts { text("id") } else { "" };
                format!("{kind} {id} {} {}", text("idempotency_key"), event["live_mode"])
            }
            "payments" => text("id").to_owned(),
            _ => event.to_string(),
        };
        let id = event["id"].as_str().map(str::to_owned);
        let object = match source.verifier.source() {
            "duffel" => text("idempotency_key"),
            "payments" => text("id"),
            _ => "",
        };
        let group = format!("{}/{object}", source.verifier.source());
        Ok(Parsed { kind, id, identity, group })
    }

    async fn find(&self, identity: &str, clock: u64) -> Result<Option<Record>, &'static str> {
        let found = self.ports.find(identity).await.map_err(|Lost| "503 unavailable")?;
        Ok(found.filter(|record| record.counts_from + self.window >= clock))
    }

    async fn record(&self, identity: &str, record: &Record) -> Result<(), Lost> {
        match self.ports.put(identity, record, Replace::IfLater).await {
            Ok(()) => Ok(()),
            Err(Lost) => self.ports.put(identity, record, Replace::IfLater).await,
        }
    }
}

fn header(source: &Source, request: &Request<Bytes>) -> Option<String> {
    let value = request.headers().get(&*source.verifier.scheme().families[0].signature)?;
    value.to_str().ok().map(str::to_owned)
}
