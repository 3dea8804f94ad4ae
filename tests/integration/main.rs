//! RotaDNS seen from outside: its processes beside other servers, and the shape of its code.
//!
//! One binary, so that it is linked once. What these tests start listens on loopback addresses and
//! keeps its files in a folder of its own under the system's temporary folder.

mod architecture;
mod asking;
mod backends;
mod command_line;
mod end_to_end;
mod load;
mod peers;
mod readme;
mod referees;
mod resolver;
mod restart;
mod servers;
mod sockets;
mod waiting;
