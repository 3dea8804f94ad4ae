//! Where clients are.
//!
//! ```text
//!   subnets of the operator ─┐
//!   city.mmdb                ├──▶ layers ──▶ Atlas: spans of addresses, each with one Place ◀── a query: one search
//!   asn.mmdb                ─┘    the first that knows something has it
//! ```
//!
//! All of it is laid together when it is loaded, so that a query neither walks a tree nor allocates, however many databases
//! there are. Where a span ends tells for how much of a network an answer holds (RFC 7871).

pub mod atlas;
pub mod mmdb;
pub mod prefixes;
pub mod spans;
pub mod subnets;

pub use atlas::{Atlas, Located};
pub use prefixes::Prefixes;
