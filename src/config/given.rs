//! The secrets in the configuration itself, for the tool, which signs with them and looks for mistakes in them.

use serde_json::Value;

use super::{Environment, sources::fields_of_sources};
use crate::signature::secret::Secret;

/// Returns the given secrets of each source by its name, in their order. A source whose secret is stored in AWS has
/// none here, and neither has one whose fields are not valid, which [`Config::read`](super::Config::read) reports.
pub fn given_secrets(variable: impl Fn(&str) -> Option<String>) -> Vec<(String, Vec<Secret>)> {
    let environment = Environment::new(variable);
    let Some(sources) = environment.get("SOURCES") else {
        let list = environment.get("WEBHOOK_SECRET").unwrap_or_default();
        return vec![(
            "duffel".to_owned(),
            list.split(',').filter_map(|text| Secret::new(text).ok()).collect(),
        )];
    };
    let secrets = |fields: Vec<(String, Value)>| {
        let given =
            fields.into_iter().filter(|(field, _)| field == "secret").flat_map(|(_, value)| match value {
                Value::Array(values) => values,
                value => vec![value],
            });
        given.filter_map(|value| Secret::new(value.as_str()?).ok()).collect()
    };
    fields_of_sources(&sources).into_iter().map(|(name, fields)| (name, secrets(fields))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(variables: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        let exposed =
            |secrets: Vec<Secret>| secrets.iter().map(|secret| secret.expose().to_owned()).collect();
        let given = given_secrets(|name| find(name).map(|(_, value)| (*value).to_owned()));
        given.into_iter().map(|(name, secrets)| (name, exposed(secrets))).collect()
    }

    #[test]
    fn secrets_are_found_in_either_form_of_the_configuration() {
        let one = [("WEBHOOK_SECRET", " one, two\n")];
        assert_eq!(given(&one), [("duffel".to_owned(), vec!["one".to_owned(), "two".to_owned()])]);
        let sources = r#"{"a":{"scheme":"github","secret":"x,y"},"b":{"scheme":"stripe","secret":["z"," w "]},
                          "c":{"scheme":"duffel","secret_arn":"arn:x"}}"#;
        let expected = [("a", vec!["x,y"]), ("b", vec!["z", "w"]), ("c", vec![])];
        let expected = expected.map(|(name, secrets)| {
            (name.to_owned(), secrets.into_iter().map(str::to_owned).collect::<Vec<_>>())
        });
        assert_eq!(given(&[("SOURCES", sources)]), expected);
        assert_eq!(given(&[("SOURCES", "nah")]), []);
    }
}
