//! The handler, end to end: API Gateway events go in, answers and stored items come out. The real
//! SDK client talks to a real engine: dynoxide in this process, or the engine at
//! `DYNAMODB_ENDPOINT`.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends there")]

mod answers;
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
mod histories;
mod idempotency;
mod layers;
mod limits;
mod local;
mod openapi;
mod preconditions;
mod rfc6902;
mod rfc7396;
mod rules;
mod secrets;
mod start;
mod suite;
mod telemetry;
mod template;
