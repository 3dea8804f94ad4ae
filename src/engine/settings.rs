//! What the operator sets about answers, beside what zones say.

use std::sync::Arc;

use crate::config::model::access::Access;
use crate::geo::{Atlas, Prefixes};
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
    /// Where clients are.
    pub places: Places,
}

/// Where clients are, and who sees private addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places {
    /// Who is where; `None` where nothing tells.
    pub atlas: Option<Arc<Atlas>>,
    /// What the operator has named as telling so.
    pub databases: Vec<Database>,
    /// Where clients are that get private addresses, in zones that do not say it themselves.
    pub private: Prefixes,
    /// Resolvers whose client subnet is believed where private addresses are handed out.
    pub trusted: Prefixes,
}

/// A database, or the operator's table in a file of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its file.
    pub file: String,
    /// What it calls its kind; a table of the operator's has none.
    pub kind: String,
    /// When it was made, in seconds since 1970, where it says that.
    pub built: Option<u64>,
    /// Why it is not in use, or an earlier version of it is.
    pub trouble: Option<String>,
}

impl Places {
    /// What is wrong, a sentence each.
    pub fn troubles(&self) -> impl Iterator<Item = String> + use<'_> {
        let trouble =
            |database: &Database| Some(format!("{} {}", database.file, database.trouble.as_ref()?));
        self.databases.iter().filter_map(trouble)
    }
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
