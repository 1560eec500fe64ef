//! The X-Ray trace that an invocation belongs to.

use std::sync::Arc;

/// A trace that exists: its header says that it is sampled, and has the form that SQS requires.
///
/// Lambda gives every invocation a header. Most are not sampled: nothing is recorded under their id, and a consumer that
/// continued them would look for a trace that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace(Arc<Fields>);

#[derive(Debug, PartialEq, Eq)]
struct Fields {
    header: String,
    id: String,
    parent: Option<String>,
}

impl Trace {
    /// Reads a header: `Root=1-<8 hex>-<24 hex>` and `Sampled=1`, perhaps with `Parent=<16 hex>` and a lineage, in any
    /// order. Returns `None` if it has another form, or if the trace is not sampled or not yet decided on.
    ///
    /// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
    #[must_use]
    pub fn sampled(header: &str) -> Option<Self> {
        let (mut root, mut parent, mut sampled, mut lineage) = (None, None, None, None);
        for part in header.split(';') {
            let (name, value) = part.split_once('=')?;
            let (field, is_valid) = match name {
                "Root" => (&mut root, is_id(value)),
                "Parent" => (&mut parent, is_hex(value, 16)),
                "Sampled" => (&mut sampled, value == "1"),
                "Lineage" => (&mut lineage, is_lineage(value)),
                _ => return None,
            };
            if !is_valid || field.replace(value).is_some() {
                return None;
            }
        }
        let (id, _) = (root?.to_owned(), sampled?);
        let fields = Fields { header: header.to_owned(), id, parent: parent.map(str::to_owned) };
        Some(Self(fields.into()))
    }

    /// The header, verbatim.
    #[must_use]
    pub fn header(&self) -> &str {
        &self.0.header
    }

    /// The id of the trace, as in `1-5e9b5b5f-0a1b2c3d4e5f60718293a4b5`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The segment that work in this invocation belongs to.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.0.parent.as_deref()
    }
}

fn is_id(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    parts.next() == Some("1")
        && parts.next().is_some_and(|time| is_hex(time, 8))
        && parts.next().is_some_and(|unique| is_hex(unique, 24))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_lineage(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1-5e9b5b5f-0a1b2c3d4e5f60718293a4b5";

    #[test]
    fn a_sampled_trace_has_id_parent_and_the_header_verbatim() {
        for (rest, parent) in [
            (";Sampled=1", None),
            (";Parent=53995c3f42cd8ad8;Sampled=1", Some("53995c3f42cd8ad8")),
            (";Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a87bd80c:0", Some("53995c3f42cd8ad8")),
        ] {
            let header = format!("Root={ID}{rest}");
            let trace = Trace::sampled(&header).unwrap();
            assert_eq!((trace.id(), trace.parent(), trace.header()), (ID, parent, header.as_str()));
        }
        assert!(Trace::sampled(&format!("Sampled=1;Root={ID}")).is_some());
    }

    #[test]
    fn a_header_that_is_not_sampled_or_not_valid_is_no_trace() {
        for rest in [
            "",
            ";Sampled=0",
            ";Sampled=?",
            ";Sampled=1;Sampled=1",
            ";Sampled=1;Parent=5",
            ";Sampled=1;x=y",
            ";Sampled=1;",
        ] {
            assert_eq!(Trace::sampled(&format!("Root={ID}{rest}")), None, "{rest}");
        }
        let long = format!("Root={ID};Sampled=1;Lineage={}", "x".repeat(65));
        let other_id = format!("Root={ID};Root={};Sampled=1", ID.replace('5', "6"));
        for header in
            ["", "Sampled=1", "Root=2-x;Sampled=1", "Root=1-5e9b5b5f-0a;Sampled=1", &long, &other_id]
        {
            assert_eq!(Trace::sampled(header), None, "{header}");
        }
    }
}
