//! The line of a delivery.

use crate::{
    commands::serve::inspector::delivery::Summary,
    shared::colour::{Colour, Colours},
};

/// Formats a delivery, with the name of its source if there are several.
pub(super) fn line(summary: &Summary, names_source: bool, colours: Colours) -> String {
    let Summary { received_at, status, outcome, source, event_type, event_id, method, path, .. } = summary;
    let time = received_at.get(11..19).unwrap_or_default();
    let colour = match status {
        200..=299 if summary.cause.is_some() => Colour::Yellow,
        202 => Colour::Green,
        200..=299 => Colour::Cyan,
        _ => Colour::Red,
    };
    let status = format!("{status} {outcome}");
    let status = colours.paint(&format!("{status:<16}"), colour);
    let source = source.as_deref().filter(|_| names_source);
    let target = format!("{method} {path}");
    let event = [source, event_type.as_deref(), event_id.as_deref()];
    let mut words: Vec<_> = event.into_iter().flatten().collect();
    if summary.source.is_none() {
        words.push(&target);
    }
    let is_plain = *outcome == "accepted" && summary.cause.is_none();
    let reason = Some(format!("({})", summary.reason)).filter(|_| !is_plain);
    words.extend(reason.as_deref());
    format!("{time}Z {status} {}", words.join(" ")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::serve::inspector::delivery::SentBy;

    #[test]
    fn a_line_says_why_a_delivery_was_refused() {
        let mut summary = Summary {
            number: 1,
            received_at: "2026-11-26T04:31:53.258Z".to_owned(),
            source: Some("duffel".to_owned()),
            method: "POST".to_owned(),
            path: "/webhooks/duffel".to_owned(),
            status: 202,
            outcome: "accepted",
            cause: None,
            event_id: Some("wev_1".to_owned()),
            event_type: Some("order.created".to_owned()),
            bytes: 2,
            duration_ms: 0.5,
            reason: "why".to_owned(),
            sent_by: SentBy::Client,
        };
        assert_eq!(line(&summary, false, Colours::off()), "04:31:53Z 202 accepted     order.created wev_1");
        let coloured = line(&summary, true, Colours::on());
        assert_eq!(coloured, "04:31:53Z \x1b[32m202 accepted    \x1b[0m duffel order.created wev_1");
        summary =
            Summary { status: 401, outcome: "unauthorized", event_id: None, event_type: None, ..summary };
        assert_eq!(line(&summary, false, Colours::off()), "04:31:53Z 401 unauthorized (why)");
        summary = Summary { status: 404, outcome: "not_found", source: None, ..summary };
        assert_eq!(
            line(&summary, false, Colours::off()),
            "04:31:53Z 404 not_found    POST /webhooks/duffel (why)"
        );
    }
}
