//! The handler, end to end: API Gateway events in, answers and stored items out, through the real
//! SDK client against a real engine (dynoxide in process, or the one at `DYNAMODB_ENDPOINT`).
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

mod bearer;
mod bootstrap;
mod command;
mod concurrency;
mod contract;
mod data;
mod docs;
mod engine;
mod equivalence;
mod events;
mod faults;
mod generate;
mod histories;
mod idempotency;
mod layers;
mod limits;
mod local;
mod openapi;
mod preconditions;
mod rfc6902;
mod secrets;
mod start;
mod suite;
mod template;
