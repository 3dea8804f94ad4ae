//! Why an endpoint that could serve is not handed out.

use std::fmt;
use std::time::Duration;

use crate::config::model::Role;

use crate::config::model::Failback;

/// What stage left it out, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// It is degraded, and others can take its part.
    Degraded,
    /// It has another role than is asked for.
    Role {
        /// What it says that it is.
        own: Option<Role>,
        /// What is asked for.
        wanted: Role,
    },
    /// It says that it is primary, and another holds the role.
    SecondPrimary,
    /// A replica that is further behind than its pool allows.
    Lag {
        /// What the pool allows.
        most: Duration,
    },
    /// A replica that does not know how far it is behind, where its pool sets a bound.
    LagUnknown,
    /// Another tier serves.
    Priority {
        /// Its own priority.
        own: u16,
        /// The priority of the tier that serves.
        serves: u16,
    },
    /// Its tier could serve again, and does not take over yet.
    Held {
        /// Its own priority.
        own: u16,
        /// The priority of the tier that serves.
        serves: u16,
        /// When it does.
        failback: Failback,
    },
    /// Its weight is 0, and others can take its part.
    Weightless,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Degraded => f.write_str("degraded, while others can take its part"),
            Self::Role { own: Some(own), wanted } => {
                write!(f, "{}, while the {} is asked for", own.name(), wanted.name())
            }
            Self::Role { own: None, wanted } => {
                write!(f, "it has not told its role, and the {} is asked for", wanted.name())
            }
            Self::SecondPrimary => {
                f.write_str("it says that it is primary, while another holds the role")
            }
            Self::Lag { most } => write!(f, "further behind than {most:?}, the pool's max_lag"),
            Self::LagUnknown => {
                f.write_str("nobody knows how far it is behind, and the pool has a max_lag")
            }
            Self::Priority { own, serves } => {
                write!(f, "of priority {own}, while priority {serves} serves")
            }
            Self::Held { own, serves, failback: Failback::After(hold) } => write!(
                f,
                "of priority {own}, which takes over from {serves} once it could serve for {hold:?}"
            ),
            Self::Held { own, serves, .. } => write!(
                f,
                "of priority {own}, which takes over when priority {serves} cannot serve any more"
            ),
            Self::Weightless => f.write_str("of weight 0 while others can take its part"),
        }
    }
}
