//! What the fuzz targets share: the function before a table in this thread, and the limits that an
//! input has to keep.

pub mod limits;
pub mod mutate;
pub mod sample;
pub mod table;

pub use limits::within_limits;
pub use table::{Answer, Table};
