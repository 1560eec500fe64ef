//! What the headers of a delivery claim, family by family.

use super::{Delivery, SignatureError};
use crate::signature::{
    header::{Header, Signatures, parse_time},
    scheme::{Family, Scheme, Signed, Time},
    secret::Key,
};

/// What a complete family of headers says: these signatures, over this before the body.
pub(super) struct Claim<'a> {
    pub(super) family: &'a Family,
    signatures: Signatures,
    pub(super) seconds: Option<u64>,
    /// In parts.
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

/// The claims that a key makes true, with the label of a signature. The body is read once for all of them that have the
/// same before it.
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

impl Signed {
    /// What is signed before the body, in parts; the time as the text it came in.
    pub(crate) fn prefix<'a>(
        self,
        id: Option<&'a str>,
        time: Option<&'a str>,
    ) -> Result<[&'a str; 4], SignatureError> {
        let time = time.unwrap_or_default();
        Ok(match self {
            Self::Body => [""; 4],
            Self::TimeBody => ["", "", time, "."],
            Self::IdTimeBody => {
                // With a dot in it, what is signed could be cut elsewhere: a part of a body would pass for a body.
                let id = id.filter(|id| !id.is_empty() && !id.contains('.'));
                [id.ok_or(SignatureError::Malformed)?, ".", time, "."]
            }
        })
    }
}
