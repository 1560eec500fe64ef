//! The sample bodies of `events/bodies`, included in the program so that they are available wherever it runs.
//!
//! Their ids are always the same. [`catalogue`] makes new events.

pub(crate) mod catalogue;
pub(crate) mod edit;
pub(crate) mod ids;
pub(crate) mod renew;

macro_rules! sample {
    ($kind:literal) => {
        ($kind, include_str!(concat!("../../../../events/bodies/", $kind, ".json")))
    };
}

/// Event types, with a body of each.
const SAMPLES: [(&str, &str); 5] = [
    sample!("order.created"),
    sample!("order.updated"),
    sample!("order.airline_initiated_change_detected"),
    sample!("ping.triggered"),
    sample!("rail.booking.created"),
];

/// The type of the sample that `serve` suggests.
pub(crate) const FIRST: &str = SAMPLES[0].0;

pub(crate) fn find(kind: &str) -> Option<&'static str> {
    SAMPLES.iter().find(|(name, _)| *name == kind).map(|(_, body)| *body)
}

pub(crate) fn kinds() -> String {
    SAMPLES.map(|(kind, _)| kind).join(", ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_sample_of_the_repository_is_included() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/events/bodies");
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        for file in files {
            let kind = file.to_str().unwrap().strip_suffix(".json").unwrap().to_owned();
            assert_eq!(find(&kind).unwrap(), fs::read_to_string(format!("{folder}/{kind}.json")).unwrap());
        }
    }
}
