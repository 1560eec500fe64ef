//! A function that does nothing, to measure the cost of everything else.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

const ANSWER: &str = r#"{"statusCode":202,"headers":{},"body":"","isBase64Encoded":false}"#;

/// Polls for invocations and answers them, until the Runtime API ends.
pub fn run() {
    let stream = TcpStream::connect(env::var("AWS_LAMBDA_RUNTIME_API").unwrap()).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    loop {
        let next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: api\r\n\r\n";
        let Some(id) = exchange(&mut stream, next) else { return };
        let length = ANSWER.len();
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        let answer = format!("POST {path} HTTP/1.1\r\nHost: api\r\nContent-Length: {length}\r\n\r\n{ANSWER}");
        if exchange(&mut stream, &answer).is_none() {
            return;
        }
    }
}

/// Sends a request and reads the whole answer; returns the id of the invocation, if there is one.
fn exchange(stream: &mut BufReader<TcpStream>, request: &str) -> Option<String> {
    stream.get_mut().write_all(request.as_bytes()).ok()?;
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().ok()?;
            }
            Some((name, value)) if name.eq_ignore_ascii_case("lambda-runtime-aws-request-id") => {
                id = value.into();
            }
            _ if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    stream.read_exact(&mut vec![0; length]).ok()?;
    Some(id)
}
