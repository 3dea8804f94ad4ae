//! What follows for the workers of an address from which of them are pressed: a function, with the time as an argument.
//!
//! ```text
//!           one is pressed, others rest              all are pressed
//!   by core ──────────────────────────▶ by chance ───────────────────▶ trial, by core
//!    ▲    ◀── a minute later, if it eased ──┘                             │  │  ▲
//!    │                                                                    │  │  │ a minute later,
//!    ├────────────────── all are pressed there too ───────────────────────┘  │  │ if all are pressed
//!    │                                                                       ▼  │
//!    └───────── a minute later, if it eased ──────────────────── by chance, as needed
//!                                                           (others rested in the trial)
//! ```
//!
//! Where all are pressed by chance, they may be so by core as well, and answer more; or one core receives it all, and only chance has the
//! others help. A trial tells.

/// How long chance is kept, in seconds, before by core is tried.
const CHANCE: u64 = 60;
/// How long a trial takes, in seconds. In the first what waited when it began is answered.
const TRIAL: u64 = 2;
/// How long all workers have enough to do once they were pressed together, in seconds. Whoever has not quite enough is pressed
/// now and then, and that is no reason for chance.
const EVEN: u64 = 2;

/// What a worker sees after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Its batch was not full.
    Eased,
    /// It is pressed, and another one is not.
    Pressed,
    /// So are all.
    AllPressed,
}

/// Who gets a datagram, and until when that is left alone; in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rule {
    stage: Stage,
    until: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// By core. Before the time, all were pressed not long ago.
    #[default]
    Core,
    /// By chance, as a worker was pressed and others were not.
    Chance,
    /// By core, to see which workers are pressed so.
    Trial,
    /// By chance, as others rested in a trial.
    Needed,
}

impl Rule {
    /// What holds from now on; `None` where nothing changes.
    #[inline]
    pub(super) fn after(self, look: Look, now: u64) -> Option<Self> {
        use Look::{AllPressed, Eased, Pressed};
        use Stage::{Chance, Core, Needed, Trial};

        let Self { stage, until } = self;
        // Nothing is put off for longer: then the clock was set back.
        let is_over = now >= until || until - now > CHANCE;
        let next = |stage, after| Some(Self { stage, until: now + after });
        match (stage, look) {
            (Core, AllPressed) if now + EVEN != until => next(Core, EVEN),
            (Core, Pressed) if is_over => next(Chance, CHANCE),
            (Chance, AllPressed) => next(Trial, TRIAL),
            (Needed, AllPressed) if is_over => next(Trial, TRIAL),
            (Chance | Needed, Eased) if is_over => next(Core, 0),
            (Trial, AllPressed) if is_over || until - now < TRIAL => next(Core, EVEN),
            (Trial, Pressed) if is_over => next(Needed, CHANCE),
            _ => None,
        }
    }

    pub(super) fn packed(self) -> u64 {
        self.until << 2 | self.stage as u64
    }

    #[inline]
    pub(super) fn unpacked(packed: u64) -> Self {
        let stage = match packed & 3 {
            0 => Stage::Core,
            1 => Stage::Chance,
            2 => Stage::Trial,
            _ => Stage::Needed,
        };
        Self { stage, until: packed >> 2 }
    }

    pub(super) fn is_by_core(self) -> bool {
        matches!(self.stage, Stage::Core | Stage::Trial)
    }

    /// The change to it, in the operator's words.
    pub(super) fn told(self) -> &'static str {
        match self.stage {
            Stage::Core => {
                "the worker on the core that receives a query answers it, as it was by chance for a while"
            }
            Stage::Trial => {
                "the worker on the core that receives a query answers it, as all workers have as much as they can answer"
            }
            Stage::Chance | Stage::Needed => {
                "workers get queries by chance, as one core receives more than its worker can answer, and other workers rest"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any time.
    const T: u64 = 1_800_000_000;

    /// When a worker looks, what it sees, and what holds then.
    type Events<'a> = &'a [(u64, Look, Stage)];

    #[test]
    fn who_is_pressed_says_which_rule_holds() {
        use Look::{AllPressed, Eased, Pressed};
        use Stage::{Chance, Core, Needed, Trial};

        let table: &[(&str, Events<'_>)] = &[
            ("what is answered in time is left alone", &[(0, Eased, Core), (999, Eased, Core)]),
            (
                "one is pressed for a while",
                &[
                    (0, Pressed, Chance),
                    (0, Pressed, Chance),
                    (59, Eased, Chance),
                    (60, Pressed, Chance),
                    (61, Eased, Core),
                    (62, Eased, Core),
                ],
            ),
            (
                "one is pressed for long",
                &[
                    (0, Pressed, Chance),
                    (60, Eased, Core),
                    (60, Pressed, Chance),
                    (119, Eased, Chance),
                ],
            ),
            (
                "all are pressed, the one a little before the other",
                &[
                    (0, Pressed, Chance),
                    (0, AllPressed, Trial),
                    (0, AllPressed, Trial), // as what waits is still that of chance
                    (1, AllPressed, Core),
                    (2, Pressed, Core),
                    (2, AllPressed, Core),
                    (3, Pressed, Core),
                    (4, Pressed, Chance),
                ],
            ),
            (
                "all are pressed, and then one has not quite enough",
                &[
                    (0, AllPressed, Core),
                    (1, Pressed, Core),
                    (1, AllPressed, Core),
                    (2, Pressed, Core),
                ],
            ),
            (
                "all are pressed by chance, and one core receives it all",
                &[
                    (0, Pressed, Chance),
                    (0, AllPressed, Trial),
                    (1, Pressed, Trial),
                    (1, Eased, Trial),
                    (2, Pressed, Needed),
                    (2, AllPressed, Needed),
                    (61, AllPressed, Needed),
                    (62, AllPressed, Trial),
                    (64, Eased, Trial),
                    (64, Pressed, Needed),
                    (123, Eased, Needed),
                    (124, Eased, Core),
                ],
            ),
        ];
        for (what, events) in table {
            let mut rule = Rule::default();
            for &(at, look, expected) in *events {
                rule = rule.after(look, T + at).unwrap_or(rule);
                assert_eq!(rule.stage, expected, "{what}: {look:?} at {at}");
                assert_eq!(Rule::unpacked(rule.packed()), rule);
            }
        }
    }

    #[test]
    fn a_rule_is_written_once_a_second_at_most() {
        let rule = Rule::default().after(Look::AllPressed, T).expect("they were not so before");
        assert_eq!(rule.after(Look::AllPressed, T), None);
        assert!(rule.after(Look::AllPressed, T + 1).is_some());
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_up() {
        let looks = [(Stage::Core, Look::Pressed), (Stage::Trial, Look::Pressed)];
        for (stage, look) in looks
            .into_iter()
            .chain([Stage::Chance, Stage::Needed].map(|stage| (stage, Look::Eased)))
        {
            let rule = Rule { stage, until: T };
            assert!(rule.after(look, T - 3_600).is_some(), "{stage:?}");
        }
    }
}
