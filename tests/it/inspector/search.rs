//! The search in headers and bodies.

use serde_json::json;

use super::Inspector;

#[test]
fn the_search_finds_bodies_and_headers_and_no_masked_header() {
    let inspector = Inspector::start(&[]);
    inspector.deliver("duffel", &[], "A body with 100 % of a Needle, and é");
    inspector.deliver("duffel", &[("x-note", "a needle"), ("authorization", "Bearer pin")], "hay");
    inspector.deliver("duffel", &[("cookie", "needle")], [0xff, b'h', b'A', b'y']);
    let found = |text| inspector.json(&format!("/inspector/search?q={text}"))["numbers"].clone();
    assert_eq!(found("NEEDLE"), json!([2, 1]));
    assert_eq!(found("hay"), json!([3, 2]));
    assert_eq!(found("100%20%25%20of"), json!([1]));
    assert_eq!(found("%C3%A9"), json!([1]));
    assert_eq!(found("pin"), json!([]));
}
