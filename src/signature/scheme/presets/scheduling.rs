//! Presets of providers of calendars and appointments.

use super::{at, hmac, labelled};
use crate::signature::scheme::{Encoding, Handshake, KeyNames, Layout, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "calendly",
        title: "Calendly",
        documentation: "https://developer.calendly.com/api-docs/4c305798a61d3-webhook-signatures",
        weakness: None,
        build: || Scheme { kind: at("/event"), ..labelled("calendly-webhook-signature", ',', "t", &["v1"]) },
    },
    Preset {
        name: "cal-com",
        title: "Cal.com",
        documentation: "https://cal.com/docs/developing/guides/automation/webhooks",
        weakness: None,
        build: || Scheme { kind: at("/triggerEvent"), ..hmac("x-cal-signature-256") },
    },
    Preset {
        name: "acuity",
        title: "Acuity Scheduling",
        documentation: "https://developers.acuityscheduling.com/docs/webhooks",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            key_names: KeyNames::Nothing,
            ..hmac("x-acuity-signature")
        },
    },
    Preset {
        name: "nylas",
        title: "Nylas",
        documentation: "https://developer.nylas.com/docs/v3/notifications/",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            handshake: Handshake::named("dropbox"),
            ..hmac("x-nylas-signature")
        },
    },
    Preset {
        name: "savvycal",
        title: "SavvyCal",
        documentation: "https://savvycal.com/docs/api/webhooks/",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha256="),
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-savvycal-signature")
        },
    },
    Preset {
        name: "cronofy",
        title: "Cronofy",
        documentation: "https://docs.cronofy.com/developers/push-notifications/authentication/",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            kind: at("/notification/type"),
            ..hmac("cronofy-hmac-sha256")
        },
    },
];
