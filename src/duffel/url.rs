//! The URL of Duffel's API, and the paths below it.

use http::Uri;

use super::{error::ApiError, response::plain};

/// Where Duffel's API is.
pub const DEFAULT_URL: &str = "https://api.duffel.com";

/// A URL to which an access token may be sent.
pub(super) struct BaseUrl {
    pub(super) text: String,
    pub(super) is_https: bool,
}

impl BaseUrl {
    pub(super) fn new(text: &str) -> Result<Self, ApiError> {
        let text = text.trim_end_matches('/');
        let uri: Uri = text.parse().map_err(|_| ApiError::Url("not a URL"))?;
        let authority = uri.authority().ok_or(ApiError::Url("it has no host"))?;
        if authority.as_str().contains('@') || uri.query().is_some() || text.contains('#') {
            return Err(ApiError::Url("it must be a scheme, a host, and at most a port and a path"));
        }
        let is_https = match uri.scheme_str() {
            Some("https") if cfg!(feature = "https") => true,
            Some("https") => return Err(ApiError::Url("this build has no HTTPS support")),
            Some("http") if is_loopback(authority.host()) => false,
            Some("http") => {
                return Err(ApiError::Url("over http anybody could read the access token: use https"));
            }
            _ => return Err(ApiError::Url("it must begin with https://")),
        };
        Ok(Self { text: text.to_owned(), is_https })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Builds a path with an ID in it, which may come from the command line.
pub(super) fn path(before: &str, id: &str, after: &str) -> Result<String, ApiError> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if id.is_empty() || id.len() > 128 || !id.bytes().all(is_legal) {
        return Err(ApiError::Id(plain(id, 60)));
    }
    Ok(format!("{before}{id}{after}"))
}
