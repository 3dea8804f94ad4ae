//! What is known about targets.

pub mod target;
