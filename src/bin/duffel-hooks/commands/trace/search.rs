//! The search for all that is known of the events that a subject names.

use std::{rc::Rc, time::SystemTime};

use aws_config::SdkConfig;
use duffel_webhook_receiver::{
    deployment::{Output, Stack},
    duffel::EventRecord,
    identity::Identity,
};
use serde_json::Value;

use super::{
    Asked,
    at_duffel::AtDuffel,
    evidence::{Common, Evidence, StackFacts},
    in_gateway,
    in_log::ReceiverLog,
    in_stack::{Queues, record},
    names::{Candidates, Names},
    subject::{Form, Subject, is_duffels},
};
use crate::shared::{delivery_line::DeliveryLine, output::remark};

/// The maximum number of events of one object to trace.
const MOST: usize = 50;

pub(super) struct Search<'a> {
    pub(super) sdk: &'a SdkConfig,
    pub(super) stack: &'a Stack,
    pub(super) subject: &'a Subject,
    pub(super) since: SystemTime,
    pub(super) now: SystemTime,
    pub(super) duffel: AtDuffel,
    pub(super) peeks: bool,
}

/// What Duffel and the log have under the subject's name.
struct Found {
    events: Asked<Vec<EventRecord>>,
    lines: Asked<Vec<DeliveryLine>>,
}

impl Search<'_> {
    pub(super) async fn run(&self) -> Vec<Evidence> {
        let sources = duffel_sources(self.stack);
        let log = ReceiverLog::of(self.sdk, self.stack, self.since, self.now).await;
        let found = self.find(&log, &sources).await;
        let attempts = self.duffel.attempts(found.events.as_deref().unwrap_or_default()).await;
        let output = |output| self.stack.output(output).ok().map(str::to_owned);
        let common = Rc::new(Common {
            stack: StackFacts {
                name: self.stack.name.clone(),
                webhook_url: output(Output::WebhookUrl),
                has_domain: self.stack.parameter("BasePath").is_some(),
                secret: output(Output::SecretArn),
                log_level: self.stack.parameter("LogLevel").map(str::to_owned),
            },
            now: self.now,
            webhooks: self.duffel.webhooks().await,
            gateway: in_gateway::refusals(self.sdk, self.stack, attempts.as_deref().unwrap_or_default())
                .await,
            refusals: log.refusals(attempts.as_deref().unwrap_or_default()).await,
            queues: Queues::read(self.sdk, self.stack, self.peeks).await,
        });
        let candidates = Candidates {
            subject: self.subject,
            sources: &sources,
            events: found.events.as_deref().unwrap_or_default(),
            lines: found.lines.as_deref().unwrap_or_default(),
            letters: common.queues.dead.as_ref().map(|dead| &dead.letters[..]).unwrap_or_default(),
        };
        let mut names = candidates.find();
        if names.is_empty() {
            names.push(Names::of_unknown(self.subject, sources.first(), self.duffel.live_mode()));
        }
        if let Some(more) = names.len().checked_sub(MOST).filter(|more| *more > 0) {
            remark(&format!("{more} more events have this name: narrow the period with --since"));
            names.truncate(MOST);
        }
        let mut traced = Vec::new();
        for names in names {
            let evidence = self.evidence(names, &found, &attempts, &common, &sources);
            traced.push(evidence.await);
        }
        traced
    }

    /// Asks Duffel and the log for the subject, and then for what they say belongs to it.
    async fn find(&self, log: &ReceiverLog, sources: &[String]) -> Found {
        let Subject { text } = self.subject;
        let form = self.subject.form();
        let mut events = match form {
            Form::DuffelEvent => self.duffel.events(vec![text.clone()]).await,
            Form::KeyOrEvent => {
                let name = text.clone();
                self.duffel.list(move |event| event.idempotency_key.as_ref() == Some(&name)).await
            }
            Form::Identity | Form::Message => self.duffel.events(Vec::new()).await,
        };
        let mut values = vec![text.clone()];
        add_names(&mut values, events.as_deref().unwrap_or_default(), sources);
        values.extend(
            self.subject.possible_identities(sources).iter().map(|identity| identity.as_str().to_owned()),
        );
        let mut lines = log.lines(&values).await;
        if let Ok(known) = &mut events {
            let is_new = |id: &String| is_duffels(id) && !known.iter().any(|event| event.id == *id);
            let ids = lines.iter().flatten().filter_map(|line| line.event_id.clone());
            let mut ids: Vec<_> = ids.filter(is_new).collect();
            ids.sort();
            ids.dedup();
            let more = match self.subject.identity() {
                Some(identity) if ids.is_empty() => {
                    let sources = sources.to_vec();
                    let is_it = move |event: &EventRecord| {
                        sources.iter().any(|source| event.identity(source).as_ref() == Some(&identity))
                    };
                    self.duffel.list(is_it).await
                }
                _ => self.duffel.events(ids).await,
            };
            match more {
                Ok(more) => known.extend(more),
                Err(reason) => events = Err(reason),
            }
        }
        let searched = values.len();
        add_names(&mut values, events.as_deref().unwrap_or_default(), sources);
        let identities = lines.iter().flatten().filter_map(|line| line.identity.clone());
        for identity in identities.collect::<Vec<_>>() {
            add(&mut values, identity);
        }
        if values.len() > searched && lines.is_ok() {
            // All values, since the order of the lines is theirs.
            lines = log.lines(&values).await;
        }
        Found { events, lines }
    }

    async fn evidence(
        &self,
        mut names: Names,
        found: &Found,
        attempts: &Asked<Vec<duffel_webhook_receiver::duffel::DeliveryRecord>>,
        common: &Rc<Common>,
        sources: &[String],
    ) -> Evidence {
        let identities = match &names.identity {
            Some(identity) => vec![identity.clone()],
            None if names.id.is_none() => self.subject.possible_identities(sources),
            None => Vec::new(),
        };
        let record = match record(self.sdk, self.stack, &identities).await {
            Ok(Some((identity, record))) => {
                names.id = names.id.or_else(|| record.event_id.clone());
                names.kind = names.kind.or_else(|| record.event_type.clone());
                names.identity = Some(identity);
                Ok(Some(record))
            }
            Ok(None) => Ok(None),
            Err(reason) => Err(reason),
        };
        let identity = names.identity.as_ref().map(Identity::as_str);
        let is_its = |line: &&DeliveryLine| {
            let has_id = |id: &Option<String>| id.is_some() && *id == names.id;
            has_id(&line.event_id) || identity.is_some() && line.identity.as_deref() == identity
        };
        let lines = found.lines.as_ref().map_err(Clone::clone);
        let lines = lines.map(|lines| lines.iter().filter(is_its).cloned().collect());
        let is_at_duffel = names.source.as_ref().is_none_or(|source| sources.contains(source));
        let of_event = |attempt: &&duffel_webhook_receiver::duffel::DeliveryRecord| {
            attempt.event_id.is_some() && attempt.event_id == names.id
        };
        let events = found.events.as_ref().map_err(Clone::clone);
        let event =
            events.map(|events| events.iter().find(|event| Some(&event.id) == names.id.as_ref()).cloned());
        let attempts = attempts.as_ref().map_err(Clone::clone);
        let attempts = attempts.map(|attempts| attempts.iter().filter(of_event).cloned().collect());
        Evidence { common: Rc::clone(common), names, is_at_duffel, event, attempts, lines, record }
    }
}

/// Adds the ids and identities of events.
fn add_names(values: &mut Vec<String>, events: &[EventRecord], sources: &[String]) {
    for event in events {
        add(values, event.id.clone());
        for identity in sources.iter().filter_map(|source| event.identity(source)) {
            add(values, identity.as_str().to_owned());
        }
    }
}

fn add(values: &mut Vec<String>, value: String) {
    if !values.contains(&value) {
        values.push(value);
    }
}

/// The names of the stack's sources that are Duffel's.
fn duffel_sources(stack: &Stack) -> Vec<String> {
    let Some(sources) = stack.parameter("Sources") else { return vec!["duffel".to_owned()] };
    let sources: Value = serde_json::from_str(sources).unwrap_or_default();
    let sources = sources.as_object().into_iter().flatten();
    let sources = sources.filter(|(_, source)| source["scheme"] == "duffel");
    sources.map(|(name, _)| name.clone()).collect()
}
