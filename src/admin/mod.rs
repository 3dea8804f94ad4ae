//! The hand on a running server: an HTTP API, its metrics, and what they show.

pub mod model;
