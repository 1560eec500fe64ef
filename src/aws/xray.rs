//! The subsegment of a sampled invocation, which the X-Ray daemon of Lambda adds to its trace.
//!
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html>

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Serialize;
use uuid::Uuid;

use crate::{
    http::{Cause, LogLine},
    log,
};

/// The variable with the daemon's address, which Lambda sets.
const ADDRESS: &str = "AWS_XRAY_DAEMON_ADDRESS";

/// The daemon's header: the format of what follows.
const HEADER: &str = "{\"format\":\"json\",\"version\":1}\n";

/// The X-Ray daemon, which accepts datagrams and answers none.
pub struct XRayDaemon {
    socket: UdpSocket,
    address: SocketAddr,
}

impl XRayDaemon {
    /// Prepares a socket for the daemon that Lambda names. If that is not possible, a warning is logged.
    pub fn of_function(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let address = variable(ADDRESS).filter(|address| !address.is_empty())?;
        match Self::new(&address) {
            Ok(daemon) => Some(daemon),
            Err(error) => {
                tracing::warn!("{ADDRESS} {address:?}: traces will have no annotations: {error}");
                None
            }
        }
    }

    /// Prepares a socket for datagrams to an address such as `169.254.79.129:2000`.
    ///
    /// # Errors
    /// If the address is not an IP address with a port, or there is no socket for it.
    pub fn new(address: &str) -> io::Result<Self> {
        let address: SocketAddr = address.parse().map_err(io::Error::other)?;
        let any: IpAddr =
            if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, address })
    }

    /// Sends the subsegment of a request that has just been answered, if its invocation is sampled. A datagram that
    /// cannot be sent at once is dropped: a trace must not delay or change an answer.
    pub fn send(&self, line: &LogLine, duration: Duration) {
        if let Some(subsegment) = Subsegment::new(line, duration, SystemTime::now())
            && let Ok(document) = serde_json::to_string(&subsegment)
        {
            let _ = self.socket.send_to((HEADER.to_owned() + &document).as_bytes(), self.address);
        }
    }
}

/// A part of the invocation's segment. Foreign texts in it are as short as in the log.
#[derive(Serialize)]
struct Subsegment<'a> {
    name: &'static str,
    id: String,
    trace_id: &'a str,
    parent_id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    start_time: f64,
    end_time: f64,
    /// X-Ray's word for 4xx.
    error: bool,
    /// X-Ray's word for 5xx.
    fault: bool,
    annotations: Annotations<'a>,
}

#[derive(Serialize)]
struct Annotations<'a> {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<String>,
}

impl<'a> Subsegment<'a> {
    /// Returns `None` without a trace, or without a segment in it that this one can be part of.
    fn new(line: &'a LogLine, duration: Duration, ended: SystemTime) -> Option<Self> {
        let trace = line.delivery.trace.as_ref()?;
        let end_time = ended.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (_, random) = Uuid::new_v4().as_u64_pair();
        Some(Self {
            name: "receive",
            id: format!("{random:016x}"),
            trace_id: trace.id(),
            parent_id: trace.parent()?,
            kind: "subsegment",
            start_time: end_time.saturating_sub(duration).as_secs_f64(),
            end_time: end_time.as_secs_f64(),
            error: line.status.is_client_error(),
            fault: line.status.is_server_error(),
            annotations: Annotations {
                outcome: line.outcome,
                cause: line.cause.map(Cause::word),
                source: line.delivery.source.as_deref(),
                event_id: line.delivery.event_id.as_deref().map(log::excerpt),
                event_type: line.delivery.event_type.as_deref().map(log::excerpt),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_ip_address_with_a_port() {
        for valid in ["169.254.79.129:2000", "[::1]:2000"] {
            assert!(XRayDaemon::new(valid).is_ok(), "{valid}");
        }
        for invalid in ["", "169.254.79.129", "localhost:2000", "tcp:127.0.0.1:2000 udp:127.0.0.1:2000"] {
            assert!(XRayDaemon::new(invalid).is_err(), "{invalid}");
        }
    }
}
