//! Presets of sign-in.

use super::{TOKEN, at, hmac, labelled, token};
use crate::signature::scheme::{AnswerForm, Preset, Scheme, TimeUnit};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "clerk",
        title: "Clerk",
        documentation: "https://clerk.com/docs/guides/development/webhooks/syncing",
        weakness: None,
        build: Scheme::standard_webhooks,
    },
    Preset {
        name: "stytch",
        title: "Stytch",
        documentation: "https://stytch.com/docs/guides/webhooks",
        weakness: None,
        build: || Scheme { kind: at("/object_type"), ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "propelauth",
        title: "PropelAuth",
        documentation: "https://docs.propelauth.com/reference/webhooks/overview",
        weakness: None,
        build: || Scheme { kind: at("/event_type"), ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "workos",
        title: "WorkOS",
        documentation: "https://workos.com/docs/events/data-syncing/webhooks",
        weakness: None,
        build: || Scheme {
            answer: AnswerForm::OK,
            time_unit: TimeUnit::Milliseconds,
            kind: at("/event"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..labelled("workos-signature", ',', "t", &["v1"])
        },
    },
    Preset {
        name: "scalekit",
        title: "Scalekit",
        documentation: "https://docs.scalekit.com/authenticate/implement-workflows/implement-webhooks/",
        weakness: None,
        build: Scheme::standard_webhooks,
    },
    Preset {
        name: "zitadel",
        title: "ZITADEL",
        documentation: "https://zitadel.com/docs/guides/integrate/actions/testing-request-signature",
        weakness: None,
        build: || Scheme { kind: at("/event_type"), ..labelled("zitadel-signature", ',', "t", &["v1"]) },
    },
    Preset {
        name: "logto",
        title: "Logto",
        documentation: "https://docs.logto.io/developers/webhooks/secure-webhooks",
        weakness: None,
        build: || Scheme { kind: at("/event"), ..hmac("logto-signature-sha-256") },
    },
    Preset {
        name: "okta",
        title: "Okta event hooks",
        documentation: "https://developer.okta.com/docs/concepts/event-hooks/",
        weakness: Some(TOKEN),
        build: || Scheme {
            kind: at("/data/events/0/eventType"),
            id: at("/eventId"),
            idempotency_key: at("/eventId"),
            ..token("authorization", "")
        },
    },
    Preset {
        name: "auth0",
        title: "Auth0 log streams",
        documentation: "https://auth0.com/docs/customize/log-streams/custom-log-streams",
        weakness: Some(TOKEN),
        build: || Scheme { kind: at("/0/data/type"), ..token("authorization", "") },
    },
];
