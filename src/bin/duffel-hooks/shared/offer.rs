//! Values that a shell offers to complete, for options that take others as well.

use std::ffi::OsStr;

use clap::{
    Arg, Command, Error,
    builder::{PossibleValue, StringValueParser, TypedValueParser},
};
use duffel_webhook_receiver::signature::scheme::Preset;

use super::samples::catalogue::{self, Basis};

/// A parser of values that offers some of them.
#[derive(Clone)]
pub(crate) struct Offering {
    parse: fn(&str) -> Result<String, &'static str>,
    offered: Vec<&'static str>,
}

/// Offers the types that Duffel documents. It may have added others.
pub(crate) fn offering_types(parse: fn(&str) -> Result<String, &'static str>) -> Offering {
    let of_duffel = |sample: &catalogue::Sample| sample.scheme == "duffel" && sample.basis != Basis::Unlisted;
    Offering { parse, offered: catalogue::all().filter(of_duffel).map(|sample| sample.kind).collect() }
}

/// Offers the names of the schemes, and checks nothing.
pub(crate) fn offering_schemes() -> Offering {
    Offering { parse: |text| Ok(text.to_owned()), offered: Preset::all().map(|preset| preset.name).collect() }
}

impl TypedValueParser for Offering {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        let parse = self.parse;
        StringValueParser::new().try_map(move |text| parse(&text)).parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.offered.iter().map(PossibleValue::new)))
    }
}
