//! The headers of a signature, read by the receiver and by the oracle: both must have the same verdict.
//!
//! An input is a source and up to four lines: the headers of signature, time and id, and the body. In the first three,
//! some characters stand for values that a fuzzer cannot guess, see `expand`; `-` is an absent header.

#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use duffel_webhook_receiver::signature::{Delivery, SignatureError, Verified};
use duffel_webhook_receiver_fuzz::{
    oracle::{Claim, Kind, Provider, Verdict, oracle},
    receiver::run,
    signer::{ID, PROVIDERS, names, signature},
};
use libfuzzer_sys::fuzz_target;

const NOW: u64 = 1_795_262_400;

fuzz_target!(|data: &[u8]| {
    let Some((source, rest)) = data.split_first() else { return };
    let mut lines = rest.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().map(|line| String::from_utf8_lossy(line)).filter(|line| line != "-");
    let provider = &PROVIDERS[usize::from(*source) % PROVIDERS.len()];
    let [header, time, id] = [line(), line(), line()].map(|line| Some(expand(&line?, provider)));
    let body = line().unwrap_or_default().into_owned();
    let signed_time = match provider.kind {
        Kind::Duffel | Kind::Stripe => header.as_deref().and_then(element_t),
        _ => time.as_deref(),
    };
    let right = signature(
        provider,
        signed_time.unwrap_or_default(),
        id.as_deref().unwrap_or_default(),
        body.as_bytes(),
    );
    let wrong = signature(provider, "1", ID, b"another body");
    let (part, _) = right.split_at(right.len() - 4);
    let header = header.map(|header| {
        let header = header.replace('\u{1}', &right).replace('\u{2}', &wrong).replace('\u{b}', part);
        // Of the greatest length, or a byte longer.
        let fill = |header: String, mark: char, length: usize| {
            let missing = (length + 1).saturating_sub(header.len());
            header.replacen(mark, &",".repeat(missing), 1)
        };
        fill(fill(header, '\u{f}', 4096), '\u{10}', 4097)
    });
    let svix = usize::from(*source) / PROVIDERS.len() % 2 == 1
        && matches!(provider.kind, Kind::StandardHmac | Kind::StandardEd25519);
    let texts = [header.clone(), time.clone(), id.clone()];
    let headers = names(provider.kind).into_iter().zip(texts).filter_map(|(name, text)| {
        let name = if svix { name.replace("webhook-", "svix-") } else { name.to_owned() };
        Some((name.into(), text?))
    });
    let delivery = Delivery { headers: headers.collect(), body: Bytes::from(body.clone()), trace: None };
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let (found, _) = run(async |receiver| {
        let source = receiver.sources.find(provider.name).unwrap();
        verdict(source.verifier.verify(delivery, now))
    });
    let claim = Claim { signature: header.as_deref(), time: time.as_deref(), id: id.as_deref() };
    assert_eq!(found, oracle(provider, &claim, body.as_bytes(), NOW), "{provider:?} {claim:?}");
});

/// Replaces single characters by times on either side of each limit, an id, and text that makes a header too long.
fn expand(line: &str, provider: &Provider) -> String {
    let mut text = String::new();
    for c in line.chars() {
        match c {
            '\u{3}' => text += &NOW.to_string(),
            '\u{4}' => text += &(NOW - provider.tolerance).to_string(),
            '\u{5}' => text += &(NOW - provider.tolerance - 1).to_string(),
            '\u{6}' => text += &(NOW + 300).to_string(),
            '\u{7}' => text += &(NOW + 301).to_string(),
            '\u{8}' => text += ID,
            '\u{e}' => text += &",x".repeat(500),
            c => text.push(c),
        }
    }
    text
}

fn element_t(header: &str) -> Option<&str> {
    header.split(',').find_map(|element| {
        let (name, value) = element.split_once('=')?;
        (name.trim() == "t").then_some(value.trim())
    })
}

fn verdict(found: Result<Verified, SignatureError>) -> Verdict {
    match found {
        Ok(verified) => Verdict::Signed { label: verified.label().to_owned(), time: verified.timestamp() },
        Err(SignatureError::Missing) => Verdict::Missing,
        Err(SignatureError::Malformed) => Verdict::Malformed,
        Err(SignatureError::Mismatch) => Verdict::Mismatch,
        Err(SignatureError::Stale { age }) => Verdict::Stale { age },
        Err(SignatureError::Future { ahead }) => Verdict::Future { ahead },
        Err(SignatureError::OtherMode) => unreachable!("no secret here has a mode"),
    }
}
