//! Random descriptions of schemes: what the judge signs is accepted, and nothing else.

#![no_main]

use duffel_webhook_receiver_fuzz::judge::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    check(data);
});
