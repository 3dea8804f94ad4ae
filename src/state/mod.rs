//! The state that answers come from: one writer, many readers, and what is kept over a restart.

pub mod publisher;
pub mod push;
pub mod steer;
pub mod what_if;

pub mod events;
pub mod overlays;
pub mod overrides;
pub mod persist;

mod changes;
mod counting;
mod dependents;
mod holds;
mod isolation;
mod keeper;
mod pools;
mod reports;
mod shared;
mod some;
mod tell;

#[cfg(test)]
mod tests;
