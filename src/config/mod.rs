//! Configuration: YAML text in, a validated model out.

pub mod model;
