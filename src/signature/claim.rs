//! The claims that the headers of a delivery make, one for each family of headers.

use super::{
    Delivery, SignatureError,
    header::{Header, Signature},
    scheme::{Family, Joined, Scheme, Text, Time},
    secret::Key,
};

/// The claim of a complete family of headers: these signatures, over the body and what is around it.
pub(super) struct Claim<'a> {
    pub(super) family: &'a Family,
    signatures: Vec<Signature<'a>>,
    pub(super) seconds: Option<u64>,
    joined: Joined<'a>,
}

impl<'a> Claim<'a> {
    pub(super) fn read(
        scheme: &'a Scheme,
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
        let unit = scheme.time_unit;
        let seconds = time.map(|time| unit.parse(time).ok_or(SignatureError::Malformed)).transpose()?;
        let joined = scheme.signed.join(other(&family.id), time, unit)?;
        Ok(Self { family, signatures, seconds, joined })
    }
}

/// Returns the claims that are true with a key, each with the label of its signature. Consecutive claims with the same
/// content share one pass over the body.
pub(super) fn matches<'a>(
    key: &'a Key,
    claims: &'a [Claim<'a>],
    body: &'a [u8],
) -> impl Iterator<Item = (&'a Claim<'a>, &'a Text)> {
    let mut last = None;
    claims.iter().filter(|claim| key.may_have_made(&claim.signatures)).filter_map(move |claim| {
        let checker = match last.take() {
            Some((joined, checker)) if joined == &claim.joined => checker,
            _ => key.read(&claim.joined, body),
        };
        let label = key.find(&checker, &claim.signatures);
        last = Some((&claim.joined, checker));
        Some((claim, label?))
    })
}
