//! `send`: makes a signed delivery, as Duffel does.

pub(crate) mod endpoint;

use std::path::PathBuf;

use clap::Args;

use self::endpoint::{Endpoint, hint, parse_url};
use crate::{
    commands::sign::{Signer, body_help},
    shared::{
        Result, WrongUsage,
        input::read_body,
        output::remark,
        printout::Printout,
        samples::{catalogue::new_id_header, renew::renew},
    },
};

/// Signs a body and posts it, as Duffel does
#[derive(Args)]
#[command(after_help = body_help())]
pub(crate) struct Arguments {
    /// The file with the exact bytes to send, a sample, or - for the standard input
    body: PathBuf,
    /// The receiver's URL; it has 30 s to respond. Signatures that cover a URL cover this one, unless
    /// --scheme has another
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4567/webhooks/duffel", value_parser = parse_url)]
    to: String,
    /// Makes it another event: replaces the id and the idempotency key wherever they are in the body. Nothing else
    /// is changed
    #[arg(long)]
    new: bool,
    #[command(flatten)]
    signer: Signer,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let scheme = arguments.signer.scheme_at("duffel", |_| arguments.to.clone())?;
    let mut body = read_body(&arguments.body)?;
    let mut unsigned = Vec::new();
    if arguments.new {
        let renewed = renew(&body, &scheme).map_err(|reason| WrongUsage(format!("--new: {reason}")))?;
        renewed.ids.iter().for_each(|(pointer, id)| remark(&format!("{pointer} is {id}")));
        body = renewed.body;
        unsigned.extend(new_id_header(&scheme));
    }
    let headers = arguments.signer.headers(&scheme, &body, None, unsigned)?;
    let (status, text) = Endpoint::new(&arguments.to).post(&headers, &body)?;
    let mut printout = Printout::default();
    printout.line(format_args!("{status} {text}"));
    if status.is_success() {
        return printout.finish();
    }
    Err(format!("the delivery was refused with {status}{}", hint(status)).into())
}
