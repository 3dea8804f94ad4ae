//! Why an endpoint that could serve is not handed out.

use std::fmt;

use crate::config::model::Failback;

/// What stage left it out, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// It is degraded, and others can take its part.
    Degraded,
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
