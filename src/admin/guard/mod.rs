//! Who may ask: every request passes these before it reaches a handler.
//!
//! ```text
//!   request ─▶ origin: does a page of another site ask? ─▶ rate: too often? ─▶ tokens: may this caller? ─▶ handler
//! ```

pub mod origin;
pub mod rate;
pub mod room;
pub mod tokens;
