//! Real servers of Debian's packages, and what our checks find of them.

mod agent;
mod haproxy;
mod isolation;
mod load;
mod name_server;
mod nginx;
mod push;
