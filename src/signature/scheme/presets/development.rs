//! Presets of tools for developers.

use super::{ID_NOT_SIGNED, TOKEN, hmac, token, with_headers};
use crate::signature::scheme::{FieldLocation, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
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
        name: "gitlab-token",
        title: "GitLab with a secret token",
        documentation: "https://docs.gitlab.com/user/project/integrations/webhooks/",
        weakness: Some(TOKEN),
        build: || Scheme {
            families: with_headers("x-gitlab-token", Some("x-gitlab-event-uuid"), Some("x-gitlab-event")),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..token("x-gitlab-token", "")
        },
    },
];
