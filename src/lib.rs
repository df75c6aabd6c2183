//! Changes one option of one organization: `PATCH /orgs/{org_guid}/options/{option_guid}`.
//!
//! Data flows one way. [`request`] reads an API Gateway event. [`authorize`] turns the caller and
//! the organization into the access that the store demands. [`json_patch_dynamodb`] compiles the
//! patch to a plan, and does nothing else. [`rules`] are what the changed option has to keep. [`store`] carries the plan out as one conditional write.
//! [`response`] says how it went. [`handler`] is these stages on one page.

pub mod handler;
mod invocation;

pub mod request;

pub mod authorize;
pub mod id;
pub mod rules;

pub mod store;

pub mod error;
pub mod response;

pub mod messages;

pub mod config;
pub mod telemetry;

pub use handler::Handler;
pub use invocation::Invocation;
