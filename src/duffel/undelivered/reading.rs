//! Reading a list within limits.

use std::time::Instant;

use super::ApiError;

/// The reason why the reading of a list ended.
#[derive(Debug)]
pub(super) enum End {
    /// The list is complete, or the callback has enough.
    Whole,
    /// The maximum number of records was read.
    Bound,
    /// The deadline passed.
    Late,
    Failed(ApiError),
}

/// Reads a list until it ends or fails, the callback has enough, or the limit or the deadline is reached.
pub(super) fn read<T>(
    list: impl Iterator<Item = Result<T, ApiError>>,
    until: Instant,
    most: usize,
    mut take: impl FnMut(T) -> bool,
) -> End {
    for (count, record) in list.enumerate() {
        if count == most {
            return End::Bound;
        }
        match record {
            Err(_) if Instant::now() >= until => return End::Late,
            Err(ApiError::Deadline) => return End::Late,
            Err(error) => return End::Failed(error),
            Ok(record) => {
                if !take(record) {
                    return End::Whole;
                }
                if Instant::now() >= until {
                    return End::Late;
                }
            }
        }
    }
    End::Whole
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read_of(list: Vec<Result<u8, ApiError>>, most: usize, enough: u8) -> (End, Vec<u8>) {
        let mut taken = Vec::new();
        let until = Instant::now() + Duration::from_mins(1);
        let end = read(list.into_iter(), until, most, |record| {
            taken.push(record);
            record != enough
        });
        (end, taken)
    }

    #[test]
    fn reading_ends_with_the_list_the_callback_the_limit_or_a_failure() {
        let list = || vec![Ok(1), Ok(2), Ok(3)];
        assert!(matches!(read_of(list(), 3, 9), (End::Whole, taken) if taken == [1, 2, 3]));
        assert!(matches!(read_of(list(), 9, 2), (End::Whole, taken) if taken == [1, 2]));
        assert!(matches!(read_of(list(), 2, 9), (End::Bound, taken) if taken == [1, 2]));
        let broken = vec![Ok(1), Err(ApiError::CursorLoop), Ok(3)];
        assert!(matches!(read_of(broken, 9, 9), (End::Failed(ApiError::CursorLoop), taken) if taken == [1]));
        let late = vec![Ok(1), Err(ApiError::Deadline)];
        assert!(matches!(read_of(late, 9, 9), (End::Late, taken) if taken == [1]));
    }

    #[test]
    fn reading_ends_at_the_deadline() {
        let mut taken = 0;
        let list = std::iter::repeat_with(|| Ok(0));
        let end = read(list, Instant::now(), 9, |_: u8| {
            taken += 1;
            true
        });
        assert!(matches!(end, End::Late));
        assert_eq!(taken, 1);
    }
}
