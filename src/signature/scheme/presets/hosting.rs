//! Presets of hosting, databases and data.

use super::{
    ONLY_ID_NOT_SIGNED, TOKEN, TYPE_NOT_SIGNED, at, hmac, key, labelled, signed, token, with_headers,
};
use crate::signature::scheme::{Algorithm, Encoding, FieldLocation, KeyEncoding, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "vercel",
        title: "Vercel",
        documentation: "https://vercel.com/docs/webhooks/webhooks-api",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-vercel-signature")
        },
    },
    Preset {
        name: "heroku",
        title: "Heroku",
        documentation: "https://devcenter.heroku.com/articles/app-webhooks#securing-webhook-requests",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            kind: at("/webhook_metadata/event/include"),
            id: at("/webhook_metadata/event/id"),
            idempotency_key: at("/webhook_metadata/event/id"),
            ..hmac("heroku-webhook-hmac-sha256")
        },
    },
    Preset {
        name: "render",
        title: "Render",
        documentation: "https://render.com/docs/webhooks",
        weakness: None,
        build: Scheme::standard_webhooks,
    },
    Preset {
        name: "cloudflare",
        title: "Cloudflare notifications",
        documentation: "https://developers.cloudflare.com/notifications/get-started/configure-webhooks/",
        weakness: Some(TOKEN),
        build: || Scheme { kind: at("/alert_type"), ..token("cf-webhook-auth", "") },
    },
    Preset {
        name: "cloudflare-stream",
        title: "Cloudflare Stream",
        documentation: "https://developers.cloudflare.com/stream/manage-video-library/using-webhooks/",
        weakness: None,
        build: || Scheme {
            kind: at("/status/state"),
            ..labelled("webhook-signature", ',', "time", &["sig1"])
        },
    },
    Preset {
        name: "appwrite",
        title: "Appwrite",
        documentation: "https://appwrite.io/docs/advanced/platform/webhooks",
        weakness: Some(TYPE_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-appwrite-webhook-signature", None, Some("x-appwrite-webhook-events")),
            kind: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            encoding: Encoding::Base64,
            signed: signed("{url}{body}"),
            ..hmac("x-appwrite-webhook-signature")
        },
    },
    Preset {
        name: "planetscale",
        title: "PlanetScale",
        documentation: "https://planetscale.com/docs/api/webhooks",
        weakness: None,
        build: || Scheme { kind: at("/event"), ..hmac("x-planetscale-signature") },
    },
    Preset {
        name: "mongodb-atlas",
        title: "MongoDB Atlas alerts",
        documentation: "https://www.mongodb.com/docs/atlas/tutorial/third-party-service-integrations/",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            encoding: Encoding::Base64,
            kind: at("/eventTypeName"),
            ..hmac("x-mms-signature")
        },
    },
    Preset {
        name: "supabase-auth",
        title: "Supabase Auth Hooks",
        documentation: "https://supabase.com/docs/guides/auth/auth-hooks",
        weakness: None,
        build: || Scheme { kind: FieldLocation::Nowhere, ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "svix",
        title: "Svix",
        documentation: "https://docs.svix.com/receiving/verifying-payloads/how-manual",
        weakness: None,
        build: Scheme::standard_webhooks,
    },
    Preset {
        name: "hookdeck",
        title: "Hookdeck",
        documentation: "https://hookdeck.com/docs/authentication",
        weakness: Some(ONLY_ID_NOT_SIGNED),
        build: || Scheme {
            families: ["x-hookdeck-signature", "x-hookdeck-signature-2"]
                .into_iter()
                .flat_map(|name| with_headers(name, Some("x-hookdeck-eventid"), None))
                .collect(),
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            encoding: Encoding::Base64,
            ..hmac("x-hookdeck-signature")
        },
    },
    Preset {
        name: "trigger-dev",
        title: "Trigger.dev",
        documentation: "https://trigger.dev/docs/troubleshooting-alerts",
        weakness: None,
        build: || Scheme {
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-trigger-signature-hmacsha256")
        },
    },
    Preset {
        name: "dbt-cloud",
        title: "dbt Cloud",
        documentation: "https://docs.getdbt.com/docs/deploy/webhooks",
        weakness: None,
        build: || Scheme {
            kind: at("/eventType"),
            id: at("/eventId"),
            idempotency_key: at("/eventId"),
            ..hmac("authorization")
        },
    },
    Preset {
        name: "fivetran",
        title: "Fivetran",
        documentation: "https://fivetran.com/docs/rest-api/webhooks",
        weakness: None,
        build: || Scheme { kind: at("/event"), ..hmac("x-fivetran-signature-256") },
    },
    Preset {
        name: "databricks",
        title: "Databricks model registry",
        documentation: "https://docs.databricks.com/aws/en/mlflow/model-registry-webhooks",
        weakness: None,
        build: || Scheme { kind: at("/event"), ..hmac("x-databricks-signature") },
    },
];
