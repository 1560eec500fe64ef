//! Presets of services that send messages for other products.

use super::{ONLY_ID_NOT_SIGNED, TIME_NOT_CHECKED, at, hmac, labelled, signed, with_headers};
use crate::signature::scheme::{Encoding, FieldLocation, Preset, Scheme, TimeUnit};

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "pusher",
        title: "Pusher Channels",
        documentation: "https://pusher.com/docs/channels/server_api/webhooks/",
        weakness: None,
        build: || hmac("x-pusher-signature"),
    },
    Preset {
        name: "ably",
        title: "Ably",
        documentation: "https://ably.com/docs/platform/integrations/webhooks",
        weakness: None,
        build: || Scheme { encoding: Encoding::Base64, ..hmac("x-ably-signature") },
    },
    Preset {
        name: "stream",
        title: "Stream (getstream.io)",
        documentation: "https://getstream.io/chat/docs/node/webhooks_overview/",
        weakness: Some(ONLY_ID_NOT_SIGNED),
        build: || Scheme {
            families: with_headers("x-signature", Some("x-webhook-id"), None),
            kind: at("/type"),
            id: FieldLocation::UnsignedHeader,
            unsigned_identity: true,
            ..hmac("x-signature")
        },
    },
    Preset {
        name: "sendbird",
        title: "Sendbird",
        documentation: "https://sendbird.com/docs/chat/platform-api/v3/webhook/webhook-overview",
        weakness: None,
        build: || Scheme { kind: at("/category"), ..hmac("x-sendbird-signature") },
    },
    Preset {
        name: "talkjs",
        title: "TalkJS",
        documentation: "https://talkjs.com/docs/Reference/Webhooks/",
        weakness: Some(TIME_NOT_CHECKED),
        build: || Scheme {
            families: with_headers("x-talkjs-signature", Some("x-talkjs-timestamp"), None),
            signed: signed("{id}.{body}"),
            kind: at("/type"),
            id: at("/id"),
            idempotency_key: at("/id"),
            ..hmac("x-talkjs-signature")
        },
    },
    Preset {
        name: "liveblocks",
        title: "Liveblocks",
        documentation: "https://liveblocks.io/docs/platform/webhooks",
        weakness: None,
        build: || Scheme::standard_webhooks(),
    },
    Preset {
        name: "knock",
        title: "Knock",
        documentation: "https://docs.knock.app/developer-tools/outbound-webhooks/overview",
        weakness: None,
        build: || Scheme {
            encoding: Encoding::Base64,
            time_unit: TimeUnit::Milliseconds,
            kind: at("/type"),
            ..labelled("x-knock-signature", ',', "t", &["s"])
        },
    },
    Preset {
        name: "courier",
        title: "Courier",
        documentation: "https://www.courier.com/docs/platform/workspace/outbound-webhooks",
        weakness: None,
        build: || Scheme {
            time_unit: TimeUnit::Milliseconds,
            tolerance: None,
            kind: at("/type"),
            ..labelled("courier-signature", ',', "t", &["signature"])
        },
    },
];
