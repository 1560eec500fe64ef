//! Presets of builds, deployments and packages.

use super::{ID_NOT_SIGNED, TOKEN, at, hmac, key, labelled, token, with_headers};
use crate::signature::scheme::{Algorithm, FieldLocation, KeyEncoding, Layout, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "buildkite",
        title: "Buildkite",
        documentation: "https://buildkite.com/docs/apis/webhooks/pipelines",
        weakness: None,
        build: || Scheme {
            kind: at("/event"),
            ..labelled("x-buildkite-signature", ',', "timestamp", &["signature"])
        },
    },
    Preset {
        name: "buildkite-token",
        title: "Buildkite (token)",
        documentation: "https://buildkite.com/docs/apis/webhooks/pipelines",
        weakness: Some(TOKEN),
        build: || Scheme { kind: at("/event"), ..token("x-buildkite-token", "") },
    },
    Preset {
        name: "circleci",
        title: "CircleCI",
        documentation: "https://circleci.com/docs/guides/integration/outbound-webhooks/",
        weakness: None,
        build: || Scheme {
            layout: Layout::plain("v1="),
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("circleci-signature")
        },
    },
    Preset {
        name: "terraform",
        title: "HCP Terraform notifications",
        documentation: "https://developer.hashicorp.com/terraform/cloud-docs/api-docs/notification-configurations",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha512, KeyEncoding::Raw),
            kind: at("/notifications/0/trigger"),
            ..hmac("x-tfe-notification-signature")
        },
    },
    Preset {
        name: "terraform-run-task",
        title: "HCP Terraform run tasks",
        documentation: "https://developer.hashicorp.com/terraform/cloud-docs/api-docs/run-tasks/run-tasks-integration",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha512, KeyEncoding::Raw),
            kind: at("/stage"),
            id: at("/task_result_id"),
            idempotency_key: at("/task_result_id"),
            ..hmac("x-tfc-task-signature")
        },
    },
    Preset {
        name: "pulumi",
        title: "Pulumi Cloud",
        documentation: "https://www.pulumi.com/docs/pulumi-cloud/webhooks/",
        weakness: Some(ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers(
                "pulumi-webhook-signature",
                Some("pulumi-webhook-id"),
                Some("pulumi-webhook-kind"),
            ),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("pulumi-webhook-signature")
        },
    },
    Preset {
        name: "expo",
        title: "Expo EAS",
        documentation: "https://docs.expo.dev/eas/webhooks/",
        weakness: None,
        build: || Scheme {
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            layout: Layout::plain("sha1="),
            kind: at("/status"),
            ..hmac("expo-signature")
        },
    },
    Preset {
        name: "flux",
        title: "Flux notifications",
        documentation: "https://fluxcd.io/flux/components/notification/providers/",
        weakness: None,
        build: || Scheme { layout: Layout::plain("sha256="), kind: at("/reason"), ..hmac("x-signature") },
    },
    Preset {
        name: "sonarqube",
        title: "SonarQube",
        documentation: "https://docs.sonarsource.com/sonarqube-server/latest/project-administration/webhooks/",
        weakness: None,
        build: || Scheme {
            id: at("/taskId"),
            idempotency_key: at("/taskId"),
            ..hmac("x-sonar-webhook-hmac-sha256")
        },
    },
    Preset {
        name: "nexus",
        title: "Sonatype Nexus Repository",
        documentation: "https://help.sonatype.com/en/working-with-hmac-payloads.html",
        weakness: Some(ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers(
                "x-nexus-webhook-signature",
                Some("x-nexus-webhook-delivery"),
                Some("x-nexus-webhook-id"),
            ),
            kind: FieldLocation::UnsignedHeader,
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            key: key(Algorithm::HmacSha1, KeyEncoding::Raw),
            ..hmac("x-nexus-webhook-signature")
        },
    },
    Preset {
        name: "jfrog",
        title: "JFrog Platform (signed payload)",
        documentation: "https://jfrog.com/help/r/jfrog-platform-administration-documentation/webhooks",
        weakness: None,
        build: || Scheme { kind: at("/event_type"), ..hmac("x-jfrog-event-auth") },
    },
];
