//! The filter policy of a subscription, in words.

use serde_json::Value;

/// Describes which messages a filter policy selects, such as `source duffel; event_type order.*`:
/// <https://docs.aws.amazon.com/sns/latest/dg/attribute-key-matching.html>. A condition that has no short form is
/// quoted as it is.
#[must_use]
pub fn selection(policy: &Value) -> String {
    let Some(keys) = policy.as_object() else { return policy.to_string() };
    let keys = keys.iter().map(|(key, conditions)| match conditions.as_array() {
        Some(all) if key != "$or" => {
            format!("{key} {}", all.iter().map(condition).collect::<Vec<_>>().join(" or "))
        }
        _ => format!("{key} {conditions}"),
    });
    keys.collect::<Vec<_>>().join("; ")
}

fn condition(condition: &Value) -> String {
    if let Some(text) = condition.as_str() {
        return text.to_owned();
    }
    let single = condition.as_object().filter(|members| members.len() == 1);
    let Some((operator, value)) = single.and_then(|members| members.iter().next()) else {
        return condition.to_string();
    };
    match (operator.as_str(), value) {
        ("prefix", Value::String(start)) => format!("{start}*"),
        ("suffix", Value::String(end)) => format!("*{end}"),
        ("exists", Value::Bool(true)) => "present".to_owned(),
        ("exists", Value::Bool(false)) => "absent".to_owned(),
        ("equals-ignore-case", Value::String(text)) => format!("{text} (in any case)"),
        ("anything-but", Value::Array(others)) => {
            format!("not {}", others.iter().map(self::condition).collect::<Vec<_>>().join(", "))
        }
        ("anything-but", other) => format!("not {}", self::condition(other)),
        _ => condition.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filter_policy_is_described_in_words() {
        for (policy, words) in [
            (
                json!({ "source": ["duffel"], "event_type": [{ "prefix": "order." }, "ping.triggered"] }),
                "event_type order.* or ping.triggered; source duffel",
            ),
            (json!({ "event_type": [{ "anything-but": ["a", "b"] }] }), "event_type not a, b"),
            (json!({ "event_type": [{ "anything-but": { "prefix": "order." } }] }), "event_type not order.*"),
            (json!({ "shop": [{ "exists": false }] }), "shop absent"),
            (
                json!({ "live_mode": [{ "suffix": "e" }, { "equals-ignore-case": "X" }] }),
                "live_mode *e or X (in any case)",
            ),
            (json!({ "n": [{ "numeric": [">", 1] }] }), r#"n {"numeric":[">",1]}"#),
            (json!({ "$or": [{ "a": ["1"] }] }), r#"$or [{"a":["1"]}]"#),
        ] {
            assert_eq!(selection(&policy), words);
        }
    }
}
