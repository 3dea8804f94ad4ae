//! Zones as YAML again, so that what was read from any format can be kept in another.

mod native;
pub(crate) mod yaml;

#[cfg(test)]
mod tests;

pub use native::native;
pub(in crate::config) use native::pools::{panic_share, written as written_check};
