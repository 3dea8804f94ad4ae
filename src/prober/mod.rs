//! Probes targets and reports what it finds.

pub mod check;
