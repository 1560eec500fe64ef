//! The stream of deliveries.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};

use super::Inspector;

/// An open stream.
struct Stream(BufReader<TcpStream>);

#[derive(Debug, PartialEq)]
struct Event {
    kind: String,
    id: Option<u64>,
    data: Value,
}

impl Stream {
    fn open(inspector: &Inspector, query: &str, last: Option<&str>) -> Self {
        let address = inspector.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        write!(stream, "GET /inspector/stream{query} HTTP/1.0\r\nHost: {address}\r\n{last}\r\n").unwrap();
        let mut stream = Self(BufReader::new(stream));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            stream.0.read_line(&mut head).unwrap();
        }
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        stream
    }

    fn next(&mut self) -> Event {
        let mut event = Event { kind: String::new(), id: None, data: Value::Null };
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            match line.trim_end().split_once(": ") {
                Some(("event", kind)) => kind.clone_into(&mut event.kind),
                Some(("id", id)) => event.id = Some(id.parse().unwrap()),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                _ if line == "\n" && !event.kind.is_empty() => return event,
                _ => {}
            }
        }
    }

    fn numbers(&mut self, count: usize) -> Vec<u64> {
        let numbers = (0..count).map(|_| {
            let event = self.next();
            assert_eq!(event.kind, "delivery", "{event:?}");
            assert_eq!(event.data["number"].as_u64(), event.id);
            event.id.unwrap()
        });
        numbers.collect()
    }
}

#[test]
fn a_delivery_arrives_at_every_open_stream() {
    let inspector = Inspector::start(&[]);
    inspector.sample("order.created");
    let mut streams = [Stream::open(&inspector, "", None), Stream::open(&inspector, "", None)];
    let instance = inspector.json("/inspector/deliveries")["instance"].clone();
    for stream in &mut streams {
        assert_eq!(
            stream.next(),
            Event { kind: "start".into(), id: None, data: json!({ "instance": instance }) }
        );
    }
    inspector.sample("ping.triggered");
    for stream in &mut streams {
        let event = stream.next();
        assert_eq!(
            (event.kind.as_str(), event.id),
            ("delivery", Some(2)),
            "not what came before it was opened"
        );
        assert_eq!(event.data, inspector.rows()[0]);
    }
}

#[test]
fn a_stream_resumes_where_it_was_interrupted() {
    let inspector = Inspector::start(&[]);
    for _ in 0..3 {
        inspector.sample("ping.triggered");
    }
    let mut resumed = Stream::open(&inspector, "", Some("1"));
    resumed.next();
    assert_eq!(resumed.numbers(2), [2, 3]);
    let mut whole = Stream::open(&inspector, "?after=0", None);
    whole.next();
    assert_eq!(whole.numbers(3), [1, 2, 3]);
    // The header is that of a browser that connects again, to the address with which it began.
    let mut again = Stream::open(&inspector, "?after=0", Some("3"));
    again.next();
    inspector.sample("ping.triggered");
    for stream in [&mut resumed, &mut whole, &mut again] {
        assert_eq!(stream.numbers(1), [4]);
    }
}

#[test]
fn a_stream_that_missed_too_much_is_reset() {
    let inspector = Inspector::start(&[]);
    inspector.sample("ping.triggered");
    // After a restart of `serve`, the numbers are smaller than before.
    let mut stream = Stream::open(&inspector, "", Some("7"));
    stream.next();
    assert_eq!(stream.next(), Event { kind: "reset".into(), id: Some(1), data: json!({}) });
    inspector.sample("ping.triggered");
    assert_eq!(stream.numbers(1), [2]);
}
