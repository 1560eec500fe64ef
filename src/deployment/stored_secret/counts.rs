//! The numbers of secrets by mode, which can be shown without their values.

use std::fmt;

use crate::signature::secret::ActiveSecret;

/// Numbers of secrets by the mode of their webhooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub live: usize,
    pub test: usize,
    pub unknown: usize,
}

impl Counts {
    pub(super) fn of(secrets: &[ActiveSecret]) -> Self {
        let number = |mode| secrets.iter().filter(|active| active.live_mode == mode).count();
        Self { live: number(Some(true)), test: number(Some(false)), unknown: number(None) }
    }

    #[must_use]
    pub fn total(&self) -> usize {
        self.live + self.test + self.unknown
    }

    /// The number of those known to be of a mode, or of unknown mode.
    #[must_use]
    pub fn of_mode(&self, live_mode: Option<bool>) -> usize {
        live_mode.map_or(self.unknown, |live| if live { self.live } else { self.test })
    }
}

/// As in `1 live and 2 of unknown mode`.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [(self.live, "live"), (self.test, "test"), (self.unknown, "of unknown mode")];
        let parts: Vec<_> = numbers.iter().filter(|(number, _)| *number > 0).collect();
        if parts.is_empty() {
            return f.write_str("none");
        }
        for (index, (number, mode)) in parts.iter().enumerate() {
            f.write_str(match index {
                0 => "",
                _ if index + 1 == parts.len() => " and ",
                _ => ", ",
            })?;
            write!(f, "{number} {mode}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_listed_with_their_modes() {
        let text = |live, test, unknown| Counts { live, test, unknown }.to_string();
        assert_eq!(text(0, 0, 0), "none");
        assert_eq!(text(1, 0, 0), "1 live");
        assert_eq!(text(0, 2, 1), "2 test and 1 of unknown mode");
        assert_eq!(text(1, 2, 3), "1 live, 2 test and 3 of unknown mode");
    }
}
