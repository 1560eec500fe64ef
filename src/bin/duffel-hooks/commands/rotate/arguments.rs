//! The options of `rotate`, and its help.
#![allow(clippy::doc_markdown, reason = "this is the help")]

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{
    commands::webhooks::url::parse_url,
    shared::{
        confirm::Confirmation, duffel, offer::offering_types, stack::StackArgument,
        values::parse_registered_type,
    },
};

/// Replaces the webhook, and with it the secret, without losing an event
///
/// Duffel has one webhook per organisation and mode, and no call that gives it a new secret. So rotate deletes the
/// webhook and creates it again. It stores the new secret where the receiver reads it, before the old ones, which stay
/// active for the deliveries that they signed. It pings the new webhook, and has Duffel redeliver the events that no
/// endpoint accepted.
///
/// Everything that can fail is checked before the deletion. A journal on the disk holds what is needed to resume, and
/// never a secret: after an interruption at any point, the same command finishes the work.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
#[command(after_help = duffel::ENVIRONMENT, after_long_help = LONG_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) stack: StackArgument,
    /// The secret in AWS Secrets Manager that the receiver reads [default: that of the stack]. Without
    /// --stack, no stack is used
    #[arg(long, value_name = "ARN")]
    pub(super) secret: Option<String>,
    /// Where Duffel is to deliver [default: the URL of the current webhook, which must be the stack's]
    #[arg(long, value_parser = parse_url)]
    pub(super) url: Option<String>,
    /// An event type to register for; may be repeated, or a list with commas [default: those of the
    /// current webhook]
    #[arg(long = "event", value_name = "TYPE", value_delimiter = ',', value_parser = offering_types(parse_registered_type), hide_possible_values = true)]
    pub(super) events: Vec<String>,
    /// For a leaked secret: makes the new secret the only one of its mode. Deliveries signed with an
    /// old one are refused within 5 minutes; their events are delivered again
    #[arg(long)]
    pub(super) forget_old: bool,
    /// Lets --forget-old forget secrets of unknown mode as well, any of which may be that of the other
    /// mode's webhook. If that webhook delivers here, rotate it right after
    #[arg(long, alias = "only", requires = "forget_old")]
    pub(super) forget_other_mode: bool,
    /// How far back, from the beginning of the rotation, to look for events that no endpoint accepted,
    /// however recent, as Duffel may end its retries with the webhook. With --stack, not further back
    /// than its ledger has records: DedupWindow minus an hour, and its creation
    #[arg(long, value_name = "DURATION", default_value = "72h", value_parser = humantime::parse_duration)]
    pub(super) catch_up: Duration,
    /// How long to wait until these events are delivered
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration)]
    pub(super) wait: Duration,
    /// The file of the journal, which is needed to resume
    /// [default: duffel-hooks/rotate-….json in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    /// Prints what would be done, and changes nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) confirmation: Confirmation,
    /// Prints the report as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Arguments {
    pub(crate) fn only_prints(&self) -> bool {
        self.dry_run
    }
}

const LONG_HELP: &str = "\
Examples:
  duffel-hooks rotate --stack webhooks --dry-run
  duffel-hooks rotate --stack webhooks
  duffel-hooks rotate --stack webhooks --forget-old

It asks before it deletes the webhook, unless --yes is given.

If it is interrupted, it prints what it leaves behind. Run the same command
again to resume. If all is done except for catching up, a run without
--forget-old only catches up. A run with it, or one after the time of
--catch-up, begins a new rotation, which catches up for the interrupted one
too. It reports the period of events that are too old for that.

Without the journal, for example on another machine: if Duffel has a webhook,
the same command replaces it once more. If it has none, give --event for each
event type that the webhook is to have, and --url if there is no --stack.

One stored secret may hold the secrets of the test and of the live webhook
(LiveMode=any). It holds the mode of each that rotate or webhooks create
--store put in, and --forget-old leaves those of the other mode active. Secrets
that were stored in another way are of unknown mode: if one of them may be the
other webhook's, --forget-old requires --forget-other-mode. Then rotate the
other webhook right after, with its access token and without --forget-old.

AWS: region and credentials are found in the same way as by the AWS CLI.
Permissions:
  cloudformation:DescribeStacks, dynamodb:DescribeTable  with --stack
  secretsmanager:DescribeSecret, secretsmanager:GetSecretValue and
  secretsmanager:PutSecretValue                          on the secret
With CreateOperatorPolicy=true, the stack has a policy with them.

Duffel: DUFFEL_ACCESS_TOKEN is an access token of the webhook's mode;
DUFFEL_API_URL is the URL of the API [default: https://api.duffel.com].

Exit codes: 0 if all is done; otherwise another one, and the last line says how
to go on.";
