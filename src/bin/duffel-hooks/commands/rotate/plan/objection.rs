//! The refusal to forget what may be the secret of the other mode's webhook.

use duffel_webhook_receiver::deployment::stored_secret::Active;

use crate::{
    commands::rotate::{journal::Journal, request::Request, state::State},
    shared::output::count,
};

/// Finds the reason why `--forget-old` needs `--forget-other-mode`: a secret of unknown mode may be that of the other
/// mode's webhook, as both may deliver to one URL. `None` if no such secret is active.
pub(super) fn find(request: &Request, journal: &Journal, state: &State, active: &Active) -> Option<String> {
    let Request { target, command, .. } = request;
    let own = journal.live_mode;
    if target.live_mode.is_some() && target.live_mode == own {
        return None;
    }
    let counts = active.counts();
    let (in_doubt, known) = match own {
        Some(_) => (counts.unknown, counts.of_mode(own)),
        None => (counts.total(), 0),
    };
    let webhooks: Vec<_> = state.old().into_iter().chain(journal.replaces.as_deref()).collect();
    match (in_doubt, known) {
        (0, _) => return None,
        // It is the secret of the replaced webhook, whose deliveries would not be accepted otherwise.
        (1, 0) if !active.is_of_another(&webhooks) => return None,
        _ => {}
    }
    let secrets = count(in_doubt, "secret");
    let (are, them) = if in_doubt == 1 { ("is", "it") } else { ("are", "them") };
    let accepts = if target.is_stacks {
        "this stack accepts test and live deliveries (LiveMode=any)"
    } else {
        "the receiver may accept test and live deliveries with them"
    };
    let (other, token) = match own {
        Some(true) => ("test", "duffel_test_…"),
        Some(false) => ("live", "duffel_live_…"),
        None => ("other", "TOKEN"),
    };
    let [none, one] = [format!("No {other} webhook delivers here:"), "One does:".to_owned()];
    let width = none.len();
    Some(format!(
        "{secrets} of unknown mode {are} active, and {accepts}: --forget-old drops {them}, so deliveries of your \
         {other} webhook would be refused (401) until you rotate that one too.\n  \
         {none}  {command} --forget-old --forget-other-mode\n  \
         {one:width$}  the same, and right after it\n  \
         {nothing:width$}  DUFFEL_ACCESS_TOKEN={token} {command}",
        nothing = "",
    ))
}
