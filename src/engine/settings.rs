//! What the operator sets about answers, beside what zones say.

use crate::config::model::access::Access;
use crate::wire::edns::cookie::Secret;
use crate::wire::tsig::key::Keys;

pub use crate::config::model::answers::{AnyAnswer, Policy, Responses};

/// What the operator sets. Each snapshot has it whole, so that it changes between two answers and never within one.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What this server is called among those of its name (RFC 5001).
    pub nsid: Option<Box<str>>,
    /// What `version.bind` is (RFC 4892).
    pub version: Option<Box<str>>,
    /// What `id.server` is (RFC 4892).
    pub identity: Option<Box<str>>,
    /// Cookies.
    pub cookies: Cookies,
    /// How long a stream may idle, in units of 100 ms (RFC 7828 §3.1).
    pub keepalive: u16,
    /// What an answer has beside what was asked for.
    pub responses: Responses,
    /// What is answered to ANY over a stream.
    pub any: AnyAnswer,
    /// The keys that sign what is asked of zones besides questions.
    pub keys: Keys,
    /// Who may transfer zones, update them, say that they changed.
    pub access: Access,
}

/// How cookies are made, and what they are worth (RFC 7873, RFC 9018).
#[derive(Clone, Default)]
pub struct Cookies {
    /// What is done about them.
    pub policy: Policy,
    /// The first one signs, all of them are right; without one there are no cookies.
    pub secrets: Vec<Secret>,
}

// Without the secrets.
impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cookies({:?}, {} secrets)", self.policy, self.secrets.len())
    }
}
