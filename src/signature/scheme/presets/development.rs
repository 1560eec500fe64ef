//! Presets of places for source code.

use super::{ID_NOT_SIGNED, ONLY_ID_NOT_SIGNED, TOKEN, at, hmac, key, token, with_headers};
use crate::signature::scheme::{Algorithm, FieldLocation, KeyEncoding, Layout, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "gitlab",
        title: "GitLab (signing token)",
        documentation: "https://docs.gitlab.com/user/project/integrations/webhooks/",
        weakness: None,
        build: || Scheme { kind: at("/object_kind"), ..Scheme::standard_webhooks() },
    },
    Preset {
        name: "gitlab-token",
        title: "GitLab (secret token)",
        documentation: "https://docs.gitlab.com/user/project/integrations/webhooks/",
        weakness: Some(TOKEN),
        build: || Scheme {
            families: with_headers("x-gitlab-token", Some("idempotency-key"), Some("x-gitlab-event")),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..token("x-gitlab-token", "")
        },
    },
    Preset {
        name: "bitbucket",
        title: "Bitbucket Cloud",
        documentation: "https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
        weakness: Some(ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-hub-signature", Some("x-request-uuid"), Some("x-event-key")),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            layout: Layout::plain("sha256="),
            ..hmac("x-hub-signature")
        },
    },
    Preset {
        name: "bitbucket-server",
        title: "Bitbucket Data Center",
        documentation: "https://confluence.atlassian.com/bitbucketserver/manage-webhooks-938025878.html",
        weakness: Some(ONLY_ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-hub-signature", Some("x-request-id"), None),
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            layout: Layout::plain("sha256="),
            kind: at("/eventKey"),
            ..hmac("x-hub-signature")
        },
    },
    Preset {
        name: "gitea",
        title: "Gitea",
        documentation: "https://docs.gitea.com/usage/webhooks",
        weakness: Some(ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-gitea-signature", Some("x-gitea-delivery"), Some("x-gitea-event")),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("x-gitea-signature")
        },
    },
    Preset {
        name: "forgejo",
        title: "Forgejo",
        documentation: "https://forgejo.org/docs/latest/user/webhooks/",
        weakness: Some(ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers(
                "x-forgejo-signature",
                Some("x-forgejo-delivery"),
                Some("x-forgejo-event"),
            ),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("x-forgejo-signature")
        },
    },
    Preset {
        name: "gogs",
        title: "Gogs",
        documentation: "https://gogs.io/docs/features/webhook",
        weakness: Some(ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-gogs-signature", Some("x-gogs-delivery"), Some("x-gogs-event")),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("x-gogs-signature")
        },
    },
    Preset {
        name: "gitee",
        title: "Gitee",
        documentation: "https://help.gitee.com/webhook/webhook-config",
        weakness: Some(TOKEN),
        build: || Scheme { kind: at("/hook_name"), ..token("x-gitee-token", "") },
    },
    Preset {
        name: "harness",
        title: "Harness Code",
        documentation: "https://developer.harness.io/docs/code-repository/config-repos/webhooks/",
        weakness: None,
        build: || Scheme { kind: at("/trigger"), ..hmac("x-harness-signature") },
    },
    Preset {
        name: "launchpad",
        title: "Launchpad",
        documentation: "https://help.launchpad.net/API/Webhooks",
        weakness: Some(ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers(
                "x-hub-signature",
                Some("x-launchpad-delivery"),
                Some("x-launchpad-event-type"),
            ),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            layout: Layout::plain("sha1="),
            ..hmac("x-hub-signature")
        },
    },
    Preset {
        name: "phabricator",
        title: "Phabricator",
        documentation: "https://secure.phabricator.com/book/phabricator/article/webhooks/",
        weakness: None,
        build: || Scheme { kind: at("/object/type"), ..hmac("x-phabricator-webhook-signature") },
    },
    Preset {
        name: "azure-devops",
        title: "Azure DevOps service hooks",
        documentation: "https://learn.microsoft.com/en-us/azure/devops/service-hooks/services/webhooks",
        weakness: Some(TOKEN),
        build: || Scheme {
            kind: at("/eventType"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..token("authorization", "Basic ")
        },
    },
];
