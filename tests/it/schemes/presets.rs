//! Every preset, with a vector that was made by something else: the provider's documentation or its own library.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use duffel_webhook_receiver::{
    config::{Config, Secrets, SourceConfig},
    signature::{
        scheme::{AcceptedStatus, Algorithm, KeyNames, Layout, Preset, Scheme, Text, Time},
        secret::Secret,
    },
};
use http::Request;
use serde::Deserialize;
use serde_json::json;

use super::at;
use crate::support::test_receiver::TestReceiver;

/// A delivery of a provider, as its vector file describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    /// What made the signature, or accepted it.
    made_by: String,
    secret: String,
    /// The public URL, where it is signed.
    url: Option<String>,
    headers: BTreeMap<String, String>,
    /// The headers while a secret is rotated: with two signatures, of which one is right.
    #[serde(default)]
    rotated_headers: BTreeMap<String, String>,
    query: Option<String>,
    body: String,
    /// The time of receipt, in seconds since the epoch.
    now: u64,
    expected: Expected,
    /// The private key of a public one, for other tests.
    #[serde(default, rename = "private_key")]
    _private_key: Option<String>,
    #[serde(default, rename = "notes")]
    _notes: Option<String>,
}

/// The attributes of the message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<String>,
    key: Option<String>,
}

impl Vector {
    fn all() -> Vec<Self> {
        let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")).unwrap();
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        let read = |path: &PathBuf| {
            let vector: Self = serde_json::from_str(&fs::read_to_string(path).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(path.file_stem().unwrap().to_str(), Some(&*vector.name));
            vector
        };
        paths.iter().map(read).collect()
    }

    /// A receiver with one source of this preset, configured as a user would.
    fn receiver(&self, secrets: &[&str]) -> TestReceiver {
        let mut fields = json!({"scheme": self.name, "secret": secrets});
        if let Some(url) = &self.url {
            fields["url"] = url.as_str().into();
        }
        let sources = json!({"it": fields}).to_string();
        let variables =
            [("QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/1/q.fifo"), ("SOURCES", &*sources)];
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        let config = Config::read(|name| find(name).map(|(_, value)| (*value).to_owned()));
        let config = config.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let source = |mut source: SourceConfig| {
            let secrets = std::mem::replace(&mut source.secrets, Secrets::Given(Vec::new()));
            let Secrets::Given(keys) = secrets else { panic!("the secrets are given") };
            source.source(keys, None)
        };
        TestReceiver::of(config.sources.into_iter().map(source).collect())
    }

    fn request(&self, headers: &BTreeMap<String, String>, body: &str) -> Request<Bytes> {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let request = Request::post(format!("/webhooks/it{query}"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }

    /// Delivers to a fresh receiver and returns the status.
    fn status(&self, secrets: &[&str], headers: &BTreeMap<String, String>, body: &str, now: u64) -> u16 {
        self.receiver(secrets).try_send(self.request(headers, body), at(now)).unwrap().status().as_u16()
    }

    fn scheme(&self) -> Scheme {
        Scheme::named(&self.name).unwrap()
    }

    /// A secret of the same form, which made no signature here.
    fn other_secret(&self, scheme: &Scheme) -> String {
        match scheme.key.algorithm {
            Algorithm::Ed25519 => {
                let is_valid =
                    |other: &&str| Secret::new(other).is_ok_and(|secret| secret.key(scheme.key).is_ok());
                [OTHER_ED25519_HEX, OTHER_ED25519_BASE64].into_iter().find(is_valid).unwrap().to_owned()
            }
            Algorithm::EcdsaP256 => OTHER_P256.to_owned(),
            _ => {
                // Another character in the middle, which every alphabet here has.
                let mut characters: Vec<char> = self.secret.chars().collect();
                let middle = characters.len() / 2;
                characters[middle] = if characters[middle] == '0' { '1' } else { '0' };
                characters.into_iter().collect()
            }
        }
    }
}

const OTHER_ED25519_HEX: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const OTHER_ED25519_BASE64: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
/// The status of an accepted delivery.
fn accepted(scheme: &Scheme) -> u16 {
    let is_it = |(_, status): &&(u16, AcceptedStatus)| Some(*status) == scheme.answer.status;
    AcceptedStatus::ALL.iter().find(is_it).map_or(202, |(number, _)| *number)
}

/// The example of RFC 7517, appendix A.1, as a `SubjectPublicKeyInfo`.
const OTHER_P256: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D7gS2XpJFbZiItSs3m9+9Ue6GnvHw/GW2ZZaVtszggXIw==";

#[test]
fn every_preset_has_a_vector() {
    let presets: BTreeSet<_> = Preset::all().map(|preset| preset.name.to_owned()).collect();
    let vectors: BTreeSet<_> = Vector::all().into_iter().map(|vector| vector.name).collect();
    // It is no provider; its vectors are those of the two guides.
    let presets: BTreeSet<_> = presets.into_iter().filter(|name| name != "hmac-sha256").collect();
    assert_eq!(vectors, presets);
    assert!(Vector::all().iter().all(|vector| !vector.made_by.is_empty()));
}

#[test]
fn every_vector_is_accepted_with_its_attributes() {
    for vector in Vector::all() {
        let name = &vector.name;
        let receiver = vector.receiver(&[&vector.secret]);
        let answer =
            receiver.try_send(vector.request(&vector.headers, &vector.body), at(vector.now)).unwrap();
        assert_eq!(answer.status(), accepted(&vector.scheme()), "{name}");
        assert_eq!(answer.body().is_empty(), vector.scheme().answer.is_empty, "{name}");
        let messages = receiver.queued();
        let attributes = &messages[0]["MessageAttributes"];
        for (attribute, expected) in [
            ("event_type", &vector.expected.kind),
            ("event_id", &vector.expected.id),
            ("idempotency_key", &vector.expected.key),
        ] {
            assert_eq!(
                attributes[attribute]["StringValue"].as_str(),
                expected.as_deref(),
                "{name}: {attribute}"
            );
        }
        let again =
            receiver.try_send(vector.request(&vector.headers, &vector.body), at(vector.now + 1)).unwrap();
        assert!(again.status().is_success(), "{name}: a repetition");
        let is_identified = vector.scheme().key_names != KeyNames::Nothing;
        assert_eq!(receiver.queued().is_empty(), is_identified, "{name}: a repetition");
    }
}

#[test]
fn every_vector_is_refused_with_anything_changed() {
    for vector in Vector::all() {
        let name = &vector.name;
        let scheme = Scheme::named(name).unwrap();
        let (secret, headers, body) = (vector.secret.as_str(), &vector.headers, vector.body.as_str());
        let other = vector.other_secret(&scheme);
        assert_eq!(vector.status(&[&other], headers, body, vector.now), 401, "{name}: wrong secret");
        let accepted = accepted(&scheme);
        assert_eq!(vector.status(&[&other, secret], headers, body, vector.now), accepted, "{name}: rotation");
        let is_token = scheme.key.algorithm == Algorithm::Token;
        let changed = format!("{body} ");
        let status = vector.status(&[secret], headers, &changed, vector.now);
        assert_eq!(status, if is_token { accepted } else { 401 }, "{name}: changed body");
        if !vector.rotated_headers.is_empty() {
            let status = vector.status(&[secret], &vector.rotated_headers, body, vector.now);
            assert_eq!(status, accepted, "{name}: two signatures");
        }
        // Each header without which there is no signature.
        let required = scheme.families.iter().flat_map(|family| {
            let time = family.time.as_ref();
            let id = family.id.as_ref().filter(|_| scheme.signed.covers_id());
            [Some(&family.signature), time, id].into_iter().flatten()
        });
        for required in required {
            let mut without = vector.headers.clone();
            without.retain(|name, _| !name.eq_ignore_ascii_case(required));
            if without.len() < vector.headers.len() {
                assert_eq!(vector.status(&[secret], &without, body, vector.now), 401, "{name}: {required}");
            }
        }
    }
}

#[test]
fn every_time_is_checked_and_protected() {
    for vector in Vector::all() {
        let name = &vector.name;
        let scheme = Scheme::named(name).unwrap();
        if scheme.time == Time::Nowhere {
            continue;
        }
        let tolerance = scheme.tolerance.unwrap_or(Duration::from_hours(7 * 24)).as_secs();
        let late = vector.now + tolerance + 600;
        let early = vector.now - 3600;
        for (what, now) in [("stale", late), ("of the future", early)] {
            let status = vector.status(&[&vector.secret], &vector.headers, &vector.body, now);
            assert_eq!(status, 401, "{name}: {what}");
        }
        if !scheme.signed.covers_time() {
            continue;
        }
        // Another time, written in the same way: the last digit of its seconds is changed.
        let is_there = |header: &Text| vector.headers.keys().any(|name| name.eq_ignore_ascii_case(header));
        let mut headers = scheme.families.iter().filter_map(|family| match scheme.time {
            Time::Header => family.time.as_ref(),
            _ => Some(&family.signature),
        });
        let header = headers.find(|header| is_there(header)).unwrap_or_else(|| panic!("{name}: no time"));
        let mut changed = vector.headers.clone();
        let value = changed.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(header));
        let (_, value) = value.unwrap();
        *value = with_another_time(value, &scheme);
        assert_ne!(changed, vector.headers, "{name}");
        let status = vector.status(&[&vector.secret], &changed, &vector.body, vector.now);
        assert_eq!(status, 401, "{name}: changed time");
    }
}

/// Changes a digit of a time that counts little: of its seconds, or of its last digits.
fn with_another_time(value: &str, scheme: &Scheme) -> String {
    let start = match scheme.time {
        Time::Element => {
            let Layout::Labelled { assign, time: Some(time), .. } = &scheme.layout else {
                panic!("it has a label of the time")
            };
            let label = format!("{time}{assign}");
            value.find(&label).unwrap() + label.len()
        }
        _ => 0,
    };
    let digits = value[start..].char_indices().take_while(|(_, c)| c.is_ascii_digit() || "-T:".contains(*c));
    let last = start + digits.last().unwrap().0;
    let other = if &value[last..=last] == "1" { "2" } else { "1" };
    format!("{}{other}{}", &value[..last], &value[last + 1..])
}
