//! The idempotency guard of consumers: on random schedules, in `DynamoDB`, and beside Powertools in one table.

mod dynamo;
mod faults;
mod model;
mod powertools;
mod table;
