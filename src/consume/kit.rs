//! The test kit: messages as the queue delivers them, for a consumer's tests.
