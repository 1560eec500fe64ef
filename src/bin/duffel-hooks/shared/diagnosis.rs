//! A diagnosis of a signature that does not match: the usual mistakes, tried with the secrets that are known here.
//!
//! Nothing is accepted because of what is found, and no secret is printed.

mod bodies;
mod contents;
mod forms;
mod secrets;
mod times;

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use duffel_webhook_receiver::{
    http::delivery,
    signature::{
        Delivery, SignatureError, Verifier,
        scheme::Scheme,
        secret::{Key, Secret},
    },
};
use http::HeaderMap;

/// The most bytes that are hashed for one diagnosis: some tens of milliseconds.
const MAX_HASHED: usize = 32 * 1024 * 1024;

/// More presets than have one header.
const MAX_PRESETS: usize = 32;

/// The name, the scheme and the secrets of a source.
pub(crate) struct Known<'a> {
    pub(crate) name: &'a str,
    pub(crate) scheme: &'a Scheme,
    pub(crate) secrets: &'a [Secret],
}

/// A mistake that explains the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) part: Part,
    /// What would match, as in `without the quotes around it`.
    pub(crate) change: String,
    /// The position of the secret, if there are several.
    secret: Option<usize>,
}

/// The part of a delivery, or of its configuration, that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Secret,
    Body,
    Time,
    Form,
    Source,
}

impl Mistake {
    fn new(part: Part, change: impl Into<String>) -> Self {
        Self { part, change: change.into(), secret: None }
    }

    /// Says what is wrong.
    pub(crate) fn what(&self) -> &'static str {
        match self.part {
            Part::Secret => "signed with a secret that is not active",
            Part::Body => "the body is not the one that was signed",
            Part::Time => "the time is not the one that was signed",
            Part::Form => "the signature does not have the form of the scheme",
            Part::Source => "signed for another source",
        }
    }

    /// Says what would match.
    pub(crate) fn hint(&self) -> String {
        match (self.part, self.secret) {
            (Part::Source, _) => self.change.clone(),
            (Part::Secret, Some(position)) => format!("it would match secret {position} {}", self.change),
            _ => format!("it would match {}", self.change),
        }
    }
}

/// Returns the position of the first secret that signed a delivery, whatever its age.
pub(crate) fn signer(scheme: &Scheme, secrets: &[Secret], delivery: &Delivery) -> Option<usize> {
    secrets
        .iter()
        .position(|secret| secret.key(scheme.key).is_ok_and(|key| has_signed(scheme, key, delivery.clone())))
}

/// A request as it was received.
pub(crate) struct Request<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: Option<&'a str>,
    pub(crate) body: &'a Bytes,
}

impl Request<'_> {
    /// Says whether it has a header, or a parameter in its query, of this name.
    fn has(&self, name: &str) -> bool {
        match name.strip_prefix('?') {
            None => self.headers.contains_key(name),
            Some(parameter) => {
                let mut pairs = self.query.unwrap_or_default().split('&');
                pairs.any(|pair| pair.split_once('=').is_some_and(|(known, _)| known == parameter))
            }
        }
    }

    fn delivery(&self, scheme: &Scheme) -> Delivery {
        delivery(scheme, self.headers, self.query, self.body.clone(), None)
    }
}

/// Finds the first mistake that explains why a delivery to `this` source is not signed with one of its secrets.
pub(crate) fn find(this: &Known<'_>, others: &[Known<'_>], request: &Request<'_>) -> Option<Mistake> {
    let case = Case { scheme: this.scheme, delivery: request.delivery(this.scheme) };
    if !this.scheme.families.iter().any(|family| request.has(&family.signature)) {
        return forms::of_another_scheme(this, request);
    }
    if signer(this.scheme, this.secrets, &case.delivery).is_some() {
        let unit = times::right_unit(this.scheme, &case.delivery.headers)?;
        return Some(Mistake::new(Part::Form, format!("with its time in {unit}")));
    }
    let mut budget = MAX_HASHED / (request.body.len() + 64);
    let signed = |other: &&Known<'_>| {
        signer(this.scheme, other.secrets, &case.delivery).is_some()
            || signer(other.scheme, other.secrets, &request.delivery(other.scheme)).is_some()
    };
    if let Some(other) = others.iter().take(budget).find(signed) {
        let change = format!("it matches a secret of the source {}", other.name);
        return Some(Mistake::new(Part::Source, change));
    }
    let count = this.secrets.len();
    for (index, secret) in this.secrets.iter().enumerate() {
        if budget == 0 {
            break;
        }
        let found = case.attempts(secret).find_map(|attempt| {
            budget = budget.checked_sub(1)?;
            attempt.explains()
        });
        if let Some(mistake) = found {
            return Some(Mistake { secret: (count > 1).then_some(index + 1), ..mistake });
        }
    }
    // Several schemes have one header.
    if budget > MAX_PRESETS { forms::matching(this, request) } else { None }
}

/// A delivery that did not match.
struct Case<'a> {
    scheme: &'a Scheme,
    delivery: Delivery,
}

/// One change that may explain a signature.
struct Attempt {
    scheme: Scheme,
    key: Key,
    delivery: Delivery,
    mistake: Mistake,
}

impl Case<'_> {
    /// Returns what is tried with a secret, each with one change only. The most usual mistakes come first.
    fn attempts<'c>(&'c self, secret: &'c Secret) -> impl Iterator<Item = Attempt> + 'c {
        let key = move || secret.key(self.scheme.key).ok();
        let keys = secrets::variants(secret, self.scheme.key)
            .into_iter()
            .map(|(change, key)| self.attempt(Some(key), Mistake::new(Part::Secret, change), |_, _| {}));
        let bodies = bodies::variants(&self.delivery.body).into_iter().map(move |(change, body)| {
            self.attempt(key(), Mistake::new(Part::Body, change), |_, delivery| delivery.body = body.into())
        });
        let forms = forms::variants(self.scheme).into_iter().map(move |(change, other)| {
            let key = secret.key(other.key).ok();
            self.attempt(key, Mistake::new(Part::Form, change), |scheme, _| *scheme = other)
        });
        let times =
            times::variants(self.scheme, &self.delivery.headers).into_iter().map(move |(change, headers)| {
                self.attempt(key(), Mistake::new(Part::Time, change), |_, delivery| {
                    delivery.headers = headers;
                })
            });
        keys.chain(bodies).chain(forms).chain(times).flatten()
    }

    fn attempt(
        &self,
        key: Option<Key>,
        mistake: Mistake,
        change: impl FnOnce(&mut Scheme, &mut Delivery),
    ) -> Option<Attempt> {
        let mut attempt =
            Attempt { scheme: self.scheme.clone(), key: key?, delivery: self.delivery.clone(), mistake };
        change(&mut attempt.scheme, &mut attempt.delivery);
        Some(attempt)
    }
}

impl Attempt {
    fn explains(self) -> Option<Mistake> {
        (has_signed(&self.scheme, self.key, self.delivery)).then_some(self.mistake)
    }
}

/// Says whether a key signed a delivery, whatever its age.
fn has_signed(scheme: &Scheme, key: Key, delivery: Delivery) -> bool {
    let verifier = Verifier::new("", scheme.clone(), vec![key], Duration::MAX);
    matches!(
        verifier.verify(delivery, UNIX_EPOCH),
        Ok(_) | Err(SignatureError::Stale { .. } | SignatureError::Future { .. })
    )
}
