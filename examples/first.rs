//! Prints what each event is about. The messages are on the standard input, as `duffel-hooks serve` prints them.

use std::{error::Error, io};

use duffel_webhook_receiver::consume::{Event, Received, event::Payload};
use serde_json::{Deserializer, Value};

fn main() -> Result<(), Box<dyn Error>> {
    for message in Deserializer::from_reader(io::stdin()).into_iter::<Value>() {
        let message = Received::read(message?)?;
        let Event::Duffel(event) = message.event() else { continue };
        match event.payload {
            Payload::OrderCreated(order) => println!("the order {} is created", order?.order_id),
            _ => println!("{} is skipped", event.kind),
        }
    }
    Ok(())
}
