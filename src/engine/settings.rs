//! What the operator sets about answers, beside what zones say.

use crate::config::model::access::Access;
use crate::wire::tsig::key::Keys;

/// What the operator sets. Each snapshot has it whole, so that it changes between two answers and never within one.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The keys that sign what is asked of zones besides questions.
    pub keys: Keys,
    /// Who may transfer zones, update them, say that they changed.
    pub access: Access,
}
