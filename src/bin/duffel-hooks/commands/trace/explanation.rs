//! The causes in the log, in words, each with what to do.

/// What a cause means for a delivery that was not accepted, and what to do.
pub(super) struct Explanation {
    pub(super) means: &'static str,
    pub(super) fix: &'static str,
    /// Whether `doctor` finds out more.
    pub(super) see_doctor: bool,
}

const SECRET: &str = "store the webhook's secret as Duffel has shown it";

/// Explains a cause; `None` if it is not a cause of a refusal.
pub(super) fn explain(cause: &str) -> Option<Explanation> {
    let (means, fix, see_doctor) = match cause {
        "missing" => ("it has no signature header", "find out what removes the header on the way", false),
        "malformed" => {
            ("a header of its signature is malformed", "compare the source's scheme with its provider", false)
        }
        "mismatch" => ("no active secret made its signature", SECRET, true),
        "stale" => ("its signature is older than SignatureTolerance", "raise SignatureTolerance", false),
        "future" => ("its signature is from the future", "correct the clock that is wrong", true),
        "mode" => {
            ("its mode is not that of the secret that signed it", "store the secret under its mode", true)
        }
        "body" => {
            ("its body is not the base64 that the gateway's event says", "see what builds the event", false)
        }
        "network" => {
            ("its address is in none of the source's allowed_ips", "add the provider's network", false)
        }
        "unknown_address" => {
            ("the gateway stated no valid address of the caller", "remove the source's allowed_ips", false)
        }
        "event" => {
            ("its signature is valid, and its body is not a valid event", "report it to its provider", false)
        }
        "too_large_body" => {
            ("its body is larger than a message may be", "fetch what it is about from the provider", false)
        }
        "too_large_message" => {
            ("it does not fit in one message of SQS", "fetch what it is about from the provider", false)
        }
        "secret" => ("the receiver had no secret", SECRET, true),
        "ledger" => ("the ledger failed", "see that the table answers", true),
        "queue" => ("the queue failed", "see that the queue accepts messages", true),
        "unknown_source" => ("the receiver has no source of this name", "see the sources of the stack", true),
        "unknown_base_path" => ("its path has an unknown prefix", "set the parameter BasePath", true),
        "unknown_path" => ("its path is not that of a webhook", "correct the webhook's URL", true),
        _ => return None,
    };
    Some(Explanation { means, fix, see_doctor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_of_a_refusal_is_explained() {
        let causes = "missing malformed mismatch stale future mode body network unknown_address event too_large_body too_large_message secret \
                      ledger queue unknown_source unknown_base_path unknown_path";
        for cause in causes.split(' ') {
            assert!(explain(cause).is_some(), "{cause}");
        }
        assert!(explain("unrecorded").is_none() && explain("other_event_id").is_none());
    }
}
