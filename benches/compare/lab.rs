//! What all subjects share: the thread that serves them, the backends, and the numbers of the events.

use std::{
    cell::{Cell, RefCell},
    net::{SocketAddr, TcpListener as StdListener},
    path::{Path, PathBuf},
    thread,
};

use bytes::Bytes;
use tokio::{
    net::TcpListener,
    runtime::{Builder, Handle},
};

use crate::{
    authority::Authority,
    backend::Backend,
    payload::{Payload, body},
    share::Share,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Http,
    Tls,
}

pub struct Lab {
    pub handle: Handle,
    /// Under the target folder.
    pub folder: PathBuf,
    pub authority: Authority,
    /// `None` if this machine has no cgroup that can be used.
    pub share: Option<Share>,
    http: Backend,
    tls: Backend,
    event: Cell<u64>,
    genuine: RefCell<Payload>,
    forged: RefCell<Payload>,
}

impl Lab {
    pub fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compare");
        std::fs::create_dir_all(&folder).unwrap();
        let authority = Authority::new(&folder);
        let http = Backend::start(&handle, None);
        let tls = Backend::start(&handle, Some(&authority.acceptor));
        Self {
            handle,
            folder,
            authority,
            share: Share::new(),
            http,
            tls,
            event: Cell::new(0),
            genuine: Payload::new().into(),
            forged: Payload::signed_with("another secret").into(),
        }
    }

    pub fn backend(&self, transport: Transport) -> &Backend {
        match transport {
            Transport::Http => &self.http,
            Transport::Tls => &self.tls,
        }
    }

    /// The delivery of an event that no subject has seen.
    pub fn delivery(&self) -> Bytes {
        let body = self.next();
        self.genuine.borrow_mut().of(&body, &body)
    }

    /// The same, with a body of this many bytes.
    pub fn large(&self, bytes: usize) -> Bytes {
        let body = self.next();
        let pad = "x".repeat(bytes.saturating_sub(body.len() + r#","pad":"""#.len()));
        let body = format!(r#"{},"pad":"{pad}"}}"#, body.strip_suffix('}').unwrap());
        self.genuine.borrow_mut().of(&body, &body)
    }

    /// The delivery of an event that another secret signed.
    pub fn forgery(&self) -> Bytes {
        let body = self.next();
        self.forged.borrow_mut().of(&body, &body)
    }

    fn next(&self) -> String {
        self.event.set(self.event.get() + 1);
        body(self.event.get())
    }
}

/// Binds a free port.
pub fn listen(handle: &Handle) -> (SocketAddr, TcpListener) {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let _runtime = handle.enter();
    (listener.local_addr().unwrap(), TcpListener::from_std(listener).unwrap())
}
