//! States and sources as words, the same in every command, and how each is meant.

use super::screen::Tone;
use crate::admin::model::{BackendState, Source};

/// A backend's state in a word.
pub(super) fn state(state: BackendState) -> (&'static str, Tone) {
    match state {
        BackendState::Up => ("up", Tone::Good),
        BackendState::Degraded => ("degraded", Tone::Odd),
        BackendState::Partial => ("partial", Tone::Odd),
        BackendState::Down => ("down", Tone::Bad),
        BackendState::Drained => ("drained", Tone::Odd),
    }
}

/// Where a pool's addresses come from, in a few words.
pub(super) fn source(source: Source) -> (&'static str, Tone) {
    match source {
        Source::InService => ("what is up", Tone::Good),
        Source::Panic => ("all: too few are up", Tone::Bad),
        Source::AllDown => ("all: none is up", Tone::Bad),
        Source::Last => ("the last that were up", Tone::Bad),
        Source::Fallback => ("another pool's", Tone::Bad),
        Source::Nothing => ("nothing", Tone::Bad),
    }
}
