//! How a target is asked.
