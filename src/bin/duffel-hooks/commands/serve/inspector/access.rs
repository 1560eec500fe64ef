//! The protection of the inspector: who may read it, and who may use it.
//!
//! A web page of another origin may send requests to this machine, also under a name of its own that resolves to it
//! (DNS rebinding), and a tunnel may expose the port to everybody. None of them gets an answer.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, Method, Uri,
    header::{CONTENT_TYPE, FORWARDED, HOST, ORIGIN, VIA},
    request::Parts,
};

/// The headers by which a proxy or a tunnel says that it passes on the request of another machine.
static PROXIED: [HeaderName; 6] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("cf-connecting-ip"),
];

/// The hosts under which the inspector answers.
pub(crate) struct Access {
    hosts: Vec<String>,
}

impl Access {
    /// Allows this machine's own names with the port, and the host that the user chose to listen on.
    pub(crate) fn new(listen: &str, port: u16) -> Self {
        let listen = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
        let names = ["localhost", "127.0.0.1", "[::1]", listen];
        let names = names.into_iter().filter(|name| !matches!(*name, "" | "0.0.0.0" | "[::]"));
        let mut hosts: Vec<_> =
            names.clone().map(|name| format!("{}:{port}", name.to_ascii_lowercase())).collect();
        if port == 80 {
            // A browser omits the default port.
            hosts.extend(names.map(str::to_ascii_lowercase));
        }
        Self { hosts }
    }

    /// Checks a request from a client at an address.
    ///
    /// # Errors
    /// If the request must not be answered; with the reason.
    pub(crate) fn check(&self, request: &Parts, client: IpAddr) -> Result<(), &'static str> {
        let headers = &request.headers;
        if !client.to_canonical().is_loopback() {
            return Err("the inspector answers to clients on this machine only");
        }
        if PROXIED.iter().any(|name| headers.contains_key(name)) {
            return Err("the inspector does not answer through a proxy or a tunnel");
        }
        let host = self.host(headers, &request.uri).ok_or(
            "the Host header is not this machine's: open the address that serve printed, on localhost or 127.0.0.1",
        )?;
        if headers
            .get_all(ORIGIN)
            .iter()
            .any(|origin| origin.as_bytes() != format!("http://{host}").as_bytes())
        {
            return Err("the request is from a page of another origin");
        }
        let sites = headers.get_all("sec-fetch-site");
        if sites.iter().any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none")) {
            return Err("the request is from another site: enter the address yourself");
        }
        if request.method == Method::POST && !is_json(headers) {
            return Err("the content type of a POST must be application/json");
        }
        Ok(())
    }

    /// Returns the one host that the request names, if it is allowed.
    fn host(&self, headers: &HeaderMap, uri: &Uri) -> Option<&str> {
        let mut named: Vec<_> = headers.get_all(HOST).iter().map(|host| host.to_str().ok()).collect();
        if named.len() != 1 {
            return None;
        }
        named.extend(uri.authority().map(|authority| Some(authority.as_str())));
        let is = |host: &str, name: Option<&str>| name.is_some_and(|name| name.eq_ignore_ascii_case(host));
        self.hosts.iter().find(|host| named.iter().all(|name| is(host, *name))).map(String::as_str)
    }
}

/// A form or a page of another origin cannot send this content type without asking first, which is never answered.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::Request;

    use super::*;

    fn check(client: impl Into<IpAddr>, method: &str, uri: &str, headers: &[(&str, &str)]) -> bool {
        let request = Request::builder().method(method).uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let access = Access::new("MyHost:4567", 4567);
        access.check(&request.body(()).unwrap().into_parts().0, client.into()).is_ok()
    }

    #[test]
    fn only_this_machine_has_access_under_its_own_names() {
        let local = |headers: &[_]| check(Ipv4Addr::LOCALHOST, "GET", "/", headers);
        for host in ["localhost:4567", "127.0.0.1:4567", "[::1]:4567", "LOCALHOST:4567", "myhost:4567"] {
            assert!(local(&[("host", host)]), "{host}");
        }
        for host in
            ["evil.example:4567", "localhost", "localhost:80", "127.0.0.1.evil.example:4567", "0.0.0.0:4567"]
        {
            assert!(!local(&[("host", host)]), "{host}");
        }
        assert!(!local(&[]));
        assert!(!local(&[("host", "localhost:4567"), ("host", "evil.example")]));
        assert!(!check(Ipv4Addr::LOCALHOST, "GET", "http://evil.example/", &[("host", "localhost:4567")]));
        let host = [("host", "localhost:4567")];
        assert!(!check(Ipv4Addr::new(192, 168, 0, 7), "GET", "/", &host));
        assert!(check("::ffff:127.0.0.1".parse::<IpAddr>().unwrap(), "GET", "/", &host));
    }

    #[test]
    fn no_other_page_and_no_tunnel_has_access() {
        let local = |name, value| {
            check(Ipv4Addr::LOCALHOST, "GET", "/", &[("host", "localhost:4567"), (name, value)])
        };
        assert!(local("origin", "http://localhost:4567"));
        for origin in ["http://localhost:3000", "http://127.0.0.1:4567", "https://localhost:4567", "null", ""]
        {
            assert!(!local("origin", origin), "{origin}");
        }
        assert!(local("sec-fetch-site", "same-origin") && local("sec-fetch-site", "none"));
        assert!(!local("sec-fetch-site", "same-site") && !local("sec-fetch-site", "cross-site"));
        for name in &PROXIED {
            assert!(!local(name.as_str(), "203.0.113.7"), "{name}");
        }
    }

    #[test]
    fn a_post_is_json() {
        let post = |kind| {
            check(Ipv4Addr::LOCALHOST, "POST", "/", &[("host", "localhost:4567"), ("content-type", kind)])
        };
        assert!(post("application/json") && post("application/json; charset=utf-8"));
        assert!(!post("text/plain") && !post("application/x-www-form-urlencoded") && !post(""));
        assert!(!check(Ipv4Addr::LOCALHOST, "POST", "/", &[("host", "localhost:4567")]));
    }
}
