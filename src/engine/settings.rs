//! What the operator sets about answers, beside what zones say.

/// What the operator sets. Each snapshot has it whole, so that it changes between two answers and never within one.
#[derive(Clone, Debug, Default)]
pub struct Settings {}
