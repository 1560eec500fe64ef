//! Presets of providers of e-mail.

use super::{TOKEN, at, hmac, key, timed, token};
use crate::signature::scheme::{Algorithm, Encoding, KeyEncoding, Preset, Scheme};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "sendgrid",
        title: "Twilio SendGrid",
        documentation: "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            key: key(Algorithm::EcdsaP256, KeyEncoding::Base64),
            tolerance: None,
            ..timed(
                "x-twilio-email-event-webhook-signature",
                "x-twilio-email-event-webhook-timestamp",
                "{time}{body}",
            )
        },
    },
    Preset {
        name: "resend",
        title: "Resend",
        documentation: "https://resend.com/docs/webhooks/verify-webhooks-requests",
        weakness: None,
        build: || Scheme::standard_webhooks(),
    },
    Preset {
        name: "postmark",
        title: "Postmark",
        documentation: "https://postmarkapp.com/developer/webhooks/webhooks-overview",
        weakness: Some(TOKEN),
        build: || Scheme { kind: at("/RecordType"), ..token("authorization", "Basic ") },
    },
    Preset {
        name: "mailersend",
        title: "MailerSend",
        documentation: "https://developers.mailersend.com/api/v1/webhooks.html",
        weakness: None,
        build: || Scheme { kind: at("/type"), ..hmac("signature") },
    },
    Preset {
        name: "mailerlite",
        title: "MailerLite",
        documentation: "https://developers.mailerlite.com/docs/webhooks.html",
        weakness: None,
        build: || Scheme { kind: at("/type"), ..hmac("signature") },
    },
    Preset {
        name: "mailtrap",
        title: "Mailtrap",
        documentation: "https://docs.mailtrap.io/email-api-smtp/advanced/webhooks",
        weakness: None,
        build: || hmac("mailtrap-signature"),
    },
    Preset {
        name: "loops",
        title: "Loops",
        documentation: "https://loops.so/docs/webhooks",
        weakness: None,
        build: || Scheme { kind: at("/eventName"), ..Scheme::standard_webhooks() },
    },
];
