//! RotaDNS asked in process, by the function that answers packets: no sockets, no clock, no chance.

mod balanced;
mod lookup;
mod message;
mod properties;
mod world;
