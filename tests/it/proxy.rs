//! What can befall a call to AWS on its way, on demand: a proxy in front of the queue, the table and the secrets.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING}};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;

use crate::runtime_api::listen;

/// What happens to a call.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Nothing.
    None,
    /// The connection is closed before the call arrives.
    Close,
    /// The call is carried out, and the connection closed before the answer.
    LoseAnswer,
    /// The call is carried out, and the connection closed in the middle of the answer.
    CutAnswer,
    /// The call is carried out, and nothing follows the first half of the answer.
    StallAnswer,
    /// The call never arrives, and nothing is heard of it.
    Hang,
    /// The call and its answer take their time.
    Delay(Duration),
    /// The call is refused with a status and an error of AWS.
    Refuse(u16, &'static str),
}

impl Fault {
    /// Every way in which a call can fail.
    pub const FAILURES: [Self; 8] = [
        Self::Close,
        Self::LoseAnswer,
        Self::CutAnswer,
        Self::StallAnswer,
        Self::Hang,
        Self::Refuse(500, "InternalServerError"),
        Self::Refuse(503, "ServiceUnavailable"),
        Self::Refuse(400, "ThrottlingException"),
    ];
}

/// When a call is held up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    BeforeIt,
    AfterIt,
}

/// A call held up; it fails when this is dropped.
pub struct Held {
    reached: oneshot::Receiver<()>,
    go_on: oneshot::Sender<()>,
}

impl Held {
    /// Waits until the call has come to where it is held up.
    pub async fn reached(&mut self) {
        (&mut self.reached).await.unwrap();
    }

    /// Lets the call go on.
    pub fn release(self) {
        let _ = self.go_on.send(());
    }
}

struct Hold {
    moment: Moment,
    reached: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

impl Hold {
    async fn wait(self) -> io::Result<()> {
        let _ = self.reached.send(());
        self.go_on.await.map_err(|_| closed())
    }
}

/// Passes calls on to where they are meant for, unless told otherwise; actions are named as IAM names them.
#[derive(Clone)]
pub struct Proxy {
    pub url: String,
    plan: Arc<Plan>,
}

#[derive(Default)]
struct Plan {
    upstream: String,
    agent: Option<ureq::Agent>,
    faults: Mutex<HashMap<String, Vec<Fault>>>,
    holds: Mutex<HashMap<String, Hold>>,
    calls: Mutex<BTreeMap<String, usize>>,
}
