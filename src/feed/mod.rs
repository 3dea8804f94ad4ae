//! A prober beside: how it tells servers what it found, and how a server takes that in.
//!
//! ```text
//!   prober ──▶ board ──▶ outbox ──▶ send ═══ POST /v1/feed ═══▶ receive ──▶ publisher
//!              what is    one for    one task for               order,
//!              known now  each       each server                retries
//!                         server
//! ```
//!
//! A prober that begins, or whose thread of reports was broken, begins a *session*: the batches of a session have sequence numbers
//! from 0, the first ones together are everything that it knows, the whole report, and those after it are news. A server takes
//! them in their order; a batch that comes twice is taken once, and where one is missing it asks for a new session.
//! Without news a batch without reports is the heartbeat.

pub mod message;

pub mod board;
pub mod outbox;

pub mod connect;
pub mod send;

pub mod receive;
