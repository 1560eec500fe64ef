//! The deliveries: new events, repeated ones, and forgeries.

use bytes::Bytes;
use fastrand::Rng;

use crate::payload::{Payload, body};

/// Events are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    New(u64),
    /// Delivered before, or at the same time.
    Again(u64),
    /// Without a valid signature.
    Forged(u64),
}

/// Draws deliveries: of a hundred, 70 new ones, 20 repetitions, 10 forgeries.
pub struct Deliveries {
    random: Rng,
    genuine: Payload,
    forged: Payload,
    /// The number of events so far.
    pub events: u64,
    /// An event that is repeated at once.
    echo: Option<u64>,
}

impl Deliveries {
    pub fn new(seed: u64) -> Self {
        let forged = Payload::signed_with("another secret");
        Self { random: Rng::with_seed(seed), genuine: Payload::new(), forged, events: 0, echo: None }
    }

    pub fn draw(&mut self) -> (Kind, Bytes) {
        let kind = self.kind();
        let payload = match kind {
            Kind::New(number) | Kind::Again(number) => self.genuine.of(&body(number), &body(number)),
            // Half of them altered after they were signed, half signed with another secret.
            Kind::Forged(number) if number % 2 == 0 => {
                let forged = body(number).replace("order.created", "order.deleted");
                self.genuine.of(&forged, &body(number))
            }
            Kind::Forged(number) => self.forged.of(&body(number), &body(number)),
        };
        (kind, payload)
    }

    fn kind(&mut self) -> Kind {
        if let Some(number) = self.echo.take() {
            return Kind::Again(number);
        }
        match self.random.u32(..90) {
            // Two deliveries at the same time, in most cases to two environments.
            0..10 => {
                self.echo = Some(self.events);
                self.new_event()
            }
            10..20 if self.events > 0 => Kind::Again(self.random.u64(..self.events)),
            // Of a later event, which it must not affect.
            20..30 => Kind::Forged(self.events),
            _ => self.new_event(),
        }
    }

    fn new_event(&mut self) -> Kind {
        self.events += 1;
        Kind::New(self.events - 1)
    }
}
