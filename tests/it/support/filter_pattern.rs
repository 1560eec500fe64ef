//! Filter patterns of `CloudWatch` Logs for JSON lines, evaluated as AWS documents them.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html>
//!
//! `MiniStack` 1.4 matches every line with a JSON pattern, moto 5 knows neither `&&` nor comparisons, and the crate
//! `fakecloud-logs` has no `IS`. None of them refuses a pattern that it does not understand, so none of them could find
//! a mistake in one. This refuses what is not documented, in patterns (regular expressions, wildcards elsewhere than at
//! an end, `EXISTS`) and in what they are applied to (`!=` with a field that does not exist).

use serde_json::Value;

/// A pattern, as in `{ ($.level = "ERROR") && ($.outcome NOT EXISTS) }`.
#[derive(Debug)]
pub struct FilterPattern(Expression);

/// A place in a line, as in `$.queue_ms`.
#[derive(Debug)]
pub struct Selector(Vec<Step>);

#[derive(Debug)]
enum Expression {
    Any(Vec<Expression>),
    All(Vec<Expression>),
    Is(Selector, Value),
    NotExists(Selector),
    Equals(Selector, Term),
    Differs(Selector, Term),
    Compares(Selector, fn(&f64, &f64) -> bool, f64),
}

#[derive(Debug)]
enum Step {
    Member(String),
    Element(usize),
}

#[derive(Debug)]
struct Term {
    text: String,
    is_quoted: bool,
}

/// Why a pattern is refused.
type Refusal = String;

impl FilterPattern {
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let mut rest = inner.ok_or_else(|| format!("{text}: only JSON patterns are known"))?;
        let expression = any(&mut rest)?;
        match rest.trim() {
            "" => Ok(Self(expression)),
            rest => Err(format!("{text}: {rest} is too much")),
        }
    }

    /// Returns whether a line matches; one that is not JSON does not.
    pub fn matches(&self, line: &str) -> bool {
        serde_json::from_str(line).is_ok_and(|line| self.0.matches(&line))
    }
}

impl Selector {
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut rest = text;
        let selector = selector(&mut rest)?;
        if rest.is_empty() { Ok(selector) } else { Err(format!("{text}: {rest} is too much")) }
    }

    /// Returns the value at this place.
    pub fn of<'line>(&self, line: &'line Value) -> Option<&'line Value> {
        self.0.iter().try_fold(line, |value, step| match step {
            Step::Member(name) => value.as_object()?.get(name),
            Step::Element(index) => value.as_array()?.get(*index),
        })
    }
}

impl Expression {
    fn matches(&self, line: &Value) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.matches(line)),
            Self::All(parts) => parts.iter().all(|part| part.matches(line)),
            Self::Is(selector, value) => selector.of(line) == Some(value),
            Self::NotExists(selector) => selector.of(line).is_none(),
            Self::Equals(selector, term) => selector.of(line).is_some_and(|value| term.equals(value)),
            Self::Differs(selector, term) => {
                let value = selector.of(line);
                !term.equals(value.unwrap_or_else(|| panic!("{selector:?} does not exist in {line}")))
            }
            Self::Compares(selector, holds, number) => selector.of(line).is_some_and(|value| {
                let value =
                    value.as_f64().unwrap_or_else(|| panic!("{selector:?} is not a number in {line}"));
                holds(&value, number)
            }),
        }
    }
}

impl Term {
    fn equals(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => match (self.text.strip_prefix('*'), self.text.strip_suffix('*')) {
                (Some(""), _) => true,
                (Some(end), None) => text.ends_with(end),
                (None, Some(start)) => text.starts_with(start),
                (Some(rest), Some(_)) => text.contains(&rest[..rest.len() - 1]),
                (None, None) => *text == self.text,
            },
            Value::Number(number) if !self.is_quoted => self.text.parse() == Ok(number.as_f64().unwrap()),
            _ => panic!("what {self:?} means for {value} is not documented"),
        }
    }
}

fn any(rest: &mut &str) -> Result<Expression, Refusal> {
    let mut parts = vec![all(rest)?];
    while take(rest, "||") {
        parts.push(all(rest)?);
    }
    Ok(Expression::Any(parts))
}

/// `&&` comes before `||`.
fn all(rest: &mut &str) -> Result<Expression, Refusal> {
    let mut parts = vec![part(rest)?];
    while take(rest, "&&") {
        parts.push(part(rest)?);
    }
    Ok(Expression::All(parts))
}

fn part(rest: &mut &str) -> Result<Expression, Refusal> {
    if take(rest, "(") {
        let inner = any(rest)?;
        return if take(rest, ")") { Ok(inner) } else { Err(format!("`)` is missing before {rest}")) };
    }
    let selector = selector(rest)?;
    if take(rest, "NOT") {
        return if take(rest, "EXISTS") {
            Ok(Expression::NotExists(selector))
        } else {
            Err(format!("NOT {rest}"))
        };
    }
    if take(rest, "IS") {
        let values = [("NULL", Value::Null), ("TRUE", true.into()), ("FALSE", false.into())];
        let found = values.into_iter().find(|(word, _)| take(rest, word));
        return found.map(|(_, value)| Expression::Is(selector, value)).ok_or_else(|| format!("IS {rest}"));
    }
    // The longer ones first.
    type Holds = fn(&f64, &f64) -> bool;
    let comparisons: [(&str, Holds); 4] = [(">=", f64::ge), ("<=", f64::le), (">", f64::gt), ("<", f64::lt)];
    if let Some((_, holds)) = comparisons.into_iter().find(|(word, _)| take(rest, word)) {
        let term = term(rest)?;
        let number = term.text.parse().ok().filter(|_| !term.is_quoted);
        return number
            .map(|number| Expression::Compares(selector, holds, number))
            .ok_or_else(|| format!("{} is not a number", term.text));
    }
    if take(rest, "!=") {
        Ok(Expression::Differs(selector, term(rest)?))
    } else if take(rest, "=") {
        Ok(Expression::Equals(selector, term(rest)?))
    } else {
        Err(format!("no known operator: {rest}"))
    }
}

fn selector(rest: &mut &str) -> Result<Selector, Refusal> {
    if !take(rest, "$") {
        return Err(format!("not a selector: {rest}"));
    }
    let mut steps = Vec::new();
    loop {
        // `$.['name']` is the documented form for names with a dot.
        let quoted = rest.strip_prefix(".['").or_else(|| rest.strip_prefix("['"));
        let step = if let Some((name, after)) = quoted.and_then(|rest| rest.split_once("']")) {
            *rest = after;
            Step::Member(name.to_owned())
        } else if let Some(after) = rest.strip_prefix('.') {
            let is_name = |character: char| character.is_alphanumeric() || "_-".contains(character);
            let end = after.find(|character| !is_name(character)).unwrap_or(after.len());
            *rest = &after[end..];
            Step::Member(after[..end].to_owned())
        } else if let Some((index, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            *rest = after;
            Step::Element(index.parse().map_err(|_| format!("not an index: {index}"))?)
        } else {
            break;
        };
        if matches!(&step, Step::Member(name) if name.is_empty()) {
            return Err(format!("a name is missing before {rest}"));
        }
        steps.push(step);
    }
    if steps.is_empty() { Err(format!("not a selector: ${rest}")) } else { Ok(Selector(steps)) }
}

fn term(rest: &mut &str) -> Result<Term, Refusal> {
    *rest = rest.trim_start();
    let is_quoted = rest.starts_with('"');
    let (text, after) = if is_quoted {
        rest[1..].split_once('"').ok_or_else(|| format!("a quotation mark is missing: {rest}"))?
    } else {
        let end = rest.find(|character: char| character.is_whitespace() || ")&|".contains(character));
        rest.split_at(end.unwrap_or(rest.len()))
    };
    *rest = after;
    let middle = text.strip_prefix('*').unwrap_or(text);
    let middle = middle.strip_suffix('*').unwrap_or(middle);
    if (text.is_empty() && !is_quoted) || text.contains(['%', '\\']) || middle.contains('*') {
        return Err(format!("not a known term: {text}"));
    }
    Ok(Term { text: text.to_owned(), is_quoted })
}

/// Removes a word from the beginning, if it is there.
fn take(rest: &mut &str, word: &str) -> bool {
    let after = rest.trim_start().strip_prefix(word);
    if let Some(after) = after {
        *rest = after;
    }
    after.is_some()
}

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
fn a_quoted_number_does_not_just_equal_a_number() {
    matches(r#"{ $.user.id = "1" }"#, USERS);
}
