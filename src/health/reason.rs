//! Why an address is in service or not, as a sentence: the same in logs, in the API and in an explanation.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::flap::Hold;
use super::overrides::{Hand, Override};
use super::quorum::word;
use super::target::{Health, Side, Streak};
use super::told::Wish;
use super::verdict::{Basis, Known, Verdict, Vote};
use crate::config::model::{Endpoint, SetState};

/// The reason where there is a check, but nobody has made it.
pub const UNSEEN: &str = "not judged yet; counts as up";

/// The verdict on one address or target of a pool, and the reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The backend's name in its pool.
    pub backend: String,
    /// The address or target.
    pub endpoint: Endpoint,
    /// The verdict.
    pub verdict: Verdict,
    /// Why: "3 checks failed: connection refused"; one line, no full stop.
    pub reason: String,
}

/// The reason for a verdict, from what it was made of.
#[must_use]
pub fn reason(
    verdict: &Verdict,
    state: SetState,
    set: Option<&Override>,
    known: Option<&Known>,
) -> String {
    match (verdict.basis, set, known) {
        (Basis::Override, Some(set), _) => by_hand(set),
        (Basis::Judged, _, Some(known)) => {
            let found = found(known);
            if verdict.in_service && verdict.told.is_degraded {
                format!("degraded: {found}")
            } else {
                found
            }
        }
        (Basis::Flapping, _, Some(known)) => flapping(known),
        (Basis::Asked, _, Some(known)) => asked(known),
        (Basis::Isolated, _, Some(known)) => {
            format!("as it was before most targets of its prober failed at once: {}", found(known))
        }
        (Basis::Held, _, Some(known)) => {
            format!("as it was when the probers fell silent: {}", found(known))
        }
        (basis, ..) => match (basis, state, verdict.in_service) {
            (Basis::Set, SetState::Down, _) => "set down by the zone file",
            (Basis::Set, ..) => "set up by the zone file",
            (Basis::Unchecked, ..) => "no check",
            (Basis::Open, ..) => "no prober is heard, and all count as in service then",
            (Basis::Remembered, _, true) => "not judged yet; it was up before",
            (Basis::Remembered, _, false) => "not judged yet; it was down before",
            _ => UNSEEN,
        }
        .to_owned(),
    }
}

/// What the target wishes for, and its words: "it asks to be drained: drain # disk swap".
fn asked(known: &Known) -> String {
    let votes = known.counted();
    let Some(asker) = votes.max_by_key(|vote| vote.told.wish) else { return UNSEEN.to_owned() };
    let wish = match asker.told.wish {
        Wish::Maintenance => "it asks to be left alone for maintenance",
        Wish::Drain | Wish::Serve => "it asks to be drained",
    };
    if asker.detail.is_empty() { wish.to_owned() } else { format!("{wish}: {}", asker.detail) }
}

/// What a hand did: "drained by anna until 12:05 UTC: disk swap".
#[must_use]
pub fn by_hand(set: &Override) -> String {
    let what = match set.hand {
        Hand::Up => "set up",
        Hand::Down => "set down",
        Hand::Drain => "drained",
    };
    let mut text = format!("{what} by {}", set.author);
    if let Some(until) = set.until {
        let _ = write!(text, " until {}", end(set.since, until));
    }
    if let Some(reason) = &set.reason {
        let _ = write!(text, ": {reason}");
    }
    text
}

/// Why what flaps is held: "flapping: 5 changes, held down until 12:05 UTC; 3 checks passed".
#[must_use]
pub fn flapping(known: &Known) -> String {
    let found = found(known);
    match known.flapping {
        Some(hold) => format!("{}; {found}", held(hold)),
        None => found,
    }
}

/// That it is held, and for how long: "flapping: 5 changes, held down until 12:05 UTC".
#[must_use]
pub fn held(Hold { changes, until, .. }: Hold) -> String {
    // No hold lasts longer than a day, so the time of the day says which.
    format!("flapping: {changes} changes, held down until {}", end(until, until))
}

/// A time of the day where it is the day of `since`, else with its date.
fn end(since: u64, until: u64) -> String {
    let time = |unix: u64| Timestamp::from_millisecond(unix.try_into().ok()?).ok();
    match (time(since), time(until)) {
        (Some(since), Some(until)) if day(since) == day(until) => {
            until.strftime("%H:%M UTC").to_string()
        }
        (_, Some(until)) => until.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        _ => "the end of time".to_owned(),
    }
}

fn day(time: Timestamp) -> i64 {
    time.as_second().div_euclid(24 * 60 * 60)
}

/// What the probers found, as far as it counts.
#[must_use]
pub fn found(known: &Known) -> String {
    let streak = Streak::of(&known.check);
    let all: Vec<&Vote> = known.counted().collect();
    if let [only] = all[..] {
        return vote(only, streak);
    }
    let down: Vec<&&Vote> =
        all.iter().filter(|vote| vote.stands().side() == Some(Side::Down)).collect();
    let mut text = match down.len() {
        0 => return format!("all {} probers find it up", all.len()),
        1 => format!("1 of {} probers finds it down", all.len()),
        count => format!("{count} of {} probers find it down", all.len()),
    };
    let _ = write!(text, " (quorum {})", word(known.quorum));
    for (index, one) in down.into_iter().enumerate() {
        let _ = write!(
            text,
            "{} {}: {}",
            if index == 0 { ";" } else { "," },
            one.source,
            vote(one, streak)
        );
    }
    text
}

/// What one prober found.
fn vote(Vote { health, detail, run, .. }: &Vote, Streak { fall, rise }: Streak) -> String {
    // What was found is told, and not what counts in its place.
    let said = match health {
        Health::Unknown => return "not judged yet".to_owned(),
        Health::Up { failed: 0 } => format!("{} passed", checks(*run)),
        Health::Up { failed } => format!("{failed} of {fall} checks failed"),
        Health::Down { passed: 0 } => format!("{} failed", checks(*run)),
        Health::Down { passed } => format!("{passed} of {rise} checks passed"),
    };
    if detail.is_empty() { said } else { format!("{said}: {detail}") }
}

fn checks(count: u32) -> String {
    if count == 1 { "1 check".to_owned() } else { format!("{count} checks") }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU8, NonZeroU16};
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::config::model::probers::Quorum;
    use crate::config::model::{Check, CheckKind};
    use crate::health::backend::BackendKey;
    use crate::health::source::Source;
    use crate::health::told::Told;

    fn known(votes: &[(&str, Health, u32, &str)]) -> Known {
        let check = Arc::new(Check {
            kind: CheckKind::Tcp { port: NonZeroU16::MIN },
            interval: Duration::from_secs(10),
            fast_interval: Duration::from_secs(1),
            timeout: Duration::from_secs(2),
            rise: NonZeroU8::new(2).expect("not zero"),
            fall: NonZeroU8::new(3).expect("not zero"),
            flap: None,
        });
        let vote = |&(name, health, run, detail): &(&str, Health, u32, &str)| Vote {
            source: Source::beside(name).expect(name),
            is_live: true,
            health,
            detail: Arc::from(detail),
            told: Told::default(),
            run,
            is_cut_off: false,
            held: None,
        };
        let votes = votes.iter().map(vote).collect();
        let quorum = Quorum::Majority;
        Known { check, votes, quorum, is_open: false, remembered: None, flapping: None }
    }

    #[test]
    fn what_probers_found_is_told_in_short() {
        let down = Health::Down { passed: 0 };
        let up = Health::Up { failed: 0 };
        for (votes, expected) in [
            (vec![("a", down, 3, "connection refused")], "3 checks failed: connection refused"),
            (vec![("a", down, 1, "timeout")], "1 check failed: timeout"),
            (
                vec![("a", Health::Down { passed: 1 }, 1, "HTTP 200")],
                "1 of 2 checks passed: HTTP 200",
            ),
            (vec![("a", up, 7, "HTTP 200")], "7 checks passed: HTTP 200"),
            (
                vec![("a", Health::Up { failed: 2 }, 2, "HTTP 500")],
                "2 of 3 checks failed: HTTP 500",
            ),
            (vec![("a", up, 1, "x"), ("b", up, 1, "x")], "all 2 probers find it up"),
            (
                vec![("a", up, 1, "x"), ("b", down, 4, "timeout")],
                "1 of 2 probers finds it down (quorum majority); b: 4 checks failed: timeout",
            ),
            (
                vec![("a", down, 1, "x"), ("b", down, 2, "y")],
                "2 of 2 probers find it down (quorum majority); a: 1 check failed: x, b: 2 checks failed: y",
            ),
        ] {
            let known = known(&votes);
            let verdict = Verdict::new(SetState::Auto, None, Some(&known));
            assert_eq!(reason(&verdict, SetState::Auto, None, Some(&known)), expected);
        }
    }

    #[test]
    fn what_flaps_says_until_when_it_is_held_and_what_its_checks_find() {
        let (end, until) = (Duration::ZERO, 1_763_726_400_000 + 300_000);
        let hold = Hold { changes: 5, end, until };
        for (health, found) in [
            (Health::Up { failed: 0 }, "7 checks passed: connected"),
            (Health::Down { passed: 0 }, "7 checks failed: connected"),
        ] {
            let known = Known { flapping: Some(hold), ..known(&[("a", health, 7, "connected")]) };
            let verdict = Verdict::new(SetState::Auto, None, Some(&known));
            assert_eq!(
                reason(&verdict, SetState::Auto, None, Some(&known)),
                format!("flapping: 5 changes, held down until 12:05 UTC; {found}")
            );
        }
    }

    #[test]
    fn what_serves_and_is_degraded_says_so() {
        for (health, expected) in [
            (Health::Up { failed: 0 }, "degraded: 7 checks passed: 3 days left"),
            (Health::Down { passed: 0 }, "7 checks failed: 3 days left"),
        ] {
            let mut known = known(&[("a", health, 7, "3 days left")]);
            known.votes[0].told.is_degraded = true;
            let verdict = Verdict::new(SetState::Auto, None, Some(&known));
            assert_eq!(reason(&verdict, SetState::Auto, None, Some(&known)), expected);
        }
    }

    #[test]
    fn what_a_target_asks_for_is_told_with_its_words() {
        let up = Health::Up { failed: 0 };
        for (wishes, expected) in [
            (vec![(Wish::Drain, "drain # disk swap")], "it asks to be drained: drain # disk swap"),
            (vec![(Wish::Drain, "")], "it asks to be drained"),
            (
                vec![(Wish::Serve, "up"), (Wish::Maintenance, "maint"), (Wish::Drain, "drain")],
                "it asks to be left alone for maintenance: maint",
            ),
        ] {
            let rows: Vec<_> = wishes
                .iter()
                .zip(["a", "b", "c"])
                .map(|((_, said), name)| (name, up, 1, *said))
                .collect();
            let mut known = known(&rows);
            for (vote, (wish, _)) in known.votes.iter_mut().zip(&wishes) {
                vote.told.wish = *wish;
            }
            let verdict = Verdict::new(SetState::Auto, None, Some(&known));
            assert_eq!(reason(&verdict, SetState::Auto, None, Some(&known)), expected);
        }
    }

    #[test]
    fn a_hand_is_told_with_its_author_end_and_reason() {
        let noon = 1_763_726_400_000;
        for (hand, until, why, expected) in [
            (
                Hand::Drain,
                Some(300),
                Some("disk swap"),
                "drained by anna until 12:05 UTC: disk swap",
            ),
            (Hand::Down, None, None, "set down by anna"),
            (Hand::Up, Some(86_400), None, "set up by anna until 2025-11-22 12:00 UTC"),
        ] {
            let set = Override {
                key: BackendKey::new("z", "p", "b"),
                hand,
                author: "anna".into(),
                reason: why.map(Arc::from),
                since: noon,
                until: until.map(|seconds| noon + seconds * 1000),
            };
            let verdict = Verdict::new(SetState::Auto, Some(hand), None);
            assert_eq!(reason(&verdict, SetState::Auto, Some(&set), None), expected);
        }
    }

    #[test]
    fn what_is_not_judged_says_what_it_counts_as() {
        let unjudged = |remembered, is_open| Some(Known { is_open, remembered, ..known(&[]) });
        for (state, known, expected) in [
            (SetState::Up, None, "set up by the zone file"),
            (SetState::Down, None, "set down by the zone file"),
            (SetState::Auto, None, "no check"),
            (SetState::Auto, unjudged(Some(Side::Up), false), "not judged yet; it was up before"),
            (
                SetState::Auto,
                unjudged(Some(Side::Down), false),
                "not judged yet; it was down before",
            ),
            (SetState::Auto, unjudged(None, false), "not judged yet; counts as up"),
            (
                SetState::Auto,
                unjudged(None, true),
                "no prober is heard, and all count as in service then",
            ),
        ] {
            let verdict = Verdict::new(state, None, known.as_ref());
            assert_eq!(reason(&verdict, state, None, known.as_ref()), expected);
        }
    }
}
