//! Where clients are, and who sees private addresses.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::model::place::Network;

/// How old a database may be, where the file sets nothing: `MaxMind` makes new ones twice a week, and networks move.
pub const MAX_AGE: Duration = Duration::from_secs(60 * 86_400);
/// What may be set.
pub const MAX_AGES: (Duration, Duration) =
    (Duration::from_secs(3600), Duration::from_secs(10 * 365 * 86_400));
/// The most databases.
pub const DATABASES_MAX: usize = 16;
/// The most networks in the operator's table.
pub const NETWORKS_MAX: usize = 1_000_000;
/// The most prefixes of a view, and of resolvers that are trusted.
pub const PREFIXES_MAX: usize = 1024;

/// What tells where clients are.
#[derive(Clone, Debug, PartialEq)]
pub struct Geo {
    /// Databases in `MaxMind`'s format; of what several know, the first one's word counts.
    pub databases: Vec<PathBuf>,
    /// What the operator says, which counts before them.
    pub subnets: Subnets,
    /// A database that was made longer ago is not used.
    pub max_age: Duration,
}

impl Default for Geo {
    fn default() -> Self {
        Self { databases: Vec::new(), subnets: Subnets::Given(Vec::new()), max_age: MAX_AGE }
    }
}

/// The operator's own table.
#[derive(Clone, Debug, PartialEq)]
pub enum Subnets {
    /// As the config file has it.
    Given(Vec<Network>),
    /// In a file of its own.
    File(PathBuf),
}

/// Who sees private addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Views {
    /// Where those clients are that get the private addresses of backends.
    pub private: Vec<IpNet>,
    /// Resolvers whose client subnet is believed where private addresses are handed out.
    pub trusted_resolvers: Vec<IpNet>,
}
