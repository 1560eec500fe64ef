//! Batches of Lambda's event source mapping, with partial batch responses that keep the order of each group.
