//! Random descriptions of schemes, against a judge that shares no code with the receiver; the fuzzer runs the same.

#[path = "../../../fuzz/src/choices.rs"]
mod choices;
#[path = "../../../fuzz/src/description.rs"]
mod description;
#[path = "../../../fuzz/src/judge.rs"]
mod judge;

use std::iter;

use judge::check;

/// A sequence of bytes that looks random and is the same in each run.
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(state.to_be_bytes()[4])
    };
    iter::from_fn(next).take(120).collect()
}

#[test]
fn what_the_judge_signs_is_accepted_and_nothing_else() {
    let checked = (1..=4000).filter(|seed| check(&bytes(*seed))).count();
    assert!(checked > 1000, "{checked}");
}
