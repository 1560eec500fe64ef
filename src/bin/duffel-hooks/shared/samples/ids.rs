//! Random ids in the forms that providers use.

use std::iter;

use duffel_webhook_receiver::signature::scheme::Scheme;
use uuid::Uuid;

/// The number of characters after the prefix of an id of Duffel.
const LENGTH: usize = 22;

/// Makes an id with a prefix, such as `ord_0000A4tQSmKyqOrcySrGbo`.
pub(crate) fn new_id(prefix: &str) -> String {
    format!("{prefix}_0000{}", alphanumeric(LENGTH - 4))
}

/// Makes an id that a scheme can sign: of the width that it has, or else without a character that may separate it.
pub(crate) fn new_signed_id(scheme: &Scheme) -> String {
    match scheme.signed.id_width() {
        Some(36) => Uuid::new_v4().to_string(),
        Some(width) => alphanumeric(width),
        None => format!("msg_{}", Uuid::new_v4().simple()),
    }
}

/// Makes a number as an id, which every JSON reader reads exactly.
pub(crate) fn new_number() -> u64 {
    fastrand::u64(1_000_000_000..10_000_000_000)
}

/// Makes another id of the same form as an old one: with its prefix and its length, or a UUID for a UUID.
pub(crate) fn new_like(old: &str) -> String {
    if Uuid::try_parse(old).is_ok() {
        return Uuid::new_v4().to_string();
    }
    let (prefix, rest) = old.rfind('_').map_or(("", old), |at| old.split_at(at + 1));
    // A short random part might be the old one again.
    let length = if rest.len() < 8 { LENGTH } else { rest.len() };
    format!("{prefix}{}", alphanumeric(length))
}

fn alphanumeric(length: usize) -> String {
    iter::repeat_with(fastrand::alphanumeric).take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_id_has_the_form_of_the_old_one() {
        for old in ["wev_0000A4tQSmKyqOrcySrGbo", "ZmFpbGVkLXBvcl8wMDAwQW5KMjhn", "cs_test_a1b2c3d4e5f6"] {
            let new = new_like(old);
            let prefix = old.rfind('_').map_or("", |at| &old[..=at]);
            assert!(new.starts_with(prefix) && new.len() == old.len() && new != old, "{new}");
        }
        assert!(Uuid::try_parse(&new_like("72d3162e-cc78-11e3-81ab-4c9367dc0958")).is_ok());
        assert_eq!(new_like("wev_1").len(), "wev_".len() + LENGTH);
    }
}
