//! Presets of monitoring, incidents and security.

use super::{ID_NOT_SIGNED, TOKEN, at, hmac, labelled, timed, token, with_headers};
use crate::signature::scheme::{FieldLocation, Layout, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "pagerduty",
        title: "PagerDuty",
        documentation: "https://developer.pagerduty.com/docs/verifying-webhook-signatures",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("v1="),
            kind: at("/event/event_type"),
            id: at("/event/id"),
            idempotency_key: at("/event/id"),
            ..hmac("x-pagerduty-signature")
        },
    },
    Preset {
        name: "grafana",
        title: "Grafana Alerting",
        documentation: "https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/",
        weakness: None,
        build: || Scheme {
            kind: at("/status"),
            ..timed("x-grafana-alerting-signature", "x-grafana-alerting-timestamp", "{time}:{body}")
        },
    },
    Preset {
        name: "alertmanager",
        title: "Prometheus Alertmanager",
        documentation: "https://prometheus.io/docs/alerting/latest/configuration/#webhook_config",
        weakness: Some(TOKEN),
        build: || Scheme { kind: at("/status"), ..token("authorization", "Bearer ") },
    },
    Preset {
        name: "sentry",
        title: "Sentry",
        documentation: "https://docs.sentry.io/organization/integrations/integration-platform/webhooks/",
        weakness: Some(ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("sentry-hook-signature", Some("request-id"), Some("sentry-hook-resource")),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("sentry-hook-signature")
        },
    },
    Preset {
        name: "incident-io",
        title: "incident.io",
        documentation: "https://docs.incident.io/integrations/webhooks",
        weakness: None,
        build: || Scheme { kind: at("/event_type"), ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "checkly",
        title: "Checkly",
        documentation: "https://www.checklyhq.com/docs/alerting-and-retries/webhooks/",
        weakness: None,
        build: || hmac("x-checkly-signature"),
    },
    Preset {
        name: "tailscale",
        title: "Tailscale",
        documentation: "https://tailscale.com/kb/1213/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/0/type"),
            ..labelled("tailscale-webhook-signature", ',', "t", &["v1"])
        },
    },
    Preset {
        name: "doppler",
        title: "Doppler",
        documentation: "https://docs.doppler.com/docs/webhooks",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("sha256="),
            kind: at("/type"),
            ..hmac("x-doppler-signature")
        },
    },
    Preset {
        name: "snyk",
        title: "Snyk",
        documentation: "https://docs.snyk.io/snyk-api/using-specific-snyk-apis/webhooks-apis/validating-payloads",
        weakness: Some(ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-hub-signature", Some("x-snyk-transport-id"), Some("x-snyk-event")),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            layout: Layout::plain("sha256="),
            ..hmac("x-hub-signature")
        },
    },
    Preset {
        name: "aikido",
        title: "Aikido Security",
        documentation: "https://apidocs.aikido.dev/reference/webhooks",
        weakness: None,
        build: || Scheme { kind: at("/event_type"), ..hmac("x-aikido-webhook-signature") },
    },
    Preset {
        name: "hackerone",
        title: "HackerOne",
        documentation: "https://docs.hackerone.com/en/articles/8368957-webhooks",
        weakness: Some(ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-h1-signature", Some("x-h1-delivery"), Some("x-h1-event")),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            layout: Layout::plain("sha256="),
            ..hmac("x-h1-signature")
        },
    },
    Preset {
        name: "vanta",
        title: "Vanta",
        documentation: "https://developer.vanta.com/docs/webhooks",
        weakness: None,
        build: Scheme::standard_webhooks,
    },
];
