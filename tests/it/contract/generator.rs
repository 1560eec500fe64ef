//! Random documents of a schema, for the keywords that the schemas of the contract use. The validator confirms each.

use duffel_webhook_receiver::time::parse_time;
use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::schemas;
use crate::support::test_receiver::noon;

/// Keywords that say nothing about a document, or that are read with another keyword.
const PASSIVE: [&str; 8] = [
    "$comment",
    "$id",
    "$schema",
    "additionalProperties",
    "description",
    "examples",
    "maxProperties",
    "title",
];

/// Makes a document of the schema in this file.
pub fn document(name: &str, random: &mut Rng) -> Value {
    value(&schemas()[name], random)
}

fn value(schema: &Value, random: &mut Rng) -> Value {
    let schema = &merged(schema);
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(values) = schema.get("enum") {
        return random.choice(values.as_array().unwrap()).unwrap().clone();
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    match random.choice(&kinds).unwrap().as_str() {
        Some("object") => object(schema, random),
        Some("string") => text(schema, random).into(),
        Some("boolean") => random.bool().into(),
        Some("null") => Value::Null,
        kind => panic!("no generator for {kind:?} in {schema}"),
    }
}

/// A schema with the members of the schema that it refers to.
fn merged(schema: &Value) -> Value {
    for keyword in schema.as_object().unwrap().keys() {
        let known = [
            "$ref",
            "anyOf",
            "const",
            "enum",
            "format",
            "minLength",
            "pattern",
            "properties",
            "required",
            "type",
        ];
        assert!(known.contains(&keyword.as_str()) || PASSIVE.contains(&keyword.as_str()), "{keyword}");
    }
    let Some(name) = schema["$ref"].as_str() else { return schema.clone() };
    let mut whole = schemas()[name].clone();
    for (keyword, narrow) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$ref" => {}
            "required" => {
                whole["required"].as_array_mut().unwrap().extend(narrow.as_array().unwrap().clone());
            }
            "properties" => {
                for (name, narrow) in narrow.as_object().unwrap() {
                    let property = whole["properties"][name].as_object_mut().unwrap();
                    property.extend(narrow.as_object().unwrap().clone());
                }
            }
            keyword => whole[keyword] = narrow.clone(),
        }
    }
    whole
}

fn object(schema: &Value, random: &mut Rng) -> Value {
    let names = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let mut required = names(&schema["required"]);
    if let Some(alternatives) = schema["anyOf"].as_array() {
        required.extend(names(&random.choice(alternatives).unwrap()["required"]));
    }
    let mut object = Map::new();
    if let Some(properties) = schema["properties"].as_object() {
        for (name, property) in properties {
            if required.contains(name) || random.bool() {
                object.insert(name.clone(), value(property, random));
            }
        }
    }
    let most = schema["maxProperties"].as_u64().unwrap_or(u64::MAX);
    for _ in 0..random.u8(..3) {
        if (object.len() as u64) < most {
            let is_text = schema["additionalProperties"]["type"] == "string";
            let value = if is_text { any_text(random).into() } else { anything(random, 3) };
            object.insert(format!("new_{}", random.u16(..)), value);
        }
    }
    while object.len() as u64 > most {
        let optional: Vec<_> = object.keys().filter(|name| !required.contains(name)).cloned().collect();
        object.remove(random.choice(&optional).unwrap());
    }
    object.into()
}

fn text(schema: &Value, random: &mut Rng) -> String {
    if schema["format"] == "date-time" {
        let time = noon() + std::time::Duration::from_millis(random.u64(..1 << 40));
        let text = humantime::format_rfc3339_millis(time).to_string();
        assert_eq!(parse_time(&text), Some(time));
        return text;
    }
    match schema["pattern"].as_str() {
        Some(pattern) => matching(pattern, random),
        None if schema["minLength"] == 1 => format!("{}{}", any_char(random), any_text(random)),
        None => any_text(random),
    }
}

/// A text that matches `^[class]{n}$`, `^[class]{1,n}$` or `^[class]+$`.
fn matching(pattern: &str, random: &mut Rng) -> String {
    let inner = pattern.strip_prefix("^[").and_then(|rest| rest.strip_suffix('$')).unwrap();
    let (class, count) = inner.split_once(']').unwrap();
    let number = |text: &str| text.parse::<usize>().unwrap();
    let length = match count.trim_matches(['{', '}']).split_once(',') {
        Some((least, most)) => random.usize(number(least)..=number(most)),
        None if count == "+" => random.usize(1..40),
        None => number(count.trim_matches(['{', '}'])),
    };
    let mut allowed = Vec::new();
    let mut class = class.chars().peekable();
    while let Some(first) = class.next() {
        if class.next_if_eq(&'-').is_some() {
            allowed.extend(first..=class.next().unwrap_or(first));
        } else {
            allowed.push(first);
        }
    }
    (0..length).map(|_| *random.choice(&allowed).unwrap()).collect()
}

fn any_char(random: &mut Rng) -> char {
    match random.u8(..8) {
        0 => '"',
        1 => '\n',
        2 => 'é',
        3 => '\u{1f600}',
        4 => '\u{fffe}',
        _ => random.alphanumeric(),
    }
}

fn any_text(random: &mut Rng) -> String {
    (0..random.usize(..12)).map(|_| any_char(random)).collect()
}

fn anything(random: &mut Rng, depth: u8) -> Value {
    match random.u8(..if depth == 0 { 4 } else { 6 }) {
        0 => Value::Null,
        1 => random.bool().into(),
        2 => json!(random.f64() * 1e6),
        3 => any_text(random).into(),
        4 => (0..random.u8(..4)).map(|_| anything(random, depth - 1)).collect(),
        _ => (0..random.u8(..4))
            .map(|_| (any_text(random), anything(random, depth - 1)))
            .collect::<Map<_, _>>()
            .into(),
    }
}
