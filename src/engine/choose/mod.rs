//! The choice among a pool's backends, split by when it can be made: what health decides is decided
//! when health changes ([`ready`]), what is left for a query is which records of a ready list come
//! next ([`turn`]). What that comes to is [`share`].

pub mod handout;
pub mod made;
pub mod ready;
pub mod share;
pub mod turn;
pub mod weigh;
