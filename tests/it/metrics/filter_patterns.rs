//! The evaluator of filter patterns: AWS's examples, and what it refuses.

use crate::support::filter_pattern::FilterPattern;

/// The two lines of AWS's page, each on a single line.
const EVENT: &str = r#"{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another value"],"objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"cluster.name":"c"}"#;
const USERS: &str = r#"{"user":{"id":1,"email":"John.Stiles@example.com"},"users":[{"id":2,"email":"John.Doe@example.com"},{"id":3,"email":"Jane.Doe@example.com"}],"actions":["GET","PUT","DELETE"],"coordinates":[[0,1,2],[4,5,6],[7,8,9]]}"#;

fn matches(pattern: &str, line: &str) -> bool {
    FilterPattern::parse(pattern).unwrap().matches(line)
}

#[test]
fn documented_examples_match_as_documented() {
    for (pattern, line, is_match) in [
        (r#"{ $.eventType = "UpdateTrail" }"#, EVENT, true),
        ("{ $.sourceIPAddress != 123.123.* }", EVENT, true),
        (r#"{ $.arrayKey[0] = "value" }"#, EVENT, true),
        ("{ $.objectList[1].id = 2 }", EVENT, true),
        (r#"{ $.['cluster.name'] = "c" }"#, EVENT, true),
        ("{ $.SomeObject IS NULL }", EVENT, true),
        ("{ $.SomeOtherObject NOT EXISTS }", EVENT, true),
        (r#"{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }"#, USERS, true),
        (
            r#"{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nonmatch }"#,
            USERS,
            true,
        ),
        (
            r#"{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nonmatch }"#,
            USERS,
            false,
        ),
        (r#"{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }"#, USERS, false),
    ] {
        assert_eq!(matches(pattern, line), is_match, "{pattern}");
    }
}

#[test]
fn each_operator_matches_what_it_says_and_nothing_else() {
    let line = r#"{"n":60,"word":"other_body","dotted.name":"x","flag":true,"nothing":null,"status":"429"}"#;
    for (pattern, is_match) in [
        ("{ $.n > 60 }", false),
        ("{ $.n > 59.5 }", true),
        ("{ $.n >= 60 }", true),
        ("{ $.n < 60 }", false),
        ("{ $.n <= 60 }", true),
        ("{ $.n = 60 }", true),
        ("{ $.n != 60 }", false),
        ("{ $.missing >= 0 }", false),
        (r#"{ $.missing = "*" }"#, false),
        (r#"{ $.word = "*" }"#, true),
        (r#"{ $.word = "other_*" }"#, true),
        (r#"{ $.word = "*_body" }"#, true),
        (r#"{ $.word = "*her_bo*" }"#, true),
        (r#"{ $.word = "other" }"#, false),
        (r#"{ $.word = "OTHER_*" }"#, false),
        (r#"{ $.word != "other_*" }"#, false),
        (r#"{ $.status = "429" }"#, true),
        // A dot is a member of a member.
        (r#"{ $.dotted.name = "x" }"#, false),
        ("{ $.dotted.name NOT EXISTS }", true),
        ("{ $.['dotted.name'] NOT EXISTS }", false),
        ("{ $.flag IS TRUE }", true),
        ("{ $.flag IS FALSE }", false),
        ("{ $.missing IS NULL }", false),
        ("{ $.nothing NOT EXISTS }", false),
    ] {
        assert_eq!(matches(pattern, line), is_match, "{pattern}");
    }
    assert!(!matches("{ $.missing NOT EXISTS }", "START RequestId: 8476a536"));
}

#[test]
fn unknown_patterns_are_refused() {
    for pattern in [
        "",
        "ERROR",
        "{}",
        "{ $.a }",
        "{ $.a EXISTS }",
        "{ $.a IS NOT NULL }",
        "{ $.a NOT NULL }",
        "{ $.a = %b% }",
        "{ $.a = b*c }",
        r#"{ $.a = "b }"#,
        r#"{ $.a > "1" }"#,
        "{ $.a > b }",
        "{ $.* = b }",
        "{ $.a[*] = b }",
        "{ $ = b }",
        "{ a = b }",
        "{ $.a == b }",
        "{ ($.a = b }",
        "{ $.a = b) }",
        "{ $.a = b $.c = d }",
        "{ $.a = b & $.c = d }",
        "{ $.a = b || }",
        "[status = 4*]",
    ] {
        assert!(FilterPattern::parse(pattern).is_err(), "{pattern}");
    }
}

#[test]
#[should_panic(expected = "does not exist")]
fn a_missing_field_does_not_just_differ() {
    matches("{ $.missing != b }", EVENT);
}

#[test]
#[should_panic(expected = "is not documented")]
fn a_number_does_not_just_equal_a_text() {
    matches("{ $.status = 429 }", r#"{"status":"429"}"#);
}

#[test]
#[should_panic(expected = "is not documented")]
fn a_quoted_number_does_not_just_equal_a_number() {
    matches(r#"{ $.user.id = "1" }"#, USERS);
}
