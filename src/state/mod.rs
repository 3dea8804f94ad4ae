//! The state that answers come from: one writer, many readers, and what is kept over a restart.

pub mod persist;
pub mod publisher;

mod counting;
mod keeper;
mod pools;

#[cfg(test)]
mod tests;
