//! The URL of a webhook.

use std::net::IpAddr;

use http::Uri;

use crate::shared::duffel::api_url;

/// Refuses URLs that Duffel does not deliver to. A stand-in for its API, on this machine, accepts any URL.
pub(crate) fn parse_url(text: &str) -> std::result::Result<String, &'static str> {
    let is_stand_in = api_url().starts_with("http://");
    check_url(text, is_stand_in)?;
    Ok(text.to_owned())
}

fn check_url(text: &str, is_stand_in: bool) -> std::result::Result<(), &'static str> {
    let url: Uri = text.parse().map_err(|_| "it is not a valid URL: it must begin with https://")?;
    let (Some(scheme), Some(host)) = (url.scheme_str(), url.host()) else {
        return Err("it must begin with https://");
    };
    // https://duffel.com/docs/api/webhooks/create-webhook
    if !is_stand_in && scheme != "https" {
        return Err("Duffel delivers over HTTPS only");
    }
    if !is_stand_in && host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err("Duffel does not deliver to IP addresses: it must have a host name");
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    if !is_stand_in && (name == "localhost" || name.ends_with(".localhost")) {
        return Err("Duffel cannot deliver to this machine");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_duffel_does_not_deliver_to_are_refused() {
        for url in ["https://example.com/webhooks/duffel", "HTTPS://abc.example.com:8443/x?y=z"] {
            assert_eq!(check_url(url, false), Ok(()), "{url}");
        }
        for (url, reason) in [
            ("example.com/webhooks/duffel", "not a valid URL"),
            ("/webhooks/duffel", "https://"),
            ("https://", "not a valid URL"),
            ("http://example.com/webhooks/duffel", "HTTPS only"),
            ("https://192.0.2.1/webhooks/duffel", "IP addresses"),
            ("https://[2001:db8::1]:443/webhooks/duffel", "IP addresses"),
            ("https://LocalHost/webhooks/duffel", "this machine"),
            ("https://hooks.localhost.:8443/webhooks/duffel", "this machine"),
        ] {
            let refusal = check_url(url, false).unwrap_err();
            assert!(refusal.contains(reason), "{url}: {refusal}");
        }
        assert_eq!(check_url("http://127.0.0.1:4567/webhooks/duffel", true), Ok(()));
    }
}
