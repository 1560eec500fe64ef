//! The page of the local inspector, included in the program.

use http::{
    HeaderValue, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

use super::body::Body;

const HTML: &str = include_str!("page/index.html");

macro_rules! files {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("page/", $name)))),*] };
}

/// The files that the page loads from `/inspector/`.
const FILES: [(&str, &str); 17] = files![
    "theme.css",
    "page.css",
    "detail.css",
    "theme.js",
    "page.js",
    "actions.js",
    "announce.js",
    "body.js",
    "deliveries.js",
    "detail.js",
    "dom.js",
    "filters.js",
    "keys.js",
    "list.js",
    "state.js",
    "stream.js",
    "words.js"
];

/// The page loads nothing from elsewhere, and nothing may embed it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PROTECTION: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (http::header::CONTENT_SECURITY_POLICY, POLICY),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Returns the file of the page at a path.
pub(super) fn file(path: &str) -> Option<Response<Body>> {
    if path == "/" {
        return Some(response(StatusCode::OK, "text/html; charset=utf-8", Body::text(HTML)));
    }
    let wanted = path.strip_prefix("/inspector/")?;
    let (name, text) = FILES.into_iter().find(|(name, _)| *name == wanted)?;
    let is_style = name.strip_suffix(".css").is_some();
    let kind = if is_style { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
    Some(response(StatusCode::OK, kind, Body::text(text)))
}

/// Makes a response with the headers that keep other web pages out.
pub(super) fn response(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.extend(PROTECTION.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}
