//! The claims that the headers of a delivery make, one for each family of headers.

use super::{
    Delivery, SignatureError,
    header::{Header, Signatures, parse_time},
    scheme::{Family, Scheme, Time},
    secret::Key,
};

/// The claim of a complete family of headers: these signatures, over this prefix and the body.
pub(super) struct Claim<'a> {
    pub(super) family: &'a Family,
    signatures: Signatures,
    pub(super) seconds: Option<u64>,
    /// The signed bytes before the body, in parts.
    prefix: [&'a str; 4],
}

impl<'a> Claim<'a> {
    pub(super) fn read(
        scheme: &Scheme,
        family: &'a Family,
        delivery: &'a Delivery,
    ) -> Result<Self, SignatureError> {
        let header = delivery.header(&family.signature).ok_or(SignatureError::Missing)?;
        let Header { time, signatures } = Header::parse(header, scheme).ok_or(SignatureError::Malformed)?;
        let other = |name: &Option<_>| name.as_deref().and_then(|name| delivery.header(name));
        let time = match &scheme.time {
            Time::Nowhere => None,
            Time::Element => Some(time.ok_or(SignatureError::Malformed)?),
            Time::Header => Some(other(&family.time).ok_or(SignatureError::Malformed)?),
        };
        let seconds = time.map(|time| parse_time(time).ok_or(SignatureError::Malformed)).transpose()?;
        let prefix = scheme.signed.prefix(other(&family.id), time)?;
        Ok(Self { family, signatures, seconds, prefix })
    }
}

/// Returns the claims that are true with a key, each with the label of its signature. Consecutive claims with the same
/// prefix share one pass over the body.
pub(super) fn matches<'a>(
    key: &'a Key,
    claims: &'a [Claim<'a>],
    body: &'a [u8],
) -> impl Iterator<Item = (&'a Claim<'a>, &'static str)> {
    let mut last = None;
    claims.iter().filter(|claim| key.may_have_made(&claim.signatures)).filter_map(move |claim| {
        let checker = match last.take() {
            Some((prefix, checker)) if prefix == claim.prefix => checker,
            _ => {
                let [id, dot, time, last_dot] = claim.prefix.map(str::as_bytes);
                key.read(&[id, dot, time, last_dot, body])
            }
        };
        let label = checker.find(&claim.signatures);
        last = Some((claim.prefix, checker));
        Some((claim, label?))
    })
}
