//! Filter patterns of `CloudWatch` Logs for JSON lines, evaluated as AWS documents them.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html>
//!
//! `MiniStack` 1.5 and moto 5 match every line with a JSON pattern, and `fakecloud-logs` 0.19 has no `IS`. This refuses
//! what is not documented, in patterns (regular expressions, wildcards elsewhere than at an end, `EXISTS`) and in what
//! they are applied to (`!=` with a field that does not exist), so that no pattern of the template depends on it.

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
    Compares(Selector, Holds, f64),
}

type Holds = fn(&f64, &f64) -> bool;

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
        let is_number = !self.is_quoted && self.text.parse::<f64>().is_ok();
        match value {
            Value::String(text) if !is_number => {
                match (self.text.strip_prefix('*'), self.text.strip_suffix('*')) {
                    (Some(""), _) => true,
                    (Some(end), None) => text.ends_with(end),
                    (None, Some(start)) => text.starts_with(start),
                    (Some(rest), Some(_)) => text.contains(&rest[..rest.len() - 1]),
                    (None, None) => *text == self.text,
                }
            }
            Value::Number(number) if is_number => self.text.parse() == Ok(number.as_f64().unwrap()),
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
