//! The choice among a pool's backends, in fixed stages, each a file:
//!
//! ```text
//!   rules ─▶ eligible ─▶ panic ─▶ tier ─▶ weight ─▶ draw ─▶ count ─▶ TTL
//!   a query  └──────── when health changes ───────┘  a query  └─ when health changes
//! ```
//!
//! What health decides is decided when health changes ([`ready`]); what is left for a query is which pool is for its client
//! ([`crate::zone::rules`]), and which records of a ready list come next ([`draw`]). What that comes to is [`share`].

pub mod ready;

mod candidate;
pub mod eligible;
pub mod least_load;
pub mod left_out;
mod memory;
mod panic;
pub mod roles;
mod tier;
pub mod weight;

mod count;
pub mod draw;
pub mod hash;
mod ttl;

pub mod handout;
pub mod made;
pub mod share;
mod tables;
