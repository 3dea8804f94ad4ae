//! RotaDNS seen from outside: its answers, its processes beside other servers, the shape of its code.
//!
//! One binary, so that it is linked once. What these tests start listens on loopback addresses and
//! keeps its files in a folder of its own, in memory where the system has such a place.

// In process, by the function that answers packets: no sockets, no clock, no chance.
mod balanced;
#[cfg(feature = "geo")]
mod geo;
mod lookup;
mod message;
mod metrics;
mod properties;
mod protocol;
mod simulation;
mod world;

// Real processes.
mod activated;
mod admin;
mod alerts;
mod asking;
mod backends;
mod beside;
mod browser;
mod clients;
mod command_line;
mod commands;
mod compose;
mod conformance;
mod dashboard;
#[cfg(feature = "databases")]
mod databases;
mod dnstap;
mod echoes;
mod end_to_end;
mod extfile;
mod failures;
mod flooded;
mod formats;
mod gdnsd;
mod http;
mod load;
mod logging;
mod manual;
mod master_files;
mod net;
mod peers;
mod probed;
mod probing;
#[cfg(target_os = "linux")]
mod programs;
mod progress;
mod referees;
mod reloads;
mod replaced;
mod resolver;
mod restart;
#[cfg(target_os = "linux")]
mod rights;
#[cfg(target_os = "linux")]
mod sandboxed;
mod secondary;
mod secured;
mod servers;
mod service;
mod signals;
mod sockets;
mod transfers;
mod updates;
mod waiting;

mod architecture;
mod names;
mod readme;
mod rfcs;
mod schema;
