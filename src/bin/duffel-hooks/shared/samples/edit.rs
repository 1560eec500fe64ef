//! Changes of a JSON document at a JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)).

use serde_json::{Map, Value};

/// Sets the value at a pointer. Members that are missing on the way are added; an array is extended at its end only.
///
/// # Errors
/// If the pointer is not valid, or leads into something that is neither an object nor an array.
pub(crate) fn set(document: &mut Value, pointer: &str, value: Value) -> Result<(), String> {
    let tokens = pointer.strip_prefix('/').ok_or("a JSON pointer begins with /, as in /data/object/id")?;
    let mut place = document;
    for token in tokens.split('/') {
        let name = token.replace("~1", "/").replace("~0", "~");
        if place.is_null() {
            *place = Map::new().into();
        }
        place = match place {
            Value::Object(members) => members.entry(name).or_insert(Value::Null),
            Value::Array(items) => {
                let length = items.len();
                let index = if name == "-" { Some(length) } else { name.parse().ok() };
                let index = index.filter(|index| *index <= length);
                let index = index.ok_or_else(|| format!("{name} is not an index up to {length}"))?;
                if index == length {
                    items.push(Value::Null);
                }
                &mut items[index]
            }
            _ => return Err(format!("the value above {name} is neither an object nor an array")),
        };
    }
    *place = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(pointer: &str) -> Result<Value, String> {
        let mut document = json!({ "a": { "b": 1 }, "list": [1], "null": null });
        set(&mut document, pointer, json!("new")).map(|()| document)
    }

    #[test]
    fn values_are_replaced_and_members_are_added() {
        assert_eq!(after("/a/b").unwrap()["a"], json!({ "b": "new" }));
        assert_eq!(after("/a/c/d").unwrap()["a"], json!({ "b": 1, "c": { "d": "new" } }));
        assert_eq!(after("/null/x").unwrap()["null"], json!({ "x": "new" }));
        assert_eq!(after("/list/0").unwrap()["list"], json!(["new"]));
        assert_eq!(after("/list/-").unwrap()["list"], json!([1, "new"]));
        assert_eq!(after("/a~1b~0c").unwrap()["a/b~c"], "new");
        assert_eq!(after("/").unwrap()[""], "new");
    }

    #[test]
    fn pointers_that_lead_nowhere_are_refused() {
        for (pointer, reason) in [
            ("", "begins with /"),
            ("a", "begins with /"),
            ("/a/b/c", "the value above c"),
            ("/list/2", "2 is not an index up to 1"),
            ("/list/x", "x is not an index"),
        ] {
            let error = after(pointer).unwrap_err();
            assert!(error.contains(reason), "{pointer}: {error}");
        }
    }
}
