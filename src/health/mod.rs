//! What is known about targets: states and the streaks between, reports kept by key, and the verdict
//! whether to serve.

pub mod registry;
pub mod target;
pub mod verdict;
