//! The report about one event.

use std::io::{self, Write};

use duffel_webhook_receiver::identity::Identity;
use serde_json::{Value, json};

use super::{
    conclusion::conclude,
    evidence::Evidence,
    timeline::{printable, timeline},
};
use crate::shared::output::mode;

pub(super) fn print(evidence: &Evidence, out: &mut impl Write) -> io::Result<()> {
    let names = &evidence.names;
    let head = [names.kind.as_deref(), Some(names.id.as_deref().unwrap_or("an event without a known id"))];
    let mut head = head.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let about = [
        names.key.as_ref().map(|key| format!("about {key}")),
        Some(mode(names.live_mode)).filter(|mode| !mode.is_empty()).map(|mode| format!("{mode} mode")),
        names.identity.as_ref().map(|identity| format!("identity {}", identity.as_str())),
    ];
    for about in about.into_iter().flatten() {
        head += ", ";
        head += &about;
    }
    writeln!(out, "{}\n", printable(&head))?;
    let entries = timeline(evidence);
    let widest = entries.iter().map(|entry| entry.part.len()).max().unwrap_or_default();
    for entry in &entries {
        let at = entry.time().unwrap_or_else(|| "now".to_owned());
        writeln!(out, "{at:24}  {:widest$}  {}", entry.part, printable(&entry.text))?;
    }
    let unasked = evidence.unasked();
    if !unasked.is_empty() {
        writeln!(out)?;
    }
    for (part, reason) in unasked {
        writeln!(out, "Not asked: {part} ({})", printable(reason))?;
    }
    let conclusion = conclude(evidence);
    writeln!(out, "\n{}", printable(&conclusion.text))?;
    if let Some(fix) = &conclusion.fix {
        writeln!(out, "  → {fix}{}", if conclusion.commands.is_empty() { "" } else { ":" })?;
    }
    conclusion.commands.iter().try_for_each(|command| writeln!(out, "    {command}"))
}

pub(super) fn json(evidence: &Evidence) -> Value {
    let names = &evidence.names;
    let entry = |entry: super::timeline::Entry| json!({ "at": entry.time(), "part": entry.part, "text": entry.text, "detail": entry.detail });
    let unasked = evidence.unasked().into_iter();
    let unasked = unasked.map(|(part, reason)| json!({ "part": part, "reason": reason }));
    json!({
        "event": {
            "id": names.id,
            "type": names.kind,
            "idempotency_key": names.key,
            "live_mode": names.live_mode,
            "source": names.source,
            "identity": names.identity.as_ref().map(Identity::as_str),
        },
        "timeline": timeline(evidence).into_iter().map(entry).collect::<Vec<_>>(),
        "not_asked": unasked.collect::<Vec<_>>(),
        "conclusion": conclude(evidence),
    })
}
