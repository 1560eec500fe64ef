//! The numbers of messages, by what they wait for.

use crate::shared::output::count;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) waiting: usize,
    pub(crate) in_flight: usize,
    pub(crate) invisible: usize,
    pub(crate) dead_letters: usize,
    /// Deleted, since the start.
    pub(crate) handled: usize,
}

impl Counts {
    /// Says what is lost with the queue; `None` if nothing is.
    pub(crate) fn lost(self) -> Option<String> {
        let Self { waiting, in_flight, invisible, dead_letters, handled: _ } = self;
        let counted = [
            (waiting, "not received"),
            (in_flight, "in flight"),
            (invisible, "failed"),
            (dead_letters, "received too often"),
        ];
        let lost = counted.iter().map(|(number, _)| number).sum();
        let parts = counted.iter().filter(|(number, _)| *number > 0);
        let parts: Vec<_> = parts.map(|(number, what)| format!("{number} {what}")).collect();
        let verb = if lost == 1 { "is" } else { "are" };
        let all = count(lost, "message");
        (lost > 0)
            .then(|| format!("the queue was in memory, and {all} in it {verb} lost: {}", parts.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_lost_is_named() {
        assert_eq!(Counts::default().lost(), None);
        let handled = Counts { handled: 1, ..Counts::default() };
        assert_eq!(handled.lost(), None);
        let one = Counts { dead_letters: 1, ..Counts::default() };
        let expected = "the queue was in memory, and 1 message in it is lost: 1 received too often";
        assert_eq!(one.lost().as_deref(), Some(expected));
    }
}
