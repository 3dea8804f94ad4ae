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
//! others help. A trial tells. Where by core does not hold for a minute, the next minute is two, and so on: one core that receives all
//! would have too much for a moment every minute else.

/// How long chance is kept the first time, in seconds, before by core is tried; how long by core has to hold until the time
/// before is forgotten.
const CHANCE: u64 = 60;
/// So often that is doubled, each time that by core was not held for so long: up to 16 minutes.
const PATIENCE_MAX: u8 = 4;
/// How long a trial takes, in seconds, of which the first may be no more than a moment. In the second what waited when it began is
/// answered.
const TRIAL: u64 = 3;
/// How long all workers have enough to do once they were pressed together, in seconds. Whoever has not quite enough is pressed
/// now and then, and that is no reason for chance.
const EVEN: u64 = 3;

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
    /// How often by core was tried in vain since it held last.
    patience: u8,
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

        let Self { stage, until, patience } = self;
        // Nothing is put off for longer: then the clock was set back.
        let is_over = now >= until || until - now > CHANCE << PATIENCE_MAX;
        let next = |stage, after, patience| Some(Self { stage, until: now + after, patience });
        let (chance, more) = (CHANCE << patience, (patience + 1).min(PATIENCE_MAX));
        match (stage, look) {
            (Core, AllPressed) if now + EVEN != until => next(Core, EVEN, patience),
            (Core, Pressed) if is_over => next(Chance, chance, patience),
            (Core, Eased) if now >= until + CHANCE => next(Core, 0, 0),
            (Chance, AllPressed) => next(Trial, TRIAL, patience),
            (Needed, AllPressed) if is_over => next(Trial, TRIAL, patience),
            (Chance | Needed, Eased) if is_over => next(Core, 0, more),
            (Trial, AllPressed) if is_over || until - now < TRIAL - 1 => next(Core, EVEN, 0),
            (Trial, Pressed) if is_over => next(Needed, chance, more),
            _ => None,
        }
    }

    /// The same rule, left alone for a while from `now` on, as it could not be changed.
    pub(super) fn held(self, now: u64) -> Self {
        Self { until: now + CHANCE, ..self }
    }

    /// Whether it is more than one more try that an operator has been told of.
    pub(super) fn is_news(self) -> bool {
        self.patience <= u8::from(self.stage == Stage::Core)
    }

    pub(super) fn packed(self) -> u64 {
        self.until << 5 | u64::from(self.patience) << 2 | self.stage as u64
    }

    #[inline]
    pub(super) fn unpacked(packed: u64) -> Self {
        let stage = match packed & 3 {
            0 => Stage::Core,
            1 => Stage::Chance,
            2 => Stage::Trial,
            _ => Stage::Needed,
        };
        let patience = (packed >> 2 & 0b111) as u8;
        Self { stage, until: packed >> 5, patience }
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
                "one is pressed for long: by core is tried ever less often",
                &[
                    (0, Pressed, Chance),
                    (60, Eased, Core),
                    (60, Pressed, Chance),
                    (179, Eased, Chance),
                    (180, Eased, Core),
                    (239, Pressed, Chance),
                    (478, Eased, Chance),
                    (479, Eased, Core),
                    (480, Pressed, Chance),
                    (960, Eased, Core),
                    (961, Pressed, Chance),
                    (1_921, Eased, Core),
                    (1_921, Pressed, Chance),
                    (2_880, Eased, Chance),
                    (2_881, Eased, Core),
                ],
            ),
            (
                "by core holds for a minute, and what was before is forgotten",
                &[
                    (0, Pressed, Chance),
                    (60, Eased, Core),
                    (120, Eased, Core),
                    (120, Pressed, Chance),
                    (179, Eased, Chance),
                    (180, Eased, Core),
                ],
            ),
            (
                "all are pressed, the one a little before the other",
                &[
                    (0, Pressed, Chance),
                    (0, AllPressed, Trial),
                    (0, AllPressed, Trial), // as what waits is still that of chance
                    (1, AllPressed, Trial), // which may be a moment later
                    (2, AllPressed, Core),
                    (4, Pressed, Core),
                    (4, AllPressed, Core),
                    (6, Pressed, Core),
                    (7, Pressed, Chance),
                ],
            ),
            (
                "all are pressed, and then one has not quite enough",
                &[
                    (0, AllPressed, Core),
                    (1, Pressed, Core),
                    (1, AllPressed, Core),
                    (3, Pressed, Core),
                ],
            ),
            (
                "all are pressed by chance, and one core receives it all",
                &[
                    (0, Pressed, Chance),
                    (0, AllPressed, Trial),
                    (2, Pressed, Trial),
                    (2, Eased, Trial),
                    (3, Pressed, Needed),
                    (3, AllPressed, Needed),
                    (62, AllPressed, Needed),
                    (63, AllPressed, Trial),
                    (66, Eased, Trial),
                    (66, Pressed, Needed),
                    (185, Eased, Needed),
                    (186, Eased, Core),
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
    fn a_rule_that_could_not_be_changed_is_left_alone_for_a_while() {
        let rule = Rule::default().held(T);
        assert_eq!(rule.after(Look::Pressed, T + 59), None);
        assert!(rule.after(Look::Pressed, T + 60).is_some());
    }

    #[test]
    fn an_operator_is_told_once_of_what_is_tried_again_and_again() {
        let mut rule = Rule::default();
        let mut news = Vec::new();
        for round in 0..3 {
            for (at, look) in [(0, Look::Pressed), (990, Look::Eased)] {
                rule = rule.after(look, T + 1_000 * round + at).expect("it changes");
                news.push(rule.is_news());
            }
        }
        assert_eq!(news, [true, true, false, false, false, false]);
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_up() {
        let looks = [(Stage::Core, Look::Pressed), (Stage::Trial, Look::Pressed)];
        for (stage, look) in looks
            .into_iter()
            .chain([Stage::Chance, Stage::Needed].map(|stage| (stage, Look::Eased)))
        {
            let rule = Rule { stage, until: T, patience: 0 };
            assert!(rule.after(look, T - 3_600).is_some(), "{stage:?}");
        }
    }
}
