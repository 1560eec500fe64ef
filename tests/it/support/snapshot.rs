//! Comparison of what a user sees with a file of `tests/it/snapshots`; see "Snapshots" in `docs/testing.md`.

use insta::Settings;

/// Patterns of what differs from run to run, and what the snapshot has instead. Where the width is fixed it is kept, so
/// that tables stay aligned.
const REDACTIONS: [(&str, &str); 20] = [
    (r"\b(wev|end|del)_[0-9a-f]{22}\b", "${1}_xxxxxxxxxxxxxxxxxxxxxx"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uuid>"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "YYYY-MM-DDThh:mm:ss.mmmZ"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "YYYY-MM-DDThh:mm:ssZ"),
    (r"\bt=\d{10},v2=[0-9a-f]{64}", "t=<seconds>,v2=<signature>"),
    (r"\bts=\d{10};", "ts=<seconds>;"),
    (r"\b[0-9a-f]{64}\b", "<sha256>"),
    (r" +\d+(\.\d+)? ms\b", " <n> ms"),
    (r"\b\d s ago\b", "<n> s ago"),
    (r"\blocalhost:\d+", "localhost:<port>"),
    (r"\b127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
    (r"[A-Za-z0-9+/]{22}==", "<secret>"),
    (r"(secret:<uuid>|\bstack-[0-9a-f]{8}-[A-Za-z]+)-[A-Za-z0-9]+", "$1-<suffix>"),
    (r"\bstack-[0-9a-f]{8}\b", "<stack>"),
    (r"/\S+/duffel-hooks\b", "<path>/duffel-hooks"),
    // Of the walks.
    (r"\b\d\d:\d\d:\d\dZ ", "hh:mm:ssZ "),
    (r#""timeEpoch": \d+"#, r#""timeEpoch": <milliseconds>"#),
    (r"\b(webhooks-stack-[A-Za-z]+)-[A-Za-z0-9]{8,}", "$1-<suffix>"),
    (r"\bof the last \d+ s that\b", "of the last <n> s that"),
    (r"\bgap  +[\d.]+ m?s\b", "gap        <n> s"),
];

/// Compares a text with the snapshot of this name.
pub fn assert(name: &str, text: &str) {
    let mut settings = Settings::new();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (pattern, replacement) in REDACTIONS {
        settings.add_filter(pattern, replacement);
    }
    settings.bind(|| insta::assert_snapshot!(name, text));
}
