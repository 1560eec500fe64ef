//! A run of `listen`: what is listed, delivered and repeated, and when.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use duffel_webhook_receiver::duffel::{ApiError, Client, EventFilter, EventRecord, Retryability};
use wildmatch::WildMatch;

use super::{
    agenda::{Agenda, Happening},
    attempt::{Attempt, Deliverer, Outcome},
    backlog::{Backlog, Open, wait_after},
    cursor::Cursor,
    decision::Decision,
    report::Report,
    resume::ResumeFile,
};
use crate::shared::{
    Result,
    output::{duration, remark},
    signals::Signal,
};

pub(super) struct Session {
    pub(super) duffel: Arc<Client>,
    pub(super) deliverer: Arc<Deliverer>,
    /// The selected types; empty for all.
    pub(super) types: Vec<WildMatch>,
    pub(super) live: bool,
    pub(super) interval: Duration,
    pub(super) file: Option<ResumeFile>,
    pub(super) cursor: Cursor,
    pub(super) backlog: Backlog,
    pub(super) report: Report,
    /// The event that is being delivered.
    pub(super) in_flight: Option<String>,
    /// Events of which it is not known whether the receiver got them.
    pub(super) unclear: BTreeSet<String>,
    /// What to print when the events before the start are known.
    pub(super) greeting: Option<String>,
}

impl Session {
    /// Listens until an interruption or a failure.
    pub(super) fn run(mut self) -> Result<()> {
        let mut agenda = Agenda::new()?;
        let ended = self.listen(&mut agenda);
        let ended = ended.and(self.finish_attempt(&mut agenda));
        let last_words = self.last_words();
        match (ended, self.backlog.events()) {
            (Ok(()), []) => {
                remark(&last_words);
                self.report.finish()
            }
            (Ok(()), _) => Err(last_words.into()),
            (Err(error), _) => {
                remark(&last_words);
                Err(error)
            }
        }
    }

    fn listen(&mut self, agenda: &mut Agenda) -> Result<()> {
        loop {
            if self.report.is_closed() {
                return Err("the standard output is closed".into());
            }
            let due = self.start_what_is_due(agenda)?;
            match agenda.next(due) {
                None => {}
                Some(Happening::Listed(list)) => self.take_list(list, agenda)?,
                Some(Happening::Attempted(attempt)) => self.take_attempt(&attempt, agenda)?,
                Some(Happening::Signal(_)) => return Ok(()),
            }
        }
    }

    /// Starts a list and a delivery, if it is time, and returns when it is time again.
    fn start_what_is_due(&mut self, agenda: &mut Agenda) -> Result<Option<Instant>> {
        let now = Instant::now();
        if !agenda.is_listing && agenda.next_list <= now {
            let (duffel, after) = (Arc::clone(&self.duffel), self.cursor.after());
            let filter = EventFilter { after: Some(after), ..EventFilter::default() };
            agenda.start(move || Happening::Listed(duffel.events(&filter).collect()))?;
            agenda.is_listing = true;
        }
        let next_list = Some(agenda.next_list).filter(|_| !agenda.is_listing);
        if self.in_flight.is_some() {
            return Ok(next_list);
        }
        let Some((event, at)) = self.backlog.next(now) else { return Ok(next_list) };
        let at = at.max(agenda.next_connection);
        if at > now {
            return Ok(Some(next_list.map_or(at, |list| list.min(at))));
        }
        let (deliverer, event) = (Arc::clone(&self.deliverer), event.clone());
        self.in_flight = Some(event.id.clone());
        self.save()?;
        agenda.start(move || Happening::Attempted(deliverer.attempt(&event)))?;
        Ok(next_list)
    }

    fn take_list(
        &mut self,
        list: std::result::Result<Vec<EventRecord>, ApiError>,
        agenda: &mut Agenda,
    ) -> Result<()> {
        agenda.is_listing = false;
        agenda.next_list = Instant::now() + self.interval;
        let is_first = self.greeting.is_some();
        match list {
            Ok(listed) => {
                agenda.list_failures = 0;
                let mut new = self.cursor.advance(listed, SystemTime::now());
                if let Some(event) =
                    new.iter().find(|event| event.live_mode.is_some_and(|it| it != self.live))
                {
                    return Err(format!(
                        "{} is not an event of the mode that was asked for: see --live",
                        event.id
                    )
                    .into());
                }
                new.retain(|event| self.is_selected(event));
                let is_changed = is_first || !new.is_empty();
                self.backlog.extend(new.into_iter().map(Open::new));
                if is_changed {
                    self.save()?;
                }
                if let Some(greeting) = self.greeting.take() {
                    remark(&greeting);
                }
                Ok(())
            }
            Err(error) if is_first || error.retryability() == Retryability::Permanent => Err(error.into()),
            Err(error) => {
                agenda.list_failures += 1;
                let asked =
                    if let ApiError::Refused { retry_after, .. } = &error { *retry_after } else { None };
                let wait = self.interval.max(wait_after(agenda.list_failures)).max(asked.unwrap_or_default());
                agenda.next_list = Instant::now() + wait;
                remark(&format!("duffel-hooks: {error}: listing the events again in {}", duration(wait)));
                Ok(())
            }
        }
    }

    fn is_selected(&self, event: &EventRecord) -> bool {
        let kind = event.kind.as_deref().unwrap_or_default();
        self.types.is_empty() || self.types.iter().any(|selected| selected.matches(kind))
    }

    fn take_attempt(&mut self, attempt: &Attempt, agenda: &mut Agenda) -> Result<()> {
        self.in_flight = None;
        let id = &attempt.id;
        if let Some(record) = attempt.record.clone() {
            self.backlog.complete(id, record);
        }
        match attempt.outcome {
            Outcome::Answered(..) | Outcome::Gone => drop(self.unclear.remove(id)),
            Outcome::NoAnswer(_) => drop(self.unclear.insert(id.clone())),
            Outcome::NoConnection(_) | Outcome::NotFetched(_) => {}
        }
        let event = self.backlog.events().iter().find(|event| event.id == *id).cloned();
        let decision = Decision::make(attempt, &mut self.backlog, agenda);
        match decision {
            Decision::Accepted | Decision::Gone => self.backlog.settle(id),
            Decision::Refused => self.backlog.refuse(id),
            Decision::Retry(_) => {}
        }
        self.save()?;
        if let Some(event) = event {
            self.report.attempt(&event, attempt, decision);
        }
        Ok(())
    }

    /// Waits for the receiver's response, unless there is another interruption.
    fn finish_attempt(&mut self, agenda: &mut Agenda) -> Result<()> {
        if let Some(id) = &self.in_flight {
            remark(&format!("duffel-hooks: waiting for the response to {id}; a second Ctrl-C ends the wait"));
        }
        while self.in_flight.is_some() {
            match agenda.next(None) {
                Some(Happening::Attempted(attempt)) => self.take_attempt(&attempt, agenda)?,
                // The hang-up of one terminal may arrive twice.
                Some(Happening::Listed(_) | Happening::Signal(Signal::HangUp)) => {}
                Some(Happening::Signal(_)) | None => break,
            }
        }
        Ok(())
    }

    fn save(&self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        file.write(&self.cursor, &self.backlog, self.in_flight.iter().chain(&self.unclear))
    }

    fn last_words(&self) -> String {
        let mut words = vec![self.report.totals(self.backlog.counts())];
        if let Some(id) = &self.in_flight {
            words.push(format!("{id} was in flight: it may have arrived"));
        }
        if !self.backlog.events().is_empty() {
            words.push(match (&self.file, self.backlog.events().iter().find_map(|event| event.created_at)) {
                (Some(file), _) => {
                    format!("to go on, run the same command again ({})", file.path().display())
                }
                (None, Some(at)) => {
                    let at = humantime::format_rfc3339_seconds(at);
                    format!("to go on, use --since {at}; with --resume nothing is delivered twice")
                }
                (None, None) => "to go on, use --since".to_owned(),
            });
        }
        words.join("\n")
    }
}
