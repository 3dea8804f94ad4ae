//! RotaDNS: an authoritative DNS server that balances load.
//!
//! The modules in reading order, from the text that an operator writes to the bytes that a resolver
//! gets:

pub mod name;
pub mod rdata;

pub mod config;
pub mod zonefile;

pub mod geo;

pub mod zone;

pub mod health;

pub mod wire;

pub mod engine;

pub mod state;

pub mod authority;
pub mod server;

pub mod feed;
pub mod prober;

pub mod admin;

pub mod sys;

pub mod counters;
pub mod digest;
pub mod dnstap;

pub mod cli;
pub mod daemon;
