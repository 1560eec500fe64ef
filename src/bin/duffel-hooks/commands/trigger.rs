//! `trigger`: makes new events of a type, and delivers them signed.
#![allow(clippy::doc_markdown, rustdoc::bare_urls, reason = "this is the help")]

use std::{io, time::SystemTime};

use clap::{Args, builder::PossibleValuesParser};
use duffel_webhook_receiver::signature::scheme::Scheme;
use serde_json::Value;

use crate::{
    commands::{
        send::endpoint::{Endpoint, hint, parse_url},
        sign::{SIGNING_HELP, Signer},
    },
    shared::{
        Result, WrongUsage,
        output::{Table, remark},
        printout::Printout,
        samples::{
            catalogue::{self, Sample},
            edit::set,
        },
    },
};

/// Makes a new event of a type, signs it and posts it, as its provider does
///
/// Each event has new ids. Events of Duffel and Stripe are of test mode. What is not known of a payload is written to
/// the standard error.
#[derive(Args)]
#[command(
    after_help = format!("Examples:
  duffel-hooks trigger order.created
  duffel-hooks trigger air.order.changed --count 3 --set /data/object/order_id=ord_1
  duffel-hooks trigger order.created --count 2 --same-id
  duffel-hooks trigger order.created --set /type=rail.booking.created --set /live_mode=true
  duffel-hooks trigger --scheme slack
  duffel-hooks trigger push --to http://127.0.0.1:4567/webhooks/code

{SIGNING_HELP}"),
    mut_arg("scheme", |scheme| scheme.help(
        "The provider's signature scheme, as for send [default: that of TYPE]"
    ))
)]
pub(crate) struct Arguments {
    /// The type, such as order.created; see --list. A scheme that is not in the list has the types of
    /// hmac-sha256 [default: the first of the scheme]
    #[arg(
        value_name = "TYPE",
        required_unless_present_any = ["list", "scheme"],
        value_parser = PossibleValuesParser::new(catalogue::all().map(|sample| sample.kind)),
        hide_possible_values = true
    )]
    kind: Option<String>,
    /// Lists the types, with their schemes and the basis of each payload: documented by the provider;
    /// observed in traffic; reported by a public integration; unknown; unlisted (the type, too, is
    /// not in Duffel's list); an excerpt of what is documented; an example
    #[arg(long, exclusive = true)]
    list: bool,
    /// The receiver's URL [default: http://127.0.0.1:4567/webhooks/ and the name of the scheme]
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    to: Option<String>,
    /// How many events to deliver
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Delivers one event, with one id, as many times as --count says, as after failed deliveries
    #[arg(long, requires = "count")]
    same_id: bool,
    /// Sets a value of the body at a JSON pointer, such as /data/object/id=ord_1; may be repeated. The
    /// value is JSON, or else text
    #[arg(long = "set", value_name = "POINTER=VALUE", value_parser = parse_change)]
    changes: Vec<(String, Value)>,
    #[command(flatten)]
    signer: Signer,
}

impl Arguments {
    pub(crate) fn only_prints(&self) -> bool {
        self.list
    }
}

fn parse_change(text: &str) -> std::result::Result<(String, Value), String> {
    let (pointer, value) = text.split_once('=').ok_or("there must be a = after the JSON pointer")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    // A pointer that cannot be set in an empty document cannot be set in any.
    set(&mut Value::Null, pointer, Value::Null)?;
    Ok((pointer.to_owned(), value))
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.list {
        return Ok(list().print(&mut io::stdout().lock())?);
    }
    let signer = &arguments.signer;
    let named = signer.scheme_name()?;
    let of_type =
        |kind: &String| WrongUsage(format!("--scheme: {kind} is of another scheme: see trigger --list"));
    let sample = match &arguments.kind {
        Some(kind) => catalogue::find(named, kind).ok_or_else(|| of_type(kind))?,
        None => catalogue::first(named.unwrap_or("duffel")),
    };
    let kind = sample.kind;
    let url = |scheme: &Scheme| {
        let local = || format!("http://127.0.0.1:4567/webhooks/{}", scheme.name);
        arguments.to.clone().unwrap_or_else(local)
    };
    let scheme = signer.scheme_at(sample.scheme, url)?;
    let endpoint = Endpoint::new(&url(&scheme));
    let new_event = || {
        let mut event = sample.make(&scheme, SystemTime::now());
        for (pointer, value) in &arguments.changes {
            set(&mut event.body, pointer, value.clone())
                .map_err(|reason| WrongUsage(format!("--set {pointer}: {reason}")))?;
        }
        Ok::<_, WrongUsage>(event)
    };
    let mut event = new_event()?;
    if let Some(caveat) = sample.caveat() {
        remark(&caveat);
    }
    let mut printout = Printout::default();
    let mut refused = Vec::new();
    for number in 0..arguments.count {
        if number > 0 && !arguments.same_id {
            event = new_event()?;
        }
        let body = event.body.to_string();
        let headers = signer.headers(&scheme, body.as_bytes(), Some(&event.id), event.headers.clone())?;
        let (status, text) = endpoint.post(&headers, body.as_bytes())?;
        printout.line(format_args!("{status} {text} {kind} {}", event.id));
        refused.extend((!status.is_success()).then_some(status));
    }
    let Some(first) = refused.first() else { return printout.finish() };
    let which = match arguments.count {
        1 => "the delivery was".to_owned(),
        count => format!("{} of {count} deliveries were", refused.len()),
    };
    Err(format!("{which} refused with {first}{}", hint(*first)).into())
}

fn list() -> Table<3> {
    let mut table = Table::new(["SCHEME", "TYPE", "PAYLOAD"]);
    for Sample { scheme, kind, basis } in catalogue::all() {
        table.push([scheme, kind, basis.word()].map(str::to_owned));
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_json_or_text() {
        let read = |text| parse_change(text).unwrap();
        assert_eq!(read("/a/b=ord_1"), ("/a/b".to_owned(), json!("ord_1")));
        assert_eq!(read("/a=1"), ("/a".to_owned(), json!(1)));
        assert_eq!(read("/a=\"1\""), ("/a".to_owned(), json!("1")));
        assert_eq!(read("/a={\"b\":[null]}"), ("/a".to_owned(), json!({ "b": [null] })));
        assert_eq!(read("/a=b=c"), ("/a".to_owned(), json!("b=c")));
        assert!(parse_change("/a").is_err() && parse_change("a=1").is_err() && parse_change("=1").is_err());
    }
}
