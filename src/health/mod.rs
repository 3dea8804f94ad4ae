//! What is known about targets: states and the streaks between, reports kept by key, who reports and who
//! is heard, what hands have set, and the verdict whether to serve.

pub mod flap;
pub mod key;
pub mod map;
pub mod source;
pub mod target;
pub mod told;

pub mod history;
pub mod isolation;
pub mod registry;
pub mod sources;

pub mod backend;
pub mod overrides;

pub mod quorum;
pub mod verdict;

pub mod reason;
