//! The form of a source's answers.

use serde_json::Value;

use super::fields::{Fields, shown};
use crate::signature::scheme::{AcceptedStatus, AnswerForm};

impl Fields {
    /// Takes the form of the answers, in which each member that is not given is that of `default`.
    pub(super) fn answer(&mut self, default: AnswerForm) -> AnswerForm {
        let mut form = default;
        let Some(members) = self.object("answer") else { return form };
        for (name, value) in members {
            let field = format!("answer.{name}");
            match name.as_str() {
                "status" => match value.as_u64().and_then(status) {
                    Some(status) => form.status = Some(status),
                    None => {
                        self.mistakes.add(&field, format!("{} is not 200, 201, 202 or 204", shown(&value)));
                    }
                },
                "body" => match value.as_str() {
                    Some("empty") => form.is_empty = true,
                    Some("json") => form.is_empty = false,
                    _ => self.mistakes.add(&field, format!("{} is not json or empty", shown(&value))),
                },
                _ => self.mistakes.add(&field, "is not a field: use status and body"),
            }
        }
        form
    }

    /// Takes an object.
    pub(super) fn object(&mut self, field: &str) -> Option<serde_json::Map<String, Value>> {
        match self.take(field)? {
            Value::Object(members) => Some(members),
            value => {
                self.mistakes.add(field, format!("{} is not an object", shown(&value)));
                None
            }
        }
    }
}

fn status(number: u64) -> Option<AcceptedStatus> {
    AcceptedStatus::ALL.into_iter().find(|(known, _)| u64::from(*known) == number).map(|(_, status)| status)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(answer: &str) -> (Option<AnswerForm>, Vec<String>) {
        let text = format!(r#"{{"it":{{"scheme":"github","secret":"x","answer":{answer}}}}}"#);
        let (sources, mistakes) = crate::config::sources::read(&text, Duration::from_hours(24));
        (sources.first().map(|source| source.answer), mistakes)
    }

    #[test]
    fn status_and_body_are_read() {
        for (text, status, is_empty) in [
            ("{}", None, false),
            (r#"{"status":200}"#, Some(AcceptedStatus::Ok), false),
            (r#"{"status":201,"body":"json"}"#, Some(AcceptedStatus::Created), false),
            (r#"{"status":202,"body":"empty"}"#, Some(AcceptedStatus::Accepted), true),
            (r#"{"status":204}"#, Some(AcceptedStatus::NoContent), false),
            (r#"{"body":"empty"}"#, None, true),
        ] {
            assert_eq!(read(text), (Some(AnswerForm { status, is_empty }), vec![]), "{text}");
        }
    }

    #[test]
    fn a_status_that_refuses_is_a_mistake() {
        for (text, mistake) in [
            ("200", "it: answer 200 is not an object"),
            (r#"{"status":400}"#, "it: answer.status 400 is not 200, 201, 202 or 204"),
            (r#"{"status":"200"}"#, r#"it: answer.status "200" is not 200"#),
            (r#"{"status":203}"#, "it: answer.status 203 is not 200"),
            (r#"{"body":"none"}"#, r#"it: answer.body "none" is not json or empty"#),
            (r#"{"code":200}"#, "it: answer.code is not a field"),
        ] {
            let (_, mistakes) = read(text);
            let [found] = &mistakes[..] else { panic!("{mistakes:?}") };
            assert!(found.starts_with(mistake), "{found}");
        }
    }
}
