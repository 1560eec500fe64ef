//! The bounds of what the inspector keeps.

use serde_json::json;

use super::Inspector;

#[test]
fn the_oldest_bodies_are_dropped_first_and_the_delivery_stays() {
    let inspector = Inspector::start(&[]);
    let body = vec![b'x'; 6 * 1024 * 1024 - 1024];
    for _ in 0..12 {
        assert_eq!(inspector.deliver("duffel", &[], &body), 413);
    }
    let kept = |number: u64| inspector.json(&format!("/inspector/deliveries/{number}"))["kept"] == true;
    assert!(!kept(1) && !kept(2) && kept(3) && kept(12));
    let first = inspector.json("/inspector/deliveries/1");
    assert_eq!(
        (&first["body"], &first["headers"], &first["bytes"]),
        (&json!(null), &json!([]), &json!(body.len()))
    );
    assert_eq!(inspector.ask(&json!({ "delivery": 1, "as": "same" })).0, 410);
    assert_eq!(inspector.get("/inspector/deliveries/1/curl").status(), 410);
    assert_eq!(inspector.get("/inspector/deliveries/1/gateway-event").status(), 410);
    assert_eq!(inspector.rows().len(), 12);
}

#[test]
fn a_request_that_is_not_read_to_its_end_is_kept_without_its_body() {
    let inspector = Inspector::start(&[]);
    let request = inspector.agent.post(format!("{}/webhooks/duffel", inspector.url));
    let _ = request.send(&vec![b'x'; 7 * 1024 * 1024]);
    let delivery = inspector.newest();
    assert_eq!((&delivery["status"], &delivery["outcome"]), (&json!(413), &json!("too_large")));
    assert!(delivery["reason"].as_str().unwrap().contains("6291456 bytes"), "{delivery}");
    assert_eq!(delivery["body"], json!({ "text": "" }));
}

#[test]
fn the_list_is_read_in_parts() {
    let inspector = Inspector::start(&[]);
    for _ in 0..5 {
        inspector.deliver("duffel", &[], "{}");
    }
    let numbers = |query: &str| {
        let list = inspector.json(&format!("/inspector/deliveries{query}"));
        assert_eq!((&list["total"], &list["kept"]), (&json!(5), &json!(5)));
        let rows = list["deliveries"].as_array().unwrap().clone();
        rows.iter().map(|row| row["number"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers("?limit=2"), [5, 4]);
    assert_eq!(numbers("?before=4&limit=2"), [3, 2]);
    assert_eq!(numbers("?before=1"), Vec::<u64>::new());
    assert_eq!(inspector.get("/inspector/deliveries/6").status(), 404);
}
