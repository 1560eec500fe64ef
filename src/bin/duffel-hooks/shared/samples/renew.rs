//! Another event made of one that exists: the same bytes with new ids.

use duffel_webhook_receiver::signature::scheme::{FieldLocation, Scheme};
use serde_json::Value;

use super::ids::new_like;

/// A body with new ids.
pub(crate) struct Renewed {
    pub(crate) body: Vec<u8>,
    /// The pointers to the ids, and the new ids.
    pub(crate) ids: Vec<(String, String)>,
}

/// Replaces the id and the idempotency key of an event wherever they are in its body, and leaves all other bytes.
///
/// # Errors
/// If the scheme has them in the body, and they are not there.
pub(crate) fn renew(body: &[u8], scheme: &Scheme) -> Result<Renewed, String> {
    let mut pointers = Vec::new();
    for location in [&scheme.id, &scheme.idempotency_key] {
        if let FieldLocation::Body(pointer) = location
            && !pointers.contains(pointer)
        {
            pointers.push(pointer.clone());
        }
    }
    let mut renewed = Renewed { body: body.to_vec(), ids: Vec::new() };
    if pointers.is_empty() {
        return Ok(renewed);
    }
    let event: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is not JSON ({error})"))?;
    for pointer in &pointers {
        match event.pointer(pointer) {
            Some(Value::String(old)) if !old.is_empty() => {
                let new = new_like(old);
                renewed.body = replace(&renewed.body, &quoted(old), &quoted(&new)).ok_or_else(|| {
                    format!("{pointer} is not written as plain text: change it in the file")
                })?;
                renewed.ids.push((pointer.to_string(), new));
            }
            Some(Value::Number(_)) => {
                return Err(format!("{pointer} is a number: change it in the file"));
            }
            _ => {}
        }
    }
    if renewed.ids.is_empty() {
        return Err(format!("the event has no id at {}", pointers.join(" or ")));
    }
    Ok(renewed)
}

fn quoted(text: &str) -> Vec<u8> {
    Value::from(text).to_string().into_bytes()
}

/// Replaces every occurrence; `None` if there is none.
fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let (mut replaced, mut rest, mut count) = (Vec::new(), text, 0);
    while let Some(at) = rest.windows(old.len()).position(|window| window == old) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(new);
        rest = &rest[at + old.len()..];
        count += 1;
    }
    replaced.extend_from_slice(rest);
    (count > 0).then_some(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renewed(body: &str, scheme: &Scheme) -> Result<String, String> {
        renew(body.as_bytes(), scheme).map(|renewed| String::from_utf8(renewed.body).unwrap())
    }

    #[test]
    fn ids_are_replaced_everywhere_and_no_other_byte() {
        let body = "{ \"idempotency_key\":\"ord_0000000A\", \"id\" : \"wev_0000000B\",\n \"n\": 1.10,\
                    \"data\":{\"object\":{\"id\":\"ord_0000000A\",\"offer_id\":\"off_0000000A\"}},\"type\":\"\\u0074\"}";
        let Renewed { body: new, ids } = renew(body.as_bytes(), &Scheme::duffel()).unwrap();
        let [(_, id), (_, key)] = &ids[..] else { panic!("{ids:?}") };
        assert!(ids[0].0 == "/id" && ids[1].0 == "/idempotency_key");
        let back = String::from_utf8(new).unwrap().replace(id, "wev_0000000B").replace(key, "ord_0000000A");
        assert_eq!(back, body);
    }

    #[test]
    fn an_event_without_ids_is_not_sent_as_a_new_one() {
        let duffel = Scheme::duffel();
        for (body, reason) in [
            ("{\"type\":\"t\"}", "no id at /id or /idempotency_key"),
            ("{\"id\":7}", "/id is a number"),
            ("{\"id\":\"\\u0041\"}", "not written as plain text"),
            ("", "not JSON"),
        ] {
            let error = renewed(body, &duffel).unwrap_err();
            assert!(error.contains(reason), "{body}: {error}");
        }
        assert!(renewed("{\"id\":\"wev_1\"}", &duffel).is_ok());
        assert_eq!(renewed("not JSON", &Scheme::github()).as_deref(), Ok("not JSON"));
    }
}
