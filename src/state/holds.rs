//! When the holds of flapping targets end, and what follows then.

use std::collections::BTreeMap;
use std::time::Duration;

use super::changes::State;
use super::tell;
use crate::health::flap::Hold;
use crate::health::key::TargetKey;
use crate::health::target::Target;

/// The targets that are held down, by when that ends at the earliest, by the running clock.
#[derive(Default)]
pub(super) struct Holds(BTreeMap<(Duration, TargetKey), Target>);

impl Holds {
    pub(super) fn add(&mut self, target: &Target, hold: Hold) {
        self.0.insert((hold.end, TargetKey::of(target)), target.clone());
    }

    /// When the first may end.
    pub(super) fn next_end(&self) -> Option<Duration> {
        self.0.first_key_value().map(|((end, _), _)| *end)
    }

    /// Takes out one that may have ended.
    fn pop_over(&mut self, now: Duration) -> Option<Target> {
        self.next_end().filter(|end| *end <= now)?;
        self.0.pop_first().map(|(_, target)| target)
    }
}

impl State {
    /// Lets go what has been quiet for long enough.
    pub(super) fn let_go(&mut self) {
        let now = self.shared.now().running;
        while let Some(target) = self.holds.pop_over(now) {
            // Changes that came meanwhile have made it longer.
            if let Some(longer) = self.shared.registry.let_go(&target, now) {
                self.holds.add(&target, longer);
                continue;
            }
            self.dirty.extend(self.users.of(&target));
            tell::let_go(self, &target);
        }
    }
}
