//! `webhooks create`: registers a webhook. Duffel shows its secret once, so it is stored or printed, and never lost
//! silently.

use std::io;

use clap::Args;
#[cfg(feature = "operate")]
use duffel_webhook_receiver::deployment::Output;
use duffel_webhook_receiver::{
    duffel::{Client, Webhook},
    signature::secret::{ActiveSecret, Secret},
};
use serde_json::Value;

use super::url::parse_url;
#[cfg(feature = "operate")]
use crate::shared::stack::StackArgument;
use crate::shared::{
    Result, WrongUsage,
    duffel::help,
    list::Format,
    offer::offering_types,
    output::remark,
    printout::Printout,
    store::{Store, put_secret_command},
    values::parse_registered_type,
};

/// Registers the receiver with Duffel, and prints or stores the webhook's secret
///
/// Duffel has one webhook per organisation and mode. It shows the secret only now.
#[derive(Args)]
#[command(after_help = help!("webhooks", "  \
  duffel-hooks webhooks create --stack webhooks --event order.created
  duffel-hooks webhooks create --event order.created --store SECRET_ARN \\
    https://abc.execute-api.eu-west-1.amazonaws.com/webhooks/duffel

Event types that Duffel documents; it may have added others:
  air.airline_credit.created      order.airline_initiated_change_detected
  air.airline_credit.invalidated  order.created
  air.airline_credit.spent        order.creation_failed
  air.order.changed               order_cancellation.confirmed
  air.payment.cancelled           order_cancellation.created
  air.payment.failed              ping.triggered
  air.payment.pending             stays.booking.cancelled
  air.payment.succeeded           stays.booking.created
  assistant.conversation.updated  stays.booking_creation_failed"))]
pub(super) struct Create {
    /// Where Duffel is to deliver [default: the stack's output WebhookUrl]
    #[arg(value_parser = parse_url)]
    url: Option<String>,
    #[cfg(feature = "operate")]
    #[command(flatten)]
    stack: StackArgument,
    /// An event type to deliver; may be repeated, or a list with commas
    #[arg(long = "event", value_name = "TYPE", value_delimiter = ',', required = true, value_parser = offering_types(parse_registered_type), hide_possible_values = true)]
    events: Vec<String>,
    /// Stores the secret in this secret of AWS Secrets Manager instead of printing it. Secrets that are
    /// active there stay active [default: the stack's output SecretArn; with a URL and without --stack,
    /// the secret is printed]
    #[arg(long, value_name = "ARN")]
    store: Option<String>,
    /// Stores only this secret, even if the active ones cannot be read: those of the current version
    /// stay active until the next change, older ones do not
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    format: Format,
}

/// Where to deliver, and where to store the secret.
struct Place {
    url: String,
    /// The ARN of the stored secret.
    store: Option<String>,
    /// The Region of the stack.
    region: Option<String>,
}

impl Create {
    #[cfg(feature = "operate")]
    fn place(&self) -> Result<Place> {
        let (url, store) = (self.url.clone(), self.store.clone());
        if let (Some(url), None) = (&url, self.stack.given()) {
            return Ok(Place { url: url.clone(), store, region: None });
        }
        let (sdk, stack) = self.stack.find_now()?;
        let url = match url {
            Some(url) => url,
            None => parse_url(stack.output(Output::WebhookUrl)?)
                .map_err(|reason| format!("the WebhookUrl of the stack {}: {reason}", stack.name))?,
        };
        let own = || stack.output(Output::SecretArn).map(str::to_owned);
        let store = store.map_or_else(own, Ok).map_err(|error| {
            format!("{error} With Sources, give the URL of the source, and its secret with --store")
        })?;
        let region = sdk.region().map(ToString::to_string);
        Ok(Place { url, store: Some(store), region })
    }

    #[cfg(not(feature = "operate"))]
    fn place(&self) -> Result<Place> {
        let no_url = "give the URL: this build does not find stacks";
        let url = self.url.clone().ok_or_else(|| WrongUsage(no_url.to_owned()))?;
        Ok(Place { url, store: self.store.clone(), region: None })
    }
}

pub(super) fn run(client: &Client, arguments: &Create) -> Result<()> {
    // Before there is a secret to lose.
    let Place { url, store: arn, region } = arguments.place()?;
    if arguments.replace && arn.is_none() {
        return Err(WrongUsage("--replace: give --store or --stack".to_owned()).into());
    }
    let open = |arn| Store::open(arn, region.as_deref(), arguments.replace);
    let store = arn.as_deref().map(open).transpose()?;
    let is_discarded = is_discarded(&io::stdout());
    if store.is_none() && is_discarded {
        return Err(
            "no webhook was created: the standard output is closed or /dev/null, and the secret, which \
                    Duffel shows only once, would be lost. Let it be printed, or use --store"
                .into(),
        );
    }
    let (webhook, secret) = client.create_webhook(&url, &arguments.events)?;
    let new = ActiveSecret { secret, live_mode: webhook.live_mode.or(client.live_mode()) };
    let stored = store.as_ref().map(|store| store.put(&webhook.id, &new)).transpose();
    let shown = (store.is_none() || stored.is_err()).then_some(&new.secret);
    let mut out = Printout::default();
    print_created(&mut out, &arguments.format, &webhook, (&url, arn.as_deref()), shown);
    if let Some(secret) = shown.filter(|_| is_discarded) {
        remark(&format!("Secret   {}", secret.expose()));
    }
    match stored {
        Ok(Some(old)) => remark(&old),
        Ok(None) => remark("Duffel shows the secret only now. Store it where the receiver reads it."),
        Err(error) => {
            let (id, arn) = (&webhook.id, arn.as_deref().unwrap_or_default());
            return Err(format!(
                "{id} was created, but its secret could not be stored ({error}). It is printed above, and is not shown \
                 again: store it manually with {}, which replaces the secrets of the current version; or run \
                 duffel-hooks webhooks delete {id}, and create the webhook again",
                put_secret_command(arn, None)
            )
            .into());
        }
    }
    out.finish()
}

fn print_created(
    out: &mut Printout,
    format: &Format,
    webhook: &Webhook,
    (url, arn): (&str, Option<&str>),
    secret: Option<&Secret>,
) {
    if format.json {
        let mut raw = webhook.raw.clone();
        if let Some(secret) = secret {
            raw["secret"] = Value::from(secret.expose());
        }
        out.line(raw);
        return;
    }
    out.line(format_args!("Webhook  {}", webhook.id));
    out.line(format_args!("URL      {}", webhook.url.as_deref().unwrap_or(url)));
    match secret {
        Some(secret) => out.line(format_args!("Secret   {}", secret.expose())),
        None => out.line(format_args!("Secret   in {}", arn.unwrap_or_default())),
    }
}

/// Whether written text is lost without an error. The runtime replaces a closed output with /dev/null.
#[cfg(unix)]
fn is_discarded(out: &impl std::os::fd::AsFd) -> bool {
    use std::{
        fs::{self, File},
        os::unix::fs::{FileTypeExt, MetadataExt},
    };

    let of_output = out.as_fd().try_clone_to_owned().and_then(|out| File::from(out).metadata());
    let of_null = fs::metadata("/dev/null");
    of_output.is_ok_and(|out| {
        out.file_type().is_char_device() && of_null.is_ok_and(|null| null.rdev() == out.rdev())
    })
}

#[cfg(not(unix))]
fn is_discarded(_out: &io::Stdout) -> bool {
    false
}
