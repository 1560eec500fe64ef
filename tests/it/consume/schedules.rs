//! Random batches, what became of their messages, and the promises of the batch handler.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use duffel_webhook_receiver::consume::kit::{self, Kit};
use fastrand::Rng;
use serde_json::Value;

use super::duffel_kit;

/// The behaviour of the handler with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Succeeds,
    Fails,
    Panics,
    /// It cannot be decoded, so the handler must not see it.
    Undecodable,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub id: String,
    pub group: Option<usize>,
    pub behaviour: Behaviour,
    pauses: u8,
}

/// A batch, and the handler of its messages, which keeps a trace.
pub struct Batch {
    pub entries: Vec<Entry>,
    pub event: Value,
    trace: Mutex<Vec<Step>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Begins(String),
    Ends(String),
}

/// A promise of the batch handler, in the order of checking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// There is a response, whatever happens.
    Answered,
    /// The ids are those of messages of the batch, each of them once, in their order.
    Valid,
    /// A message begins when those before it in its group have succeeded, and not before.
    Ordered,
    /// No message is handled twice in a batch.
    Once,
    /// Every message without a failure before it in its group is handled, whatever happened in earlier batches.
    Handled,
    /// Groups are handled at the same time.
    Concurrent,
    /// Every message that was not handled successfully comes again.
    Kept,
    /// No message comes again that was handled successfully.
    Done,
}

impl Batch {
    /// Makes a batch of messages with a group (`None` on a standard queue) and a behaviour.
    pub fn new(messages: &[(Option<usize>, Behaviour)], pauses: u8) -> Self {
        Self::of(messages.iter().map(|(group, behaviour)| (*group, *behaviour, pauses)), &mut duffel_kit())
    }

    fn of(messages: impl Iterator<Item = (Option<usize>, Behaviour, u8)>, kit: &mut Kit) -> Self {
        let (mut entries, mut sent) = (Vec::new(), Vec::new());
        for (group, behaviour, pauses) in messages {
            let message = match group {
                Some(group) => kit.event("air.order.changed", &format!("ord_{group}")).unwrap(),
                None => kit.event("air.order.changed", "ord_0").unwrap().on_standard_queue(),
            };
            let message = if behaviour == Behaviour::Undecodable { message.undecodable() } else { message };
            entries.push(Entry { id: message.message_id().to_owned(), group, behaviour, pauses });
            sent.push(message);
        }
        Self { entries, event: kit::lambda_event(&sent), trace: Mutex::default() }
    }

    pub fn draw(rng: &mut Rng, kit: &mut Kit) -> Self {
        let mut messages = Vec::new();
        for _ in 0..rng.usize(0..=10) {
            let group = rng.u8(0..10).checked_sub(2).map(|_| rng.usize(0..4));
            let behaviour = match rng.u8(0..10) {
                0 | 1 => Behaviour::Fails,
                2 => Behaviour::Panics,
                3 => Behaviour::Undecodable,
                _ => Behaviour::Succeeds,
            };
            messages.push((group, behaviour, rng.u8(1..4)));
        }
        Self::of(messages.into_iter(), kit)
    }

    /// Handles a message as its behaviour says.
    pub async fn work(&self, id: &str) -> Result<(), &'static str> {
        let entry = self.entries.iter().find(|entry| entry.id == id).expect("a message of the batch");
        self.trace.lock().unwrap().push(Step::Begins(id.to_owned()));
        for _ in 0..entry.pauses {
            tokio::task::yield_now().await;
        }
        self.trace.lock().unwrap().push(Step::Ends(id.to_owned()));
        match entry.behaviour {
            Behaviour::Succeeds => Ok(()),
            Behaviour::Fails => Err("failed on purpose"),
            // Without the message of a panic, of which there are thousands.
            Behaviour::Panics => std::panic::resume_unwind(Box::new("a panic on purpose")),
            Behaviour::Undecodable => panic!("{id} cannot be decoded"),
        }
    }

    pub fn trace(&self) -> Vec<Step> {
        self.trace.lock().unwrap().clone()
    }

    /// Returns the first promise that a response breaks.
    pub fn broken(&self, response: Option<&Value>) -> Option<Promise> {
        let Some(response) = response else { return Some(Promise::Answered) };
        let Some(failures) = response["batchItemFailures"].as_array() else { return Some(Promise::Valid) };
        let reported: Vec<_> =
            failures.iter().map(|it| it["itemIdentifier"].as_str().unwrap_or_default()).collect();
        let distinct: HashSet<_> = reported.iter().copied().collect();
        let known = self.entries.iter().map(|entry| entry.id.as_str()).filter(|id| distinct.contains(id));
        if known.collect::<Vec<_>>() != reported {
            return Some(Promise::Valid);
        }
        let trace = self.trace();
        let place = |step| trace.iter().position(|it| *it == step);
        let (begins, ends) =
            (|id: &str| place(Step::Begins(id.to_owned())), |id: &str| place(Step::Ends(id.to_owned())));
        let mut groups: HashMap<_, Vec<&Entry>> = HashMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let group = entry.group.ok_or(at);
            groups.entry(group).or_default().push(entry);
        }
        let (mut again, mut first) = (HashSet::new(), Vec::new());
        let mut broken = Vec::new();
        for group in groups.values() {
            let failure = group.iter().position(|entry| entry.behaviour != Behaviour::Succeeds);
            let failure = failure.unwrap_or(group.len());
            again.extend(group[failure..].iter().map(|entry| entry.id.as_str()));
            for (at, entry) in group.iter().enumerate() {
                let begun = begins(&entry.id);
                let is_due = at < failure || at == failure && entry.behaviour != Behaviour::Undecodable;
                if begun.is_none() && is_due {
                    broken.push(Promise::Handled);
                }
                let Some(begun) = begun else { continue };
                let before = group[..at].last().map(|before| ends(&before.id));
                if !is_due || before.is_some_and(|before| before.is_none_or(|before| before > begun)) {
                    broken.push(Promise::Ordered);
                }
            }
            if group[0].behaviour != Behaviour::Undecodable {
                first.extend(begins(&group[0].id));
            }
        }
        let begun: Vec<_> = trace.iter().filter(|step| matches!(step, Step::Begins(_))).collect();
        if begun.iter().enumerate().any(|(at, step)| begun[..at].contains(step)) {
            broken.push(Promise::Once);
        }
        // Every message pauses, so all groups have begun before the first message ends.
        let first_end = trace.iter().position(|step| matches!(step, Step::Ends(_)));
        if first_end.is_some_and(|end| first.iter().any(|begun| *begun > end)) {
            broken.push(Promise::Concurrent);
        }
        if !again.is_subset(&distinct) {
            broken.push(Promise::Kept);
        }
        if !distinct.is_subset(&again) {
            broken.push(Promise::Done);
        }
        broken.into_iter().min_by_key(|promise| *promise as u8)
    }
}
