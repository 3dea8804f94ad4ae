//! How much answers say, and what the server says of itself.

use std::path::PathBuf;

use crate::config::model::answers::{AnyAnswer, Policy, Responses};

/// What the config file says of answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// What this server is called among those of its name; nothing where it does not say (RFC 5001).
    pub nsid: Option<String>,
    /// What it says of itself in class CH (RFC 4892).
    pub identity: Identity,
    /// Cookies (RFC 7873).
    pub cookies: Cookies,
    /// What an answer has beside what was asked for.
    pub responses: Responses,
    /// What is answered to ANY over a stream.
    pub any: AnyAnswer,
}

/// What the server says of itself in class CH; nothing unless it is told to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// `version.bind` and `version.server`.
    pub version: Option<String>,
    /// `id.server` and `hostname.bind`.
    pub id: Option<String>,
}

/// Cookies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookies {
    /// What is done about them.
    pub policy: Policy,
    /// Where the secrets are that servers share; without it a server has one of its own, until it stops.
    pub secrets_file: Option<PathBuf>,
}
