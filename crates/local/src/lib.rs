//! What the local commands, the tests and the benchmarks share: a DynamoDB on this machine, and what
//! is said to it and in it. Nothing here knows the function's inside.

mod client;
pub mod endpoint;
pub mod engine;
mod error;
pub mod generate;
pub mod proxy;
pub mod sample;
pub mod table;
pub mod token;

pub use client::client;
pub use error::CommandError;
